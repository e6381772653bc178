/* operator.c — what the operator may do. See operator.h.
 *
 * A flip has its own hold and its own order of things: HOLD, PAUSE and KILL are refused while
 * anything is under way, and a flip is refused while writes are held or all is paused. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/operator.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/rates.h"
#include "admin/text.h"
#include "base/mem.h"
#include "conf/databases.h"

struct verbs {
    struct operator_parts parts;
    struct rates rates;
    /* As of the last look: */
    struct workers_stats stats;
    struct workers_database *served; /* owned; its texts are the workers' */
    size_t served_count;
};

struct verbs *
operator_new(void)
{
    struct verbs *o = xcalloc(1, sizeof(*o));
    rates_init(&o->rates);
    return o;
}

void
operator_free(struct verbs *o)
{
    if (o == NULL) {
        return;
    }
    rates_fini(&o->rates);
    mem_free(o->served);
    mem_free(o);
}

void
operator_set_parts(struct verbs *o, const struct operator_parts *parts)
{
    CHECK(o->parts.loop == NULL && parts->loop != NULL);
    o->parts = *parts;
}

static void
look_at_workers(struct verbs *o)
{
    workers_stats(o->parts.workers, &o->stats);
    mem_free(o->served);
    o->served = workers_databases(o->parts.workers, &o->served_count);
}

void
operator_tick(struct verbs *o)
{
    const uint64_t now_us = loop_now_us(o->parts.loop);
    look_at_workers(o);
    rates_add(&o->rates, &o->stats, now_us);
    for (size_t i = 0; i < o->served_count; i++) {
        rates_add_database(&o->rates, &o->served[i], now_us);
    }
    keeper_tick(o->parts.keeper);
}

/* The pair that a command is about. */
static struct pair_control *
pair_of(const struct verbs *o, uint32_t number)
{
    CHECK(number < o->parts.pairs_count);
    return &o->parts.pairs[number];
}

/* ---- facts ---- */

/* /proc/self/statm: the second number is the pages in memory; 0 when it cannot be read. */
static uint64_t
pages_resident(void)
{
    char text[128] = "";
    const int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }
    const ssize_t n = read(fd, text, sizeof(text) - 1);
    (void)close(fd); /* it was only read */
    const char *blank = n > 0 ? strchr(text, ' ') : NULL;
    return blank == NULL ? 0 : strtoull(blank + 1, NULL, 10);
}

static void
fill_pair(const struct verbs *o, const struct pair_control *pair, struct snapshot_pair *out)
{
    out->conf = &live_conf_get(o->parts.conf)->pairs[pair->number];
    out->view = publisher_view(pair->publisher);
    out->facts = monitor_facts(pair->monitor);
    cutover_status(pair_control_machine(pair), &out->cutover);
    out->waiting = workers_waiting(o->parts.workers, pair->number);
    out->hold_until_us = hold_until_us(pair->hold);
    out->paused = keeper_pair(o->parts.keeper, pair->name)->paused;
}

static void
use_of(void *ctx, const char *alias, struct database_use *out)
{
    const struct verbs *o = ctx;
    *out = (struct database_use){.servers = workers_servers(o->parts.workers, alias),
                                 .clients = workers_clients(o->parts.workers, alias)};
    rates_get_database(&o->rates, alias, &out->rates);
    for (size_t i = 0; i < o->served_count; i++) {
        if (strcmp(o->served[i].alias, alias) == 0) {
            out->stats = o->served[i].stats;
            return;
        }
    }
}

static void
op_snapshot(void *ctx, struct snapshot *out)
{
    struct verbs *o = ctx;
    const struct operator_parts *p = &o->parts;
    CHECK(p->loop != NULL); /* the loop runs only after operator_set_parts */
    look_at_workers(o);
    out->served = o->served;
    out->served_count = o->served_count;
    out->ctx = o;
    out->use_of = use_of;
    out->now_us = loop_now_us(p->loop);
    out->conf = live_conf_get(p->conf);
    out->conf_file = live_conf_file(p->conf);
    out->pairs_count = p->pairs_count;
    for (uint32_t i = 0; i < p->pairs_count; i++) {
        fill_pair(o, &p->pairs[i], &out->pairs[i]);
        out->busy +=
            workers_busy(p->workers, i, SIDE_BLUE) + workers_busy(p->workers, i, SIDE_GREEN);
    }
    out->stats = &o->stats;
    rates_get(&o->rates, &out->rates);
    out->sessions = workers_sessions(p->workers);
    out->servers = workers_servers(p->workers, NULL);
    workers_lists(p->workers, &out->users, &out->pools);
    out->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    out->pages_resident = pages_resident();
}

static void
op_report(void *ctx, enum worker_report what, workers_report_fn *done, void *arg)
{
    const struct verbs *o = ctx;
    workers_report(o->parts.workers, what, o->parts.mailbox, done, arg);
}

/* ---- what is checked first ---- */

static bool
is_serving(const struct verbs *o, struct err *err)
{
    return !shutdown_has_begun(o->parts.shutdown) ||
           err_set(err, SQLSTATE_ADMIN_SHUTDOWN, "teal is shutting down");
}

/* Whether clients may name it so; what the monitor has not seen is not there. */
static bool
is_served(const struct verbs *o, const char *alias)
{
    const struct conf_database *d = conf_database_find(live_conf_get(o->parts.conf), alias);
    if (d == NULL) {
        return false;
    }
    const struct view *view = publisher_view(pair_of(o, d->pair)->publisher);
    return !view->databases_known || view_database(view, conf_database_dbname(d, alias)) != NULL;
}

/* No name means all. */
static bool
is_our_database(const struct verbs *o, const struct command *c, struct err *err)
{
    if (c->database[0] != '\0' && c->pair[0] != '\0') {
        return err_set(err, SQLSTATE_INVALID_PARAMETER,
                       "a database and a pair cannot both be named: a database is of one pair");
    }
    if (c->database[0] == '\0' || is_served(o, c->database)) {
        return true;
    }
    (void)err_set(err, SQLSTATE_INVALID_DATABASE, "no such database: %s", c->database);
    return err_hint(err, "SHOW DATABASES has them in its column name.");
}

/* A database, a pair that is named, or everything. */
static struct pause_target
target_of(const struct command *c)
{
    return (struct pause_target){.alias = c->database[0] == '\0' ? NULL : c->database,
                                 .pair = c->pair[0] == '\0' ? PAIR_ALL : c->pair_number};
}

static const struct pause_target everything = {.pair = PAIR_ALL};

static bool
nothing_is_under_way(const struct pair_control *pair, struct err *err)
{
    struct cutover_status status;
    cutover_status(pair_control_machine(pair), &status);
    return cutover_is_idle(pair_control_machine(pair)) ||
           err_set(err, SQLSTATE_OBJECT_IN_USE, "%s is under way, in state %s", status.job_name,
                   status.state_name);
}

/* The pair that is meant, or has the database; any when all are meant. */
static bool
is_concerned(const struct verbs *o, const struct command *c, uint32_t pair)
{
    const struct conf *conf = live_conf_get(o->parts.conf);
    if (c->database[0] != '\0') {
        return conf_database_find(conf, c->database)->pair == pair;
    }
    return c->pair[0] == '\0' || c->pair_number == pair;
}

/* What KILL and PAUSE both need. */
static bool
may_pause(const struct verbs *o, const struct command *c, struct err *err)
{
    if (!is_serving(o, err) || !is_our_database(o, c, err)) {
        return false;
    }
    const struct pause_target target = target_of(c);
    if (pause_is_on(o->parts.pause, &everything)) {
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "everything is paused already");
    }
    if (pause_is_on(o->parts.pause, &target)) {
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "%s \"%s\" is paused already",
                       target.alias == NULL ? "pair" : "database",
                       target.alias == NULL ? c->pair : target.alias);
    }
    for (uint32_t i = 0; i < o->parts.pairs_count; i++) {
        if (is_concerned(o, c, i) && !nothing_is_under_way(&o->parts.pairs[i], err)) {
            return false;
        }
    }
    return true;
}

/* ---- jobs of the machines ---- */

static bool
op_start(void *ctx, uint32_t number, enum cutover_job job, const struct cutover_options *options,
         struct err *err)
{
    const struct verbs *o = ctx;
    const struct pair_control *pair = pair_of(o, number);
    if (!is_serving(o, err)) {
        return false;
    }
    if (job == CUTOVER_JOB_FLIP && hold_until_us(pair->hold) != 0) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "writes are held by HOLD");
        return err_hint(err, "First: RELEASE%s%s. A flip holds them by itself.",
                        o->parts.pairs_count > 1 ? " PAIR " : "",
                        o->parts.pairs_count > 1 ? pair->name : "");
    }
    if (job == CUTOVER_JOB_FLIP && publisher_view(pair->publisher)->paused) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "all databases of the pair are paused");
        return err_hint(err, "RESUME it first; a flip holds the writes by itself.");
    }
    return cutover_start(pair_control_machine(pair), job, options, err);
}

static bool
op_abort(void *ctx, uint32_t number)
{
    const struct verbs *o = ctx;
    return cutover_abort(pair_control_machine(pair_of(o, number)));
}

/* ---- the verbs ---- */

typedef bool verb_fn(struct verbs *o, const struct command *c, struct buf *detail, struct err *err);

static bool
do_reads(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    struct pair_control *pair = pair_of(o, c->pair_number);
    if (!is_serving(o, err)) {
        return false;
    }
    if (c->reads_default) {
        const struct conf *conf = live_conf_get(o->parts.conf);
        read_policy_reset(&pair->reads, &conf->pairs[pair->number], detail);
    } else if (!read_policy_apply(&pair->reads, c, publisher_view(pair->publisher),
                                  monitor_facts(pair->monitor), detail, err)) {
        return false;
    }
    publisher_refresh(pair->publisher);
    const struct wish_reads said = read_policy_wish(&pair->reads);
    keeper_put_reads(o->parts.keeper, pair->name, &said);
    return true;
}

static bool
do_hold(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    const struct pair_control *pair = pair_of(o, c->pair_number);
    if (!is_serving(o, err)) {
        return false;
    }
    if (!publisher_view(pair->publisher)->writes_known) {
        return err_set(err, SQLSTATE_CANNOT_CONNECT_NOW,
                       "the writer is not known yet, so writes are held anyway");
    }
    if (!nothing_is_under_way(pair, err)) {
        return false;
    }
    const struct conf *conf = live_conf_get(o->parts.conf);
    const uint64_t limit_us =
        c->timeout_set ? c->timeout_us : conf->pairs[pair->number].hold_timeout_us;
    hold_begin(pair->hold, limit_us);
    buf_printf(detail, "writes wait, for %s at most", text_duration(limit_us).s);
    return true;
}

static bool
do_release(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    const struct pair_control *pair = pair_of(o, c->pair_number);
    if (hold_until_us(pair->hold) == 0) {
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "writes are not held by HOLD");
    }
    buf_printf(detail, "%" PRIu32 " waiting transactions go on",
               workers_waiting(o->parts.workers, pair->number));
    hold_end(pair->hold);
    return true;
}

static bool
do_pause(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    (void)detail; /* the answer comes when it is over */
    const uint64_t limit_us =
        c->timeout_set ? c->timeout_us : live_conf_get(o->parts.conf)->pause_timeout_us;
    const struct pause_target target = target_of(c);
    return may_pause(o, c, err) && pause_begin(o->parts.pause, &target, limit_us, err);
}

static bool
refuse_resume(const struct verbs *o, const struct command *c, struct err *err)
{
    if (c->database[0] == '\0' && c->pair[0] == '\0') {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "nothing is paused");
        return err_hint(err, "RELEASE ends HOLD.");
    }
    (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "\"%s\" is not paused by its name",
                  c->database[0] == '\0' ? c->pair : c->database);
    return pause_is_any_on(o->parts.pause) &&
           err_hint(err, "RESUME without a name ends every pause: status shows them.");
}

static bool
do_resume(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    const struct pause_target target = target_of(c);
    const bool is_named = target.alias != NULL || target.pair != PAIR_ALL;
    const bool is_on =
        is_named ? pause_is_on(o->parts.pause, &target) : pause_is_any_on(o->parts.pause);
    /* A database that was dropped while it was paused can be resumed. */
    if (!is_on) {
        return is_our_database(o, c, err) && refuse_resume(o, c, err);
    }
    buf_printf(detail, "%" PRIu32 " waiting transactions go on",
               workers_waiting_in_all(o->parts.workers));
    pause_end(o->parts.pause, &target);
    return true;
}

static bool
do_kill_all(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    const struct pause_target target = target_of(c);
    if (!may_pause(o, c, err)) {
        return false;
    }
    if (target.alias == NULL && target.pair == PAIR_ALL) {
        buf_printf(detail, "%" PRIu32 " clients and ", workers_sessions(o->parts.workers));
    } else {
        buf_printf(detail, "its clients and ");
    }
    buf_printf(detail, "%" PRIu32 " server connections are ended; new transactions wait for RESUME",
               pause_servers(o->parts.pause, &target));
    return pause_kill(o->parts.pause, &target, err);
}

static bool
do_kill(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    (void)err;
    workers_kill_session(o->parts.workers, c->number);
    buf_printf(detail, "session %" PRIu64 " is told to end", c->number);
    return true;
}

static bool
do_reconnect(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    if (!is_our_database(o, c, err)) {
        return false;
    }
    const struct pause_target target = target_of(c);
    buf_printf(detail, "%" PRIu32 " server connections are closed as they become free",
               pause_reconnect(o->parts.pause, &target));
    return true;
}

/* Only whether it may wait: the console looks at the servers' report itself. */
static bool
do_wait_close(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    (void)detail;
    return is_our_database(o, c, err);
}

static bool
do_disable(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    if (!is_our_database(o, c, err) || !pause_disable(o->parts.pause, c->database, true, err)) {
        return false;
    }
    buf_printf(detail, "new clients are refused; those that are connected stay");
    return true;
}

/* Harmless when it is not disabled; one that was dropped meanwhile as well. */
static bool
do_enable(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    const struct wishes *wishes = keeper_wishes(o->parts.keeper);
    if (wish_stop_find(wishes, c->database) == NULL && !is_our_database(o, c, err)) {
        return false;
    }
    if (!pause_disable(o->parts.pause, c->database, false, err)) {
        return false;
    }
    buf_printf(detail, "new clients are welcome");
    return true;
}

static bool
do_set(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    return live_conf_set(o->parts.conf, c->key, c->value, detail, err);
}

static bool
do_reload(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    (void)c;
    return live_conf_reload(o->parts.conf, detail, err);
}

static bool
do_shutdown(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    static const char *const details[] = {
        [SHUTDOWN_NOW] = "ending now",
        [SHUTDOWN_WAIT_FOR_CLIENTS] = "ending when the clients have gone",
        [SHUTDOWN_WAIT_FOR_SERVERS] = "ending when open transactions have ended",
    };
    const uint64_t limit_us = live_conf_get(o->parts.conf)->shutdown_timeout_us;
    (void)err;
    CHECK((size_t)c->shutdown < COUNT_OF(details));
    buf_printf(detail, "%s", details[c->shutdown]);
    if (c->shutdown != SHUTDOWN_NOW) {
        buf_printf(detail, ", after %s at most", text_duration(limit_us).s);
    }
    shutdown_begin(o->parts.shutdown, c->shutdown, limit_us);
    return true;
}

static verb_fn *const verbs[COMMANDS_COUNT] = {
    [CMD_READS] = do_reads,     [CMD_HOLD] = do_hold,           [CMD_RELEASE] = do_release,
    [CMD_PAUSE] = do_pause,     [CMD_RESUME] = do_resume,       [CMD_KILL_ALL] = do_kill_all,
    [CMD_KILL] = do_kill,       [CMD_RECONNECT] = do_reconnect, [CMD_WAIT_CLOSE] = do_wait_close,
    [CMD_DISABLE] = do_disable, [CMD_ENABLE] = do_enable,       [CMD_SET] = do_set,
    [CMD_RELOAD] = do_reload,   [CMD_SHUTDOWN] = do_shutdown,
};

/* It is done all the same: the disk must not keep the operator from a hold. */
static void
add_unwritten(const struct verbs *o, struct buf *detail)
{
    const char *path = keeper_unwritten(o->parts.keeper);
    if (path != NULL) {
        buf_printf(detail, "; but \"%s\" cannot be written, so a restart would not know of it",
                   path);
    }
}

bool
operator_perform(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    CHECK(o->parts.loop != NULL);
    CHECK((size_t)c->id < COMMANDS_COUNT && verbs[c->id] != NULL);
    const bool ok = verbs[c->id](o, c, detail, err);
    CHECK(ok || err_is_set(err));
    if (ok) {
        add_unwritten(o, detail);
    }
    return ok;
}

/* ---- for the console ---- */

static bool
op_perform(void *ctx, const struct command *c, struct buf *detail, struct err *err)
{
    return operator_perform(ctx, c, detail, err);
}

static enum console_wait
op_pause_state(void *ctx, const struct command *c, struct buf *detail, struct err *err)
{
    const struct verbs *o = ctx;
    const struct pause_target target = target_of(c);
    const enum console_wait state = pause_state(o->parts.pause, &target, detail, err);
    if (state == CONSOLE_WAIT_OVER) {
        add_unwritten(o, detail);
    }
    return state;
}

static void
op_pause_cancel(void *ctx, const struct command *c)
{
    const struct verbs *o = ctx;
    const struct pause_target target = target_of(c);
    pause_cancel(o->parts.pause, &target);
}

struct console_ops
operator_console_ops(struct verbs *o)
{
    return (struct console_ops){
        .ctx = o,
        .snapshot = op_snapshot,
        .report = op_report,
        .start = op_start,
        .abort = op_abort,
        .perform = op_perform,
        .pause_state = op_pause_state,
        .pause_cancel = op_pause_cancel,
    };
}
