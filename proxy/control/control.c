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
#include "base/log.h"
#include "base/mem.h"
#include "control/keeper.h"
#include "control/live_conf.h"
#include "control/notify.h"
#include "control/operator.h"
#include "control/pair_control.h"
#include "control/pause.h"
#include "control/shutdown.h"
#include "cutover/cutover.h"
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
    struct resolver *resolver; /* of all pairs */
    struct pair_control pairs[PAIRS_MAX];
    uint32_t pairs_count; /* those that are made */
    struct workers *workers;
    struct pause *pause;
    struct live_conf *conf;
    struct shutdown *shutdown;
};

static bool control_start(struct control *c, struct err *err);
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
    c->resolver = resolver_new(loop);
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
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        pair_control_fini(&c->pairs[i]);
    }
    resolver_free(c->resolver);
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

static void
on_progress(void *arg)
{
    struct control *c = arg;
    atomic_store(&c->progress_posted, false);
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        cutover_progress(pair_control_machine(&c->pairs[i]));
    }
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

/* What the operator said before a restart, so that the first views know of it. */
static void
start_keeper(struct control *c)
{
    const struct conf *conf = c->conf_first;
    const char *names[PAIRS_MAX];
    for (uint32_t i = 0; i < conf->pairs_count; i++) {
        names[i] = conf->pairs[i].name;
    }
    c->keeper = keeper_new(conf->state_file, names, conf->pairs_count);
    c->conf = live_conf_new(c->conf_first, c->keeper);
}

static bool
read_records(struct control *c, struct err *err)
{
    for (uint32_t i = 0; i < c->conf_first->pairs_count; i++) {
        c->pairs_count = i + 1;
        if (!pair_control_init(&c->pairs[i], c->conf_first, i, err)) {
            return false;
        }
    }
    return true;
}

static struct pair_parts
pair_parts(struct control *c)
{
    return (struct pair_parts){.loop = c->loop,
                               .resolver = c->resolver,
                               .keeper = c->keeper,
                               .console = c->console,
                               .workers = c->workers};
}

static bool
start_workers(struct control *c, struct err *err)
{
    const struct workers_ops ops = {.ctx = c, .progress = worker_progress};
    const struct pair_parts parts = pair_parts(c);
    struct conf *conf = live_conf_get(c->conf);
    const struct view *views[PAIRS_MAX];
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        pair_control_begin(&c->pairs[i], conf, &parts);
        views[i] = publisher_view(c->pairs[i].publisher);
    }
    c->workers = workers_start(conf, views, c->pairs_count, &ops);
    return c->workers != NULL || err_set(err, SQLSTATE_CONNECTION_FAILURE,
                                         "could not start serving clients; the log tells why");
}

/* What acts on the pairs and the workers. */
static void
start_parts(struct control *c)
{
    const struct pair_parts parts = pair_parts(c);
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        pair_control_start(&c->pairs[i], live_conf_get(c->conf), &parts);
    }
    c->pause = pause_new(&(struct pause_parts){.loop = c->loop,
                                               .pairs = c->pairs,
                                               .pairs_count = c->pairs_count,
                                               .workers = c->workers,
                                               .keeper = c->keeper});
    live_conf_set_users(c->conf, &(struct live_conf_users){.workers = c->workers,
                                                           .pairs = c->pairs,
                                                           .pairs_count = c->pairs_count});
    c->shutdown = shutdown_new(&(struct shutdown_parts){
        .loop = c->loop, .workers = c->workers, .pairs = c->pairs, .pairs_count = c->pairs_count});
    operator_set_parts(c->verbs, &(struct operator_parts){.loop = c->loop,
                                                          .mailbox = c->mailbox,
                                                          .conf = c->conf,
                                                          .keeper = c->keeper,
                                                          .workers = c->workers,
                                                          .pairs = c->pairs,
                                                          .pairs_count = c->pairs_count,
                                                          .pause = c->pause,
                                                          .shutdown = c->shutdown});
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
    if (!read_records(c, err) || !start_workers(c, err)) {
        return false;
    }
    start_parts(c);
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        pair_control_recover(&c->pairs[i]);
    }
    timer_start(c->tick, TICK_US);
    return true;
}

/* ---- once a second ---- */

static void
on_tick(void *arg)
{
    struct control *c = arg;
    timer_start(c->tick, TICK_US);
    operator_tick(c->verbs);
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        pair_control_tick(&c->pairs[i], live_conf_get(c->conf), !shutdown_has_begun(c->shutdown));
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
