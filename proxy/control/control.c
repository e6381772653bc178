/* control.c — the life of the control thread. See control.h.
 *
 * The order of the start matters: the console first (it proves that no other Teal runs here), then
 * the lock on the state file, what the operator said before a restart, the record, the monitor, the
 * workers with a view that holds all writes, what acts on them, and last the recovery, which
 * publishes the first route. The end is the reverse, but for the workers: they end first, so that
 * nobody asks for anything any more. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/control.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/file.h>
#include <unistd.h>

#include "admin/console.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/cutover_ops.h"
#include "control/hold.h"
#include "control/keeper.h"
#include "control/live_conf.h"
#include "control/notify.h"
#include "control/operator.h"
#include "control/pause.h"
#include "control/publish.h"
#include "control/read_policy.h"
#include "control/shutdown.h"
#include "control/used_databases.h"
#include "cutover/cutover.h"
#include "monitor/monitor.h"
#include "session/workers.h"

enum { TICK_US = 1000 * 1000 };

/* All are owned, and NULL until the start has come to them. */
struct control {
    struct loop *loop;           /* borrowed */
    int lock_fd;                 /* owned: keeps a second Teal off the state file; -1 for none */
    struct mailbox *mailbox;     /* answers and progress of the workers */
    struct timer *tick;          /* once a second */
    atomic_bool progress_posted; /* set by any worker, cleared here */

    struct conf *conf_first; /* shared (ref): of the start, for what cannot change */
    struct verbs *verbs;     /* the operator's */
    struct keeper *keeper;
    struct console *console;
    struct monitor *monitor;
    struct used_databases *used;
    struct read_policy reads;
    struct publisher *publisher;
    struct workers *workers;
    struct cutover_host *cutover;
    struct hold *hold;
    struct pause *pause;
    struct live_conf *conf;
    struct shutdown *shutdown;
};

static bool control_start(struct control *c, struct err *err);
static const char *pair_name(const struct control *c);
static void on_tick(void *arg);

/* ---- life ---- */

struct control *
control_new(struct loop *loop, struct conf *conf, struct err *err)
{
    struct control *c = xcalloc(1, sizeof(*c));
    c->loop = loop;
    c->lock_fd = -1;
    c->mailbox = mailbox_new(loop);
    c->tick = timer_new(loop, on_tick, c);
    c->verbs = operator_new();
    c->conf_first = conf_ref(conf);
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
    shutdown_free(c->shutdown);
    live_conf_free(c->conf);
    pause_free(c->pause);
    hold_free(c->hold);
    cutover_host_free(c->cutover);
    used_databases_free(c->used);
    monitor_free(c->monitor);
    publisher_free(c->publisher);
    read_policy_fini(&c->reads);
    keeper_free(c->keeper);
    operator_free(c->verbs);
    conf_unref(c->conf_first);
    timer_free(c->tick);
    mailbox_free(c->mailbox);
    if (c->lock_fd != -1) {
        (void)close(c->lock_fd); /* gives the lock back */
    }
    mem_free(c);
}

/* ---- the start ---- */

static const char *
pair_name(const struct control *c)
{
    return c->conf_first->pairs[0].name;
}

/* Two Teals that think they own one record would overwrite each other's decisions. */
static bool
lock_state(struct control *c, const struct conf *conf, struct err *err)
{
    char *path = xasprintf("%s.lock", conf->state_file);
    c->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    const bool ok = c->lock_fd != -1 && flock(c->lock_fd, LOCK_EX | LOCK_NB) == 0;
    if (!ok && c->lock_fd != -1 && errno == EWOULDBLOCK) {
        (void)err_set(err, SQLSTATE_OBJECT_IN_USE, "another teal uses the state file \"%s\"",
                      conf->state_file);
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
read_record(const struct conf *conf, struct buf *record, struct err *err)
{
    return !file_exists(conf->state_file) ||
           file_read(conf->state_file, CUTOVER_RECORD_SIZE_MAX, record, err);
}

static void
on_monitor_changed(void *ctx)
{
    const struct control *c = ctx;
    publisher_refresh(c->publisher);
}

static void
on_progress(void *arg)
{
    struct control *c = arg;
    atomic_store(&c->progress_posted, false);
    cutover_progress(cutover_host_machine(c->cutover));
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

static bool
start_workers(struct control *c, struct conf *conf, struct err *err)
{
    const struct monitor_ops monitor_ops = {.ctx = c, .changed = on_monitor_changed};
    const struct workers_ops workers_ops = {.ctx = c, .progress = worker_progress};
    c->monitor = monitor_new(c->loop, conf, 0, &monitor_ops);
    c->publisher = publisher_new(conf, 0, c->monitor, &c->reads);
    publisher_set_paused(c->publisher, keeper_pair(c->keeper, pair_name(c))->paused);
    publisher_set_disabled(c->publisher, keeper_pair(c->keeper, pair_name(c))->disabled);
    const struct view *views[] = {publisher_view(c->publisher)};
    c->workers = workers_start(conf, views, COUNT_OF(views), &workers_ops);
    if (c->workers == NULL) {
        return err_set(err, SQLSTATE_CONNECTION_FAILURE,
                       "could not start serving clients; the log tells why");
    }
    publisher_set_workers(c->publisher, c->workers);
    c->used = used_databases_new(0, c->monitor);
    return true;
}

/* What acts on monitor, publisher and workers. */
static void
start_parts(struct control *c, struct conf *conf)
{
    c->cutover = cutover_host_new(conf, 0,
                                  &(struct cutover_host_parts){.loop = c->loop,
                                                               .monitor = c->monitor,
                                                               .publisher = c->publisher,
                                                               .workers = c->workers,
                                                               .console = c->console});
    c->hold = hold_new(&(struct hold_parts){.loop = c->loop,
                                            .publisher = c->publisher,
                                            .workers = c->workers,
                                            .keeper = c->keeper,
                                            .pair = pair_name(c)});
    c->pause = pause_new(&(struct pause_parts){.loop = c->loop,
                                               .publisher = c->publisher,
                                               .workers = c->workers,
                                               .keeper = c->keeper,
                                               .pair = pair_name(c)});
    live_conf_set_users(c->conf, &(struct live_conf_users){.workers = c->workers,
                                                           .monitor = c->monitor,
                                                           .reads = &c->reads,
                                                           .publisher = c->publisher,
                                                           .cutover = c->cutover});
    c->shutdown = shutdown_new(&(struct shutdown_parts){.loop = c->loop,
                                                        .workers = c->workers,
                                                        .cutover = cutover_host_machine(c->cutover),
                                                        .publisher = c->publisher,
                                                        .hold = c->hold});
    operator_set_parts(c->verbs,
                       &(struct operator_parts){.loop = c->loop,
                                                .mailbox = c->mailbox,
                                                .conf = c->conf,
                                                .keeper = c->keeper,
                                                .monitor = c->monitor,
                                                .workers = c->workers,
                                                .cutover = cutover_host_machine(c->cutover),
                                                .publisher = c->publisher,
                                                .reads = &c->reads,
                                                .hold = c->hold,
                                                .pause = c->pause,
                                                .shutdown = c->shutdown});
}

/* What the operator said before a restart, so that the first view knows of it. */
static void
start_keeper(struct control *c)
{
    const char *const pairs[] = {pair_name(c)};
    c->keeper = keeper_new(c->conf_first->state_file, pairs, COUNT_OF(pairs));
    c->conf = live_conf_new(c->conf_first, c->keeper);
    read_policy_from_conf(&c->reads, &live_conf_get(c->conf)->pairs[0]);
    read_policy_restore(&c->reads, &keeper_pair(c->keeper, pairs[0])->reads);
}

static bool
control_start(struct control *c, struct err *err)
{
    const struct console_ops ops = operator_console_ops(c->verbs);
    c->console = console_new(c->loop, c->conf_first, &ops, err);
    if (c->console == NULL || !lock_state(c, c->conf_first, err)) {
        return false;
    }
    start_keeper(c);
    struct conf *conf = live_conf_get(c->conf);
    struct buf record;
    buf_init(&record);
    const bool ok = read_record(conf, &record, err) && start_workers(c, conf, err);
    if (ok) {
        start_parts(c, conf);
        cutover_recover(cutover_host_machine(c->cutover), buf_slice(&record));
        timer_start(c->tick, TICK_US);
    }
    buf_fini(&record);
    return ok;
}

/* ---- once a second ---- */

static void
on_tick(void *arg)
{
    struct control *c = arg;
    timer_start(c->tick, TICK_US);
    operator_tick(c->verbs);
    live_conf_tick(c->conf);
    used_databases_tick(c->used, &live_conf_get(c->conf)->pairs[0], c->workers);
    if (!shutdown_has_begun(c->shutdown)) { /* the machine begins nothing new at the end */
        cutover_host_tick(c->cutover);
    }
}

/* ---- signals ---- */

static void
perform_for_signal(struct control *c, const char *name, enum command_id id)
{
    const struct command command = {.id = id};
    struct err err;
    struct buf detail;
    buf_init(&detail);
    err_clear(&err);
    if (operator_perform(c->verbs, &command, &detail, &err)) {
        log_info(NULL, "done for a signal", "command=%s", name);
    } else {
        log_error(NULL, "refused to a signal", "command=%s error=\"%s\"", name, err.text);
    }
    buf_fini(&detail);
}

void
control_signal_pause(struct control *c)
{
    perform_for_signal(c, "PAUSE", CMD_PAUSE);
}

void
control_signal_resume(struct control *c)
{
    perform_for_signal(c, "RESUME", CMD_RESUME);
}

void
control_reload(struct control *c)
{
    const char *logfile = live_conf_get(c->conf)->logfile;
    struct err err;
    struct buf detail;
    buf_init(&detail);
    err_clear(&err);
    /* First of all, so that a rotated log goes on even when the configuration has mistakes. */
    if (!log_open(logfile)) {
        log_warn(NULL, "the log could not be opened again", "path=\"%s\"", logfile);
    }
    notify_reloading();
    const bool ok = live_conf_reload(c->conf, &detail, &err);
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

void
control_shutdown(struct control *c, enum shutdown_mode mode)
{
    shutdown_begin(c->shutdown, mode, live_conf_get(c->conf)->shutdown_timeout_us);
}
