/* live_conf.c — RELOAD and SET. See live_conf.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/live_conf.h"

#include "base/log.h"
#include "base/mem.h"
#include "base/table.h"
#include "conf/change.h"
#include "conf/load.h"
#include "pool/access.h"

struct live_conf {
    struct conf *file;            /* shared (ref): as the file has it */
    struct conf *conf;            /* shared (ref): in force, with what was SET */
    struct keeper *keeper;        /* borrowed: keeps what was SET */
    struct live_conf_users users; /* none before live_conf_set_users */
    bool flips_pending;           /* a flip under way goes on by an older one */
};

static void restore_sets(struct live_conf *l);

struct live_conf *
live_conf_new(struct conf *file, struct keeper *keeper)
{
    struct live_conf *l = xcalloc(1, sizeof(*l));
    l->file = conf_ref(file);
    l->conf = conf_ref(file);
    l->keeper = keeper;
    restore_sets(l);
    return l;
}

void
live_conf_set_users(struct live_conf *l, const struct live_conf_users *users)
{
    CHECK(users->workers != NULL && users->pairs_count > 0);
    l->users = *users;
}

void
live_conf_free(struct live_conf *l)
{
    if (l == NULL) {
        return;
    }
    conf_unref(l->conf);
    conf_unref(l->file);
    mem_free(l);
}

struct conf *
live_conf_get(const struct live_conf *l)
{
    return l->conf;
}

const struct conf *
live_conf_file(const struct live_conf *l)
{
    return l->file;
}

/* ---- what was SET ---- */

/* Has the keeper know the rows of SHOW CONFIG that differ from the file's. */
static void
keep_sets(struct live_conf *l)
{
    struct table *file = conf_show(l->file);
    struct table *live = conf_show(l->conf);
    const size_t key = table_column(live, "key");
    const size_t value = table_column(live, "value");
    const size_t rows = table_rows(live);
    struct wish_set *sets = xcalloc(rows, sizeof(*sets));
    uint32_t count = 0;
    CHECK(table_rows(file) == rows);
    for (size_t row = 0; row < rows; row++) {
        if (!cell_equal(table_cell(file, row, value), table_cell(live, row, value))) {
            sets[count++] = (struct wish_set){table_cell(live, row, key)->text,
                                              table_cell(live, row, value)->text};
        }
    }
    keeper_put_sets(l->keeper, sets, count);
    mem_free(sets);
    table_free(file);
    table_free(live);
}

/* One of before the restart, on top of the configuration. */
static void
restore_set(struct live_conf *l, const struct wish_set *set)
{
    struct err err;
    struct conf *conf = conf_with(l->conf, set->key, set->value, &err);
    if (conf == NULL) {
        log_warn(NULL, "a value of SET is dropped", "key=\"%s\" value=\"%s\" error=\"%s\"",
                 set->key, set->value, err.text);
        return;
    }
    conf_unref(l->conf);
    l->conf = conf;
    log_warn(NULL, "a value of SET is in force until RELOAD", "key=%s value=\"%s\"", set->key,
             set->value);
}

/* Whether the workers could start with the files that the configuration names. */
static bool
files_are_good(const struct conf *conf)
{
    struct scram_seed seed;
    struct buf mistakes;
    scram_seed_init(&seed);
    buf_init(&mistakes);
    struct access *access = access_load(conf, &seed, NULL, &mistakes);
    const bool ok = access != NULL && log_open(conf->logfile);
    buf_put_u8(&mistakes, 0);
    if (!ok) {
        log_warn(NULL, "all values of SET are dropped, their files cannot be used", "error=\"%s\"",
                 access == NULL ? (const char *)buf_slice(&mistakes).p : conf->logfile);
    }
    buf_fini(&mistakes);
    access_unref(access);
    return ok;
}

/* A mistake here must not keep Teal from starting: the file's configuration is a good one. */
static void
restore_sets(struct live_conf *l)
{
    const struct wishes *wishes = keeper_wishes(l->keeper);
    if (wishes->sets_count == 0) {
        return;
    }
    for (uint32_t i = 0; i < wishes->sets_count; i++) {
        restore_set(l, &wishes->sets[i]);
    }
    if (!files_are_good(l->conf)) {
        conf_unref(l->conf);
        l->conf = conf_ref(l->file);
    }
    log_set_level(l->conf->log_level);
    keep_sets(l);
}

/* ---- another one ---- */

/* All mistakes go to the log, the first one and their number to the client that asked. */
static struct conf *
load_again(const struct live_conf *l, struct err *err)
{
    struct conf_mistakes mistakes = {0};
    struct conf *conf = conf_load(l->conf->path, &mistakes);
    for (size_t i = 0; i < mistakes.count; i++) {
        log_error(NULL, "mistake in the configuration", "file=\"%s\" line=%u text=\"%s\"",
                  mistakes.items[i].file, mistakes.items[i].line, mistakes.items[i].text);
    }
    if (conf == NULL) {
        CHECK(mistakes.count > 0);
        (void)err_set(err, SQLSTATE_CONFIG_FILE, "%s:%u: %s (%zu %s in all); nothing was changed",
                      mistakes.items[0].file, mistakes.items[0].line, mistakes.items[0].text,
                      mistakes.count, mistakes.count == 1 ? "mistake" : "mistakes");
        (void)err_hint(err, "teal --check-config names all of them.");
    }
    conf_mistakes_fini(&mistakes);
    return conf;
}

static bool
may_replace(const struct live_conf *l, const struct conf *conf, struct err *err)
{
    struct buf names;
    buf_init(&names);
    const bool ok = conf_reload_check(l->conf, conf, &names);
    if (!ok) {
        buf_put_u8(&names, 0);
        (void)err_set(err, SQLSTATE_CONFIG_FILE,
                      "this cannot change while teal runs: %s; nothing was changed",
                      (const char *)buf_slice(&names).p);
        (void)err_hint(err, "Restart teal, or put it back.");
    }
    buf_fini(&names);
    return ok;
}

static bool
reopen_log(const struct conf *conf, struct err *err)
{
    if (log_open(conf->logfile)) {
        return true;
    }
    return err_set_errno(err, SQLSTATE_IO_ERROR,
                         "could not open the log file \"%s\"; nothing was changed", conf->logfile);
}

/* What can fail comes first, the workers' files last of it: whatever fails leaves all as it was. */
static bool
may_adopt(const struct live_conf *l, struct conf *conf, struct err *err)
{
    if (!may_replace(l, conf, err) || !reopen_log(conf, err)) {
        return false;
    }
    if (workers_reconfigure(l->users.workers, conf, err)) {
        return true;
    }
    if (!log_open(l->conf->logfile)) {
        log_warn(NULL, "the log goes on in the new file", "path=\"%s\"", conf->logfile);
    }
    return false;
}

/* Takes the reference, whatever comes of it. */
static bool
adopt(struct live_conf *l, struct conf *conf, struct err *err)
{
    if (!may_adopt(l, conf, err)) {
        conf_unref(conf);
        return false;
    }
    conf_unref(l->conf);
    l->conf = conf;
    log_set_level(conf->log_level);
    l->flips_pending = false;
    for (uint32_t i = 0; i < l->users.pairs_count; i++) {
        l->flips_pending |= pair_control_reconfigure(&l->users.pairs[i], conf);
    }
    return true;
}

bool
live_conf_reload(struct live_conf *l, struct buf *detail, struct err *err)
{
    struct conf *conf = load_again(l, err);
    if (conf == NULL || !adopt(l, conf, err)) {
        return false;
    }
    conf_unref(l->file);
    l->file = conf_ref(conf);
    keep_sets(l);
    buf_printf(detail, "%s is in force%s", l->conf->path,
               l->flips_pending ? "; the limits of the flip under way stay" : "");
    return true;
}

bool
live_conf_set(struct live_conf *l, const char *key, const char *value, struct buf *detail,
              struct err *err)
{
    struct conf *conf = conf_with(l->conf, key, value, err);
    if (conf == NULL || !adopt(l, conf, err)) {
        return false;
    }
    keep_sets(l);
    buf_printf(detail, "%s is in force until RELOAD%s", key,
               l->flips_pending ? ", but not for the flip under way" : "");
    return true;
}
