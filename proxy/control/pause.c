/* pause.c — PAUSE, RESUME, KILL, RECONNECT, DISABLE, ENABLE: PgBouncer's commands. See
 * control_internal.h.
 *
 *     RUNS --PAUSE--> WAITING --no server connection is left--> PAUSED --RESUME--> RUNS
 *                        `--too late, or called off--> RUNS
 *
 * Everything that begins waits in Teal from the first moment on, reads too; what is under way ends,
 * and its server connection is closed. A session that keeps its backend keeps it here as well, as
 * PgBouncer's do in session mode; but then PAUSE gives up in time and lets the traffic go on.
 *
 * A flip has its own hold and its own order of things: PAUSE and KILL are refused while anything is
 * under way, and a flip is refused while all is paused. */
/* SPDX-License-Identifier: PostgreSQL */
#include <inttypes.h>
#include <string.h>

#include "admin/text.h"
#include "base/log.h"
#include "control/control_internal.h"

enum { PAUSE_POLL_US = 10 * 1000 };

/* There is one database; no name means it as well. */
static bool
is_our_database(const struct control *c, const struct command *s, struct err *err)
{
    if (s->database[0] == '\0' || strcmp(s->database, c->conf->database) == 0) {
        return true;
    }
    (void)err_set(err, SQLSTATE_INVALID_DATABASE, "no such database: %s", s->database);
    return err_hint(err, "The database of the pair is \"%s\".", c->conf->database);
}

/* What KILL and PAUSE both need. */
static bool
may_pause(const struct control *c, const struct command *s, struct err *err)
{
    struct cutover_status status;
    if (control_refuses_when_ending(c, err) || !is_our_database(c, s, err)) {
        return false;
    }
    if (c->pause != CONTROL_RUNS) {
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "the database is paused already");
    }
    cutover_status(c->cutover, &status);
    return cutover_is_idle(c->cutover) ||
           err_set(err, SQLSTATE_OBJECT_IN_USE, "%s is under way, in state %s", status.job_name,
                   status.state_name);
}

static void
pause_begin(struct control *c, enum control_pause pause)
{
    c->pause = pause;
    err_clear(&c->pause_err);
    control_publish(c);
    c->pause_version = c->view->version;
}

void
control_pause_end(struct control *c)
{
    if (c->pause == CONTROL_RUNS) {
        return;
    }
    timer_stop(c->pause_timer);
    c->pause = CONTROL_RUNS;
    control_publish(c);
    log_info(NULL, "traffic goes on", "waiting=%" PRIu32, workers_waiting(c->workers));
}

/* ---- PAUSE and RESUME ---- */

static void
give_up(struct control *c)
{
    (void)err_set(&c->pause_err, SQLSTATE_OBJECT_IN_USE,
                  "%" PRIu32 " server connections were not released in time; traffic goes on",
                  workers_servers(c->workers));
    (void)err_hint(&c->pause_err,
                   "SHOW SERVERS has them, SHOW SESSIONS PINNED those that keep one.");
    log_warn(NULL, "pause given up", "error=\"%s\"", c->pause_err.text);
    control_pause_end(c);
}

void
control_on_pause_timer(void *control)
{
    struct control *c = control;
    const bool acked = workers_have_view(c->workers, c->pause_version);
    CHECK(c->pause == CONTROL_PAUSE_WAITING);
    if (acked && workers_servers(c->workers) == 0) {
        c->pause = CONTROL_PAUSED;
        log_info(NULL, "paused", "waiting=%" PRIu32, workers_waiting(c->workers));
    } else if (loop_now_us(c->loop) >= c->pause_deadline_us) {
        give_up(c);
    } else {
        timer_start(c->pause_timer, PAUSE_POLL_US);
    }
}

bool
control_op_pause(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    struct control *c = ctx;
    (void)detail;
    if (!may_pause(c, s, err)) {
        return false;
    }
    const uint64_t limit_us = s->timeout_set ? s->timeout_us : c->conf->pause_timeout_us;
    c->pause_deadline_us = loop_now_us(c->loop) + limit_us;
    pause_begin(c, CONTROL_PAUSE_WAITING);
    timer_start(c->pause_timer, PAUSE_POLL_US);
    return true;
}

enum console_wait
control_op_paused(void *ctx, struct buf *detail, struct err *err)
{
    const struct control *c = ctx;
    switch (c->pause) {
    case CONTROL_PAUSE_WAITING:
        return CONSOLE_WAITS;
    case CONTROL_PAUSED:
        buf_printf(detail, "no server connection is left; %" PRIu32 " transactions wait for RESUME",
                   workers_waiting(c->workers));
        return CONSOLE_WAIT_OVER;
    case CONTROL_RUNS:
        break;
    }
    *err = c->pause_err;
    if (!err_is_set(err)) {
        (void)err_set(err, SQLSTATE_QUERY_CANCELED, "the pause was called off");
    }
    return CONSOLE_WAIT_FAILED;
}

bool
control_op_resume(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    struct control *c = ctx;
    if (!is_our_database(c, s, err)) {
        return false;
    }
    if (c->pause == CONTROL_RUNS) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "the database is not paused");
        return c->hold_until_us != 0 && err_hint(err, "RELEASE ends HOLD.");
    }
    buf_printf(detail, "%" PRIu32 " waiting transactions go on", workers_waiting(c->workers));
    control_pause_end(c);
    return true;
}

/* ---- connections ---- */

bool
control_op_kill_all(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    struct control *c = ctx;
    if (!may_pause(c, s, err)) {
        return false;
    }
    buf_printf(detail,
               "%" PRIu32 " clients and %" PRIu32 " server connections are ended; "
               "new transactions wait for RESUME",
               workers_sessions(c->workers), workers_servers(c->workers));
    pause_begin(c, CONTROL_PAUSED);
    workers_kill_all(c->workers);
    return true;
}

bool
control_op_reconnect(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    const struct control *c = ctx;
    if (!is_our_database(c, s, err)) {
        return false;
    }
    workers_reconnect(c->workers);
    buf_printf(detail, "%" PRIu32 " server connections are closed as they become free",
               workers_servers(c->workers));
    return true;
}

bool
control_op_wait_close(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    (void)detail;
    return is_our_database(ctx, s, err);
}

static bool
set_disabled(struct control *c, const struct command *s, bool disabled, struct err *err)
{
    if (!is_our_database(c, s, err)) {
        return false;
    }
    c->disabled = disabled;
    control_publish(c);
    return true;
}

bool
control_op_disable(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    buf_printf(detail, "new clients are refused; those that are connected stay");
    return set_disabled(ctx, s, true, err);
}

bool
control_op_enable(void *ctx, const struct command *s, struct buf *detail, struct err *err)
{
    buf_printf(detail, "new clients are welcome");
    return set_disabled(ctx, s, false, err);
}
