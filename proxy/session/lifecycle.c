/* lifecycle.c — one thread of the data path, seen from inside. See thread.h, and workers.c for the
 * outside. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/lifecycle.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "pool/registry.h"
#include "route/route.h"
#include "session/deadlines.h"
#include "session/pressure.h"
#include "session/session.h"
#include "session/userquery.h"
#include "sql/functions.h"

enum { TICK_US = 250 * 1000 };

static const struct pool_ops pool_callbacks = {.ready = relay_ready};

void
worker_busy_add(struct worker *w, enum side side, int delta)
{
    const unsigned before = atomic_fetch_add(&w->gauges.busy[side], (unsigned)delta);
    CHECK(delta > 0 || before > 0);
    if (delta < 0 && before == 1 && w->view->writes_held) {
        w->workers->ops.progress(w->workers->ops.ctx);
    }
}

/* ---- the clock ---- */

static void
worker_tick(void *arg)
{
    struct worker *w = arg;
    if (w->view->paused) {
        pools_retire_all(w->pools); /* one that was on its way between two workers */
    }
    pools_tick(w->pools);
    pressure_tick(w);
    deadlines_check(w);
    worker_listen_again(w);
    timer_start(w->tick, TICK_US);
}

/* ---- start and end ---- */

void
worker_init(struct worker *w, struct workers *workers, uint32_t index, const struct view *view)
{
    w->workers = workers;
    w->index = index;
    w->loop = loop_new();
    w->mailbox = mailbox_new(w->loop);
    w->view = view_copy(view);
    w->view_is_single = route_is_single(view);
    w->scratch = xcalloc(1, WORKER_SCRATCH_LEN);
    w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    settings_table_init(&w->settings);
    statement_table_init(&w->statements, index);
    map_init(&w->welcomes, rand_u64());
    map_init(&w->by_pid, rand_u64());
    list_init(&w->arriving);
    list_init(&w->sessions);
    list_init(&w->held);
    w->pools = pools_new(&(struct pools_config){
        .loop = w->loop,
        .registry = workers->registry,
        .keysmith = workers->keysmith,
        .mailbox = w->mailbox,
        .worker = index,
        .ops = &pool_callbacks,
        .settings = &w->settings,
        .scratch = w->scratch,
        .scratch_len = WORKER_SCRATCH_LEN,
    });
    pool_registry_join(workers->registry, index, w->mailbox, w->pools);
    pools_set_view(w->pools, w->view);
    w->userquery = userquery_new(w);
    atomic_store(&w->gauges.view_version, view->version);
    w->tick = timer_new(w->loop, worker_tick, w);
    timer_start(w->tick, TICK_US);
}

void
worker_take_conf(struct worker *w, struct conf *conf, struct access *access)
{
    struct buf list;
    buf_init(&list);
    for (size_t i = 0; i < conf->read_functions.count; i++) {
        buf_printf(&list, "%s%s", i == 0 ? "" : ",", conf->read_functions.items[i]);
    }
    buf_put_u8(&list, 0);
    sql_extra_free(w->extra);
    w->extra = sql_extra_new((const char *)buf_slice(&list).p);
    buf_fini(&list);
    struct conf *conf_before = w->conf;
    struct access *access_before = w->access;
    w->conf = conf_ref(conf);
    w->memory_max = pressure_max(conf);
    w->access = access_ref(access);
    pools_configure(w->pools, conf, access);
    userquery_reset(w->userquery);
    conf_unref(conf_before);
    access_unref(access_before);
}

/* What logins were told may be different on another server. */
void
worker_forget_welcomes(struct worker *w)
{
    size_t at = 0;
    for (void *v = map_next(&w->welcomes, &at); v != NULL; v = map_next(&w->welcomes, &at)) {
        params_unref(v);
    }
    map_fini(&w->welcomes);
}

void
worker_take_view(struct worker *w, struct view *view)
{
    struct view *before = w->view;
    CHECK(view->version >= before->version && view->epoch >= before->epoch);
    w->view = view;
    w->view_is_single = route_is_single(view);
    pools_set_view(w->pools, view);
    const enum side writer = view->writer;
    if (view->epoch != before->epoch ||
        view->node[writer].incarnation != before->node[writer].incarnation) {
        worker_forget_welcomes(w);
    }
    const bool paused_now = view->paused && !before->paused;
    const bool held_now = (view->writes_held && !before->writes_held) || paused_now;
    const bool resumed_now = before->paused && !view->paused;
    const enum side follower = side_other(writer);
    const bool died = before->node[follower].up && !view->node[follower].up;
    view_free(before);
    if (died) {
        place_leave_dead(w, follower);
    }
    if (held_now) {
        place_hold_waiters(w);
    }
    if (paused_now) {
        pools_retire_all(w->pools);
    }
    atomic_store(&w->gauges.view_version, view->version);
    w->workers->ops.progress(w->workers->ops.ctx);
    if (resumed_now || (!view->writes_held && !view->paused)) {
        place_held_again(w);
    }
}

static void
close_all(struct list *sessions, const struct err *err)
{
    for (struct list *node = list_first(sessions); node != NULL; node = list_first(sessions)) {
        session_close(LIST_OBJECT(node, struct session, node), err);
    }
}

void
worker_end(struct worker *w)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN,
                  "terminating connection due to administrator command");
    worker_stop_listening(w);
    close_all(&w->arriving, NULL);
    close_all(&w->sessions, &err);
    timer_stop(w->tick);
    userquery_free(w->userquery);
    w->userquery = NULL;
    pools_close(w->pools);
    loop_stop(w->loop);
}

void
worker_fini(struct worker *w)
{
    timer_free(w->tick);
    mailbox_free(w->mailbox);
    loop_free(w->loop);
    pools_free(w->pools);
    worker_forget_welcomes(w);
    map_fini(&w->by_pid);
    settings_table_fini(&w->settings);
    statement_table_fini(&w->statements);
    sql_extra_free(w->extra);
    view_free(w->view);
    conf_unref(w->conf);
    access_unref(w->access);
    mem_free(w->scratch);
    if (w->reserve_fd != -1) {
        (void)close(w->reserve_fd); /* it was /dev/null */
    }
}

/* A connection that has not proven who it is has no session that could be waited for. */
static void
close_unproven(struct worker *w)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_CANNOT_CONNECT_NOW, "the proxy is shutting down");
    LIST_EACH(node, &w->arriving)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (s->phase == SESSION_STARTUP || s->phase == SESSION_AUTH) {
            session_close(s, s->user == NULL ? NULL : &err);
        }
    }
}

void
worker_drain(struct worker *w, bool wait_for_clients)
{
    struct err err;
    worker_stop_listening(w);
    close_unproven(w);
    if (wait_for_clients) {
        return;
    }
    w->draining = true;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN, "the proxy is shutting down");
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        const bool idle =
            s->backend == NULL ? !s->is_held && s->waiter.pool == NULL : !s->backend_is_busy;
        if (idle && buf_len(&s->in) == 0) {
            session_close(s, &err);
        }
    }
}

void
worker_kill_all(struct worker *w)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN,
                  "terminating connection due to administrator command");
    LIST_EACH(node, &w->arriving)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (s->phase == SESSION_LOGIN) { /* the others have no database yet */
            session_close(s, &err);
        }
    }
    close_all(&w->sessions, &err);
    pools_retire_all(w->pools);
}

void
worker_reconnect(struct worker *w)
{
    pools_retire_all(w->pools);
}

/* ---- orders about sessions ---- */

static bool
is_on_side(const struct session *s, enum side side)
{
    return s->backend != NULL && pool_key_of(s->backend->pool)->side == side;
}

void
worker_cancel_busy(struct worker *w, enum side side)
{
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (is_on_side(s, side) && s->backend_is_busy) {
            pool_cancel(s->backend);
        }
    }
}

void
worker_terminate_busy(struct worker *w, enum side side)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN,
                  "the transaction did not end in time for the move of writes from %s",
                  side_name(side));
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (is_on_side(s, side) && s->backend_is_busy) {
            session_close(s, &err);
        }
    }
}

void
worker_leave_side(struct worker *w, enum side side)
{
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (is_on_side(s, side) && s->pins != SQL_PIN_NONE && !s->backend_is_busy) {
            place_left_behind(s);
        }
    }
    pools_retire_side(w->pools, side);
}

struct session *
worker_find(struct worker *w, uint64_t id)
{
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (s->id == id) {
            return s;
        }
    }
    return NULL;
}

static struct slice
pid_key(const uint32_t *pid)
{
    return slice_of(pid, sizeof(*pid));
}

void
worker_enlist(struct worker *w, struct session *s)
{
    /* After 2^24 logins numbers come again: the newer one has it, and the key tells them apart. */
    (void)map_put(&w->by_pid, pid_key(&s->cancel_pid), s);
}

void
worker_delist(struct worker *w, struct session *s)
{
    if (map_get(&w->by_pid, pid_key(&s->cancel_pid)) == s) {
        (void)map_remove(&w->by_pid, pid_key(&s->cancel_pid)); /* it is s */
    }
}

void
worker_cancel(struct worker *w, uint32_t pid, struct slice key)
{
    struct session *s = map_get(&w->by_pid, pid_key(&pid));
    if (s == NULL || key.len != s->cancel_key_len) {
        return;
    }
    uint8_t differs = 0; /* in constant time: the key is a secret */
    for (size_t i = 0; i < key.len; i++) {
        differs |= (uint8_t)(key.p[i] ^ s->cancel_key[i]);
    }
    if (differs == 0) {
        session_cancel(s);
    }
}
