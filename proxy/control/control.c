/* control.c — the life of the control thread. See control.h.
 *
 * The order of the start matters: the console first (it proves that no other Teal runs here), then
 * the lock on the state file, the record, the monitor and the machine, the workers with a view that
 * holds all writes, and last the recovery, which publishes the first route. The end is the reverse.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/control_internal.h"
#include "control/notify.h"
#include "cutover/record.h"

enum { TICK_US = 1000 * 1000, END_POLL_US = 20 * 1000 };

/* ---- what others call back ---- */

static void
on_monitor_changed(void *ctx)
{
    control_publish(ctx);
}

static void
on_progress(void *arg)
{
    struct control *c = arg;
    atomic_store(&c->progress_posted, false);
    cutover_progress(c->cutover);
}

/* Called on a worker's thread: one message at a time is enough. */
static void
worker_progress(void *ctx)
{
    struct control *c = ctx;
    if (!atomic_exchange(&c->progress_posted, true)) {
        mailbox_post(c->mailbox, on_progress, c);
    }
}

static void
on_tick(void *arg)
{
    struct control *c = arg;
    timer_start(c->tick, TICK_US);
    workers_stats(c->workers, &c->stats);
    rates_add(&c->rates, &c->stats, loop_now_us(c->loop));
    if (c->cutover_conf_pending && cutover_is_idle(c->cutover)) {
        c->cutover_conf_pending = !control_machine_reconfigure(c);
    }
    cutover_tick(c->cutover);
}

/* ---- the start ---- */

/* Two Teals that think they own one record would overwrite each other's decisions. */
static bool
lock_state(struct control *c, struct err *err)
{
    char *path = xasprintf("%s.lock", c->conf->state_file);
    c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const bool ok = c->lock_fd != -1 && flock(c->lock_fd, LOCK_EX | LOCK_NB) == 0;
    if (!ok && c->lock_fd != -1 && errno == EWOULDBLOCK) {
        (void)err_set(err, SQLSTATE_OBJECT_IN_USE, "another teal uses the state file \"%s\"",
                      c->conf->state_file);
    } else if (!ok) {
        (void)err_set_errno(err, SQLSTATE_IO_ERROR, "could not lock \"%s\"", path);
        (void)err_hint(err, "The directory of state_file must exist, and the user of teal must be "
                            "able to write there.");
    }
    mem_free(path);
    return ok;
}

/* A missing record is no mistake; one that cannot be read is: it may say what the databases do not.
 */
static bool
read_record(const struct control *c, struct buf *record, struct err *err)
{
    return !file_exists(c->conf->state_file) ||
           file_read(c->conf->state_file, RECORD_SIZE_MAX, record, err);
}

static bool
start_workers(struct control *c, struct err *err)
{
    const struct workers_ops ops = {.ctx = c, .progress = worker_progress};
    c->workers = workers_start(c->conf, c->view, &ops);
    return c->workers != NULL || err_set(err, SQLSTATE_CONNECTION_FAILURE,
                                         "could not start serving clients; the log tells why");
}

static bool
control_start(struct control *c, struct err *err)
{
    const struct console_ops ops = control_console_ops(c);
    c->console = console_new(c->loop, c->conf, &ops, err);
    if (c->console == NULL || !lock_state(c, err)) {
        return false;
    }
    struct buf record;
    buf_init(&record);
    bool ok = read_record(c, &record, err);
    if (ok) {
        const struct monitor_ops monitor_ops = {.ctx = c, .changed = on_monitor_changed};
        c->monitor = monitor_new(c->loop, c->conf, &monitor_ops);
        control_machine_new(c);
        c->route = *cutover_route(c->cutover);
        control_publish(c);
        ok = start_workers(c, err);
    }
    if (ok) {
        control_machine_recover(c, buf_slice(&record));
        timer_start(c->tick, TICK_US);
    }
    buf_fini(&record);
    return ok;
}

static void on_end_poll(void *arg);

struct control *
control_new(struct loop *loop, struct conf *conf, struct err *err)
{
    struct control *c = xcalloc(1, sizeof(*c));
    c->loop = loop;
    c->conf = conf_ref(conf);
    c->lock_fd = -1;
    list_init(&c->calls);
    list_init(&c->delays);
    c->mailbox = mailbox_new(loop);
    c->hold_timer = timer_new(loop, control_hold_end, c);
    c->pause_timer = timer_new(loop, control_on_pause_timer, c);
    c->tick = timer_new(loop, on_tick, c);
    c->end_timer = timer_new(loop, on_end_poll, c);
    control_reads_from_conf(c);
    if (!control_start(c, err)) {
        control_free(c);
        return NULL;
    }
    return c;
}

void
control_free(struct control *c)
{
    if (c == NULL) {
        return;
    }
    workers_stop(c->workers);
    console_free(c->console);
    control_machine_free(c);
    monitor_free(c->monitor);
    timer_free(c->hold_timer);
    timer_free(c->pause_timer);
    timer_free(c->tick);
    timer_free(c->end_timer);
    mailbox_free(c->mailbox);
    control_rules_free(c);
    view_free(c->view);
    conf_unref(c->conf);
    if (c->lock_fd != -1) {
        (void)close(c->lock_fd); /* gives the lock back */
    }
    mem_free(c);
}

/* ---- signals ---- */

typedef bool op_fn(void *ctx, const struct command *s, struct buf *detail, struct err *err);

static void
run_for_signal(struct control *c, const char *name, op_fn *op)
{
    const struct command s = {.id = CMD_EMPTY};
    struct err err;
    struct buf detail;
    buf_init(&detail);
    err_clear(&err);
    if (op(c, &s, &detail, &err)) {
        log_info(NULL, "done for a signal", "command=%s", name);
    } else {
        log_error(NULL, "refused to a signal", "command=%s error=\"%s\"", name, err.text);
    }
    buf_fini(&detail);
}

void
control_signal_pause(struct control *c)
{
    run_for_signal(c, "PAUSE", control_op_pause);
}

void
control_signal_resume(struct control *c)
{
    run_for_signal(c, "RESUME", control_op_resume);
}

/* ---- reload and end ---- */

void
control_reload(struct control *c)
{
    struct err err;
    struct buf detail;
    buf_init(&detail);
    err_clear(&err);
    /* First of all, so that a rotated log goes on even when the configuration has mistakes. */
    if (!log_open(c->conf->logfile)) {
        log_warn(NULL, "the log could not be opened again", "path=\"%s\"", c->conf->logfile);
    }
    notify_reloading();
    const bool ok = control_reload_into(c, &detail, &err);
    notify_ready();
    buf_put_u8(&detail, 0);
    if (ok) {
        log_info(NULL, "configuration reloaded", "detail=\"%s\"",
                 (const char *)buf_slice(&detail).p);
    } else {
        log_error(NULL, "configuration not reloaded", "error=\"%s\"", err.text);
    }
    buf_fini(&detail);
}

static void
on_end_poll(void *arg)
{
    struct control *c = arg;
    const bool late = loop_now_us(c->loop) >= c->end_deadline_us;
    const uint32_t sessions = workers_sessions(c->workers);
    if (late || (sessions == 0 && cutover_is_idle(c->cutover))) {
        log_info(NULL, "ending", "sessions=%u late=%s", sessions, late ? "yes" : "no");
        loop_stop(c->loop);
        return;
    }
    timer_start(c->end_timer, END_POLL_US);
}

void
control_shutdown(struct control *c, enum shutdown_mode mode)
{
    const bool now = mode == SHUTDOWN_NOW || c->ending;
    const uint64_t limit_us = now ? 0 : c->conf->shutdown_timeout_us;
    log_info(NULL, "shutdown asked for", "limit_ms=%llu", (unsigned long long)limit_us / 1000);
    c->end_deadline_us = loop_now_us(c->loop) + limit_us;
    if (!now) {
        /* Sessions that wait for a hold to end would never end; a flip that has not committed is
         * undone. */
        control_hold_end(c);
        control_pause_end(c);
        (void)cutover_abort(c->cutover);
        workers_drain(c->workers, mode == SHUTDOWN_WAIT_FOR_CLIENTS);
    }
    if (!c->ending) {
        notify_stopping();
    }
    c->ending = true;
    /* Not from within this call: the answer to SHUTDOWN still has to go out. */
    timer_start(c->end_timer, END_POLL_US);
}
