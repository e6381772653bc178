/* live_conf.c — RELOAD and SET. See live_conf.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/live_conf.h"

#include "base/log.h"
#include "base/mem.h"
#include "conf/load.h"

struct live_conf {
    struct conf *conf; /* shared (ref) */
    struct live_conf_users users;
    bool cutover_pending; /* the machine still goes by an older one */
};

struct live_conf *
live_conf_new(struct conf *conf, const struct live_conf_users *users)
{
    struct live_conf *l = xcalloc(1, sizeof(*l));
    l->conf = conf_ref(conf);
    l->users = *users;
    CHECK(users->workers != NULL && users->monitor != NULL && users->reads != NULL);
    CHECK(users->publisher != NULL && users->cutover != NULL);
    return l;
}

void
live_conf_free(struct live_conf *l)
{
    if (l == NULL) {
        return;
    }
    conf_unref(l->conf);
    mem_free(l);
}

const struct conf *
live_conf_get(const struct live_conf *l)
{
    return l->conf;
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
                      "these keys cannot change while teal runs: %s; nothing was changed",
                      (const char *)buf_slice(&names).p);
        (void)err_hint(err, "Restart teal, or put the values back.");
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
    read_policy_from_conf(l->users.reads, &conf->pairs[0]);
    monitor_reconfigure(l->users.monitor, conf);
    l->cutover_pending = !cutover_host_reconfigure(l->users.cutover, conf);
    publisher_set_conf(l->users.publisher, conf);
    return true;
}

bool
live_conf_reload(struct live_conf *l, struct buf *detail, struct err *err)
{
    struct conf *conf = load_again(l, err);
    if (conf == NULL || !adopt(l, conf, err)) {
        return false;
    }
    buf_printf(detail, "%s is in force%s", l->conf->path,
               l->cutover_pending ? "; the limits of the flip under way stay" : "");
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
    buf_printf(detail, "%s is in force until RELOAD%s", key,
               l->cutover_pending ? ", but not for the flip under way" : "");
    return true;
}

void
live_conf_tick(struct live_conf *l)
{
    if (l->cutover_pending) {
        l->cutover_pending = !cutover_host_reconfigure(l->users.cutover, l->conf);
    }
}
