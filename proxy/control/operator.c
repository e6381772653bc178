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

struct verbs {
    struct operator_parts parts;
    struct rates rates;
    struct workers_stats stats; /* as of the last look */
};

struct verbs *
operator_new(void)
{
    return xcalloc(1, sizeof(struct verbs));
}

void
operator_free(struct verbs *o)
{
    mem_free(o);
}

void
operator_set_parts(struct verbs *o, const struct operator_parts *parts)
{
    CHECK(o->parts.loop == NULL && parts->loop != NULL);
    o->parts = *parts;
}

void
operator_tick(struct verbs *o)
{
    workers_stats(o->parts.workers, &o->stats);
    rates_add(&o->rates, &o->stats, loop_now_us(o->parts.loop));
    keeper_tick(o->parts.keeper);
}

static const char *
pair_name(const struct verbs *o)
{
    return live_conf_get(o->parts.conf)->pairs[0].name;
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
op_snapshot(void *ctx, struct snapshot *out)
{
    struct verbs *o = ctx;
    const struct operator_parts *p = &o->parts;
    CHECK(p->loop != NULL); /* the loop runs only after operator_set_parts */
    workers_stats(p->workers, &o->stats);
    out->now_us = loop_now_us(p->loop);
    out->conf = live_conf_get(p->conf);
    out->conf_file = live_conf_file(p->conf);
    out->view = publisher_view(p->publisher);
    out->facts = monitor_facts(p->monitor);
    out->stats = &o->stats;
    cutover_status(p->cutover, &out->cutover);
    rates_get(&o->rates, &out->rates);
    out->sessions = workers_sessions(p->workers);
    out->waiting = workers_waiting(p->workers, 0);
    out->hold_until_us = hold_until_us(p->hold);
    out->servers = workers_servers(p->workers, NULL);
    workers_lists(p->workers, &out->users, &out->pools);
    out->page_size = (uint64_t)sysconf(_SC_PAGESIZE);
    out->pages_resident = pages_resident();
    for (int side = 0; side < SIDES_COUNT; side++) {
        out->busy += workers_busy(p->workers, 0, (enum side)side);
    }
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

/* There is one database; no name means it as well. */
static bool
is_our_database(const struct verbs *o, const struct command *c, struct err *err)
{
    const char *ours = live_conf_get(o->parts.conf)->pairs[0].database;
    if (c->database[0] == '\0' || strcmp(c->database, ours) == 0) {
        return true;
    }
    (void)err_set(err, SQLSTATE_INVALID_DATABASE, "no such database: %s", c->database);
    return err_hint(err, "The database of the pair is \"%s\".", ours);
}

static bool
nothing_is_under_way(const struct verbs *o, struct err *err)
{
    struct cutover_status status;
    cutover_status(o->parts.cutover, &status);
    return cutover_is_idle(o->parts.cutover) ||
           err_set(err, SQLSTATE_OBJECT_IN_USE, "%s is under way, in state %s", status.job_name,
                   status.state_name);
}

/* What KILL and PAUSE both need. */
static bool
may_pause(const struct verbs *o, const struct command *c, struct err *err)
{
    if (!is_serving(o, err) || !is_our_database(o, c, err)) {
        return false;
    }
    if (pause_is_on(o->parts.pause)) {
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "the database is paused already");
    }
    return nothing_is_under_way(o, err);
}

/* ---- jobs of the machine ---- */

static bool
op_start(void *ctx, enum cutover_job job, const struct cutover_options *options, struct err *err)
{
    const struct verbs *o = ctx;
    if (!is_serving(o, err)) {
        return false;
    }
    if (job == CUTOVER_JOB_FLIP && hold_until_us(o->parts.hold) != 0) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "writes are held by HOLD");
        return err_hint(err, "RELEASE them first; a flip holds them by itself.");
    }
    if (job == CUTOVER_JOB_FLIP && pause_is_on(o->parts.pause)) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "the database is paused");
        return err_hint(err, "RESUME it first; a flip holds the writes by itself.");
    }
    return cutover_start(o->parts.cutover, job, options, err);
}

static bool
op_abort(void *ctx)
{
    const struct verbs *o = ctx;
    return cutover_abort(o->parts.cutover);
}

/* ---- the verbs ---- */

typedef bool verb_fn(struct verbs *o, const struct command *c, struct buf *detail, struct err *err);

static bool
do_reads(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    const struct operator_parts *p = &o->parts;
    if (!is_serving(o, err)) {
        return false;
    }
    if (c->reads_default) {
        read_policy_reset(p->reads, &live_conf_get(p->conf)->pairs[0], detail);
    } else if (!read_policy_apply(p->reads, c, publisher_view(p->publisher),
                                  monitor_facts(p->monitor), detail, err)) {
        return false;
    }
    publisher_refresh(p->publisher);
    const struct wish_reads said = read_policy_wish(p->reads);
    keeper_put_reads(p->keeper, pair_name(o), &said);
    return true;
}

static bool
do_hold(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    const struct operator_parts *p = &o->parts;
    if (!is_serving(o, err)) {
        return false;
    }
    if (!publisher_view(p->publisher)->writes_known) {
        return err_set(err, SQLSTATE_CANNOT_CONNECT_NOW,
                       "the writer is not known yet, so writes are held anyway");
    }
    if (!nothing_is_under_way(o, err)) {
        return false;
    }
    const uint64_t limit_us =
        c->timeout_set ? c->timeout_us : live_conf_get(p->conf)->pairs[0].hold_timeout_us;
    hold_begin(p->hold, limit_us);
    buf_printf(detail, "writes of %" PRIu32 " sessions wait, for %s at most",
               workers_sessions(p->workers), text_duration(limit_us).s);
    return true;
}

static bool
do_release(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    (void)c;
    if (hold_until_us(o->parts.hold) == 0) {
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "writes are not held by HOLD");
    }
    buf_printf(detail, "%" PRIu32 " waiting transactions go on",
               workers_waiting(o->parts.workers, 0));
    hold_end(o->parts.hold);
    return true;
}

static bool
do_pause(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    (void)detail; /* the answer comes when it is over */
    if (!may_pause(o, c, err)) {
        return false;
    }
    pause_begin(o->parts.pause,
                c->timeout_set ? c->timeout_us : live_conf_get(o->parts.conf)->pause_timeout_us);
    return true;
}

static bool
do_resume(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    if (!is_our_database(o, c, err)) {
        return false;
    }
    if (!pause_is_on(o->parts.pause)) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "the database is not paused");
        return hold_until_us(o->parts.hold) != 0 && err_hint(err, "RELEASE ends HOLD.");
    }
    buf_printf(detail, "%" PRIu32 " waiting transactions go on",
               workers_waiting(o->parts.workers, 0));
    pause_end(o->parts.pause);
    return true;
}

static bool
do_kill_all(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    const struct workers *workers = o->parts.workers;
    if (!may_pause(o, c, err)) {
        return false;
    }
    buf_printf(detail,
               "%" PRIu32 " clients and %" PRIu32 " server connections are ended; "
               "new transactions wait for RESUME",
               workers_sessions(workers), workers_servers(workers, NULL));
    pause_kill(o->parts.pause);
    return true;
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
    workers_reconnect(o->parts.workers, NULL);
    buf_printf(detail, "%" PRIu32 " server connections are closed as they become free",
               workers_servers(o->parts.workers, NULL));
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
    if (!is_our_database(o, c, err)) {
        return false;
    }
    publisher_set_disabled(o->parts.publisher, true);
    keeper_put_disabled(o->parts.keeper, pair_name(o), true);
    buf_printf(detail, "new clients are refused; those that are connected stay");
    return true;
}

static bool
do_enable(struct verbs *o, const struct command *c, struct buf *detail, struct err *err)
{
    if (!is_our_database(o, c, err)) {
        return false;
    }
    publisher_set_disabled(o->parts.publisher, false);
    keeper_put_disabled(o->parts.keeper, pair_name(o), false);
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
op_pause_state(void *ctx, struct buf *detail, struct err *err)
{
    const struct verbs *o = ctx;
    const enum console_wait state = pause_state(o->parts.pause, detail, err);
    if (state == CONSOLE_WAIT_OVER) {
        add_unwritten(o, detail);
    }
    return state;
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
    };
}
