/* orders.c — what the control thread orders of a worker. See orders.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/orders.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/rand.h"
#include "pool/registry.h"
#include "route/route.h"
#include "session/accept.h"
#include "session/client/client.h"
#include "session/deadlines.h"
#include "session/link/held.h"
#include "session/link/link.h"
#include "session/login/auth_query.h"
#include "session/login/cached_params.h"
#include "session/pressure.h"
#include "session/turn.h"
#include "sql/functions.h"

enum { TICK_US = 250 * 1000 };

/* ---- the clock ---- */

static void
worker_tick(void *arg)
{
    struct worker *w = arg;
    for (uint32_t i = 0; i < w->pairs_count; i++) {
        if (w->pairs[i].view->paused) {
            pools_retire_pair(w->pools, i); /* one that was on its way between two workers */
        }
    }
    pools_tick(w->pools);
    pressure_tick(w);
    deadlines_check(w);
    accept_again(w);
    timer_start(w->tick, TICK_US);
}

/* ---- start and end ---- */

void
order_begin(struct worker *w, const struct worker_ops *ops, struct workers *workers, uint32_t index,
            const struct view *const *views, uint32_t views_count)
{
    CHECK(w->loop == NULL && index < workers->count);
    w->ops = ops;
    w->workers = workers;
    w->index = index;
    w->loop = loop_new();
    w->mailbox = mailbox_new(w->loop);
    w->pairs_count = views_count;
    w->scratch = xcalloc(1, WORKER_SCRATCH_LEN);
    w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    settings_table_init(&w->settings);
    statement_table_init(&w->statements, index);
    map_init(&w->cached_params, rand_u64());
    map_init(&w->by_pid, rand_u64());
    list_init(&w->arriving);
    list_init(&w->sessions);
    list_init(&w->held);
    list_init(&w->woken);
    w->pools = pools_new(&(struct pools_config){
        .loop = w->loop,
        .registry = workers->registry,
        .key_derivation = workers->key_derivation,
        .mailbox = w->mailbox,
        .worker = index,
        .ops = &session_pool_ops,
        .settings = &w->settings,
        .scratch = w->scratch,
        .scratch_len = WORKER_SCRATCH_LEN,
    });
    pool_registry_join(workers->registry, index, w->mailbox, w->pools);
    for (uint32_t i = 0; i < views_count; i++) {
        CHECK(views[i]->pair == i);
        w->pairs[i] = (struct worker_pair){view_copy(views[i]), route_is_single(views[i])};
        pools_set_view(w->pools, w->pairs[i].view);
        atomic_store(&w->gauges.of_pair[i].view_version, views[i]->version);
    }
    w->auth_query = auth_query_new(w);
    w->tick = timer_new(w->loop, worker_tick, w);
    timer_start(w->tick, TICK_US);
}

void
order_take_conf(struct worker *w, struct conf *conf, struct access *access)
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
    auth_query_reset(w->auth_query);
    conf_unref(conf_before);
    access_unref(access_before);
}

void
order_take_view(struct worker *w, struct view *view)
{
    struct worker_pair *pair = &w->pairs[view->pair];
    struct view *before = pair->view;
    CHECK(view->pair < w->pairs_count && before->pair == view->pair);
    CHECK(view->version >= before->version && view->epoch >= before->epoch);
    pair->view = view;
    pair->is_single = route_is_single(view);
    pools_set_view(w->pools, view);
    const enum side writer = view->writer;
    if (view->epoch != before->epoch ||
        view_lead(view, writer)->incarnation != view_lead(before, writer)->incarnation) {
        cached_params_forget(w);
    }
    const bool paused_now = view->paused && !before->paused;
    const bool held_now = (view->writes_held && !before->writes_held) || paused_now;
    const bool resumed_now = before->paused && !view->paused;
    const enum side follower = side_other(writer);
    const bool died = view_lead(before, follower)->up && !view_lead(view, follower)->up;
    view_free(before);
    if (died) {
        held_leave_dead(w, view->pair, follower);
    }
    if (held_now) {
        held_begin(w, view->pair);
    }
    if (paused_now) {
        pools_retire_pair(w->pools, view->pair);
    }
    atomic_store(&w->gauges.of_pair[view->pair].view_version, view->version);
    w->workers->ops.progress(w->workers->ops.ctx);
    if (resumed_now || (!view->writes_held && !view->paused)) {
        held_look_again(w, view->pair);
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
order_end(struct worker *w)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN,
                  "terminating connection due to administrator command");
    accept_end(w);
    close_all(&w->arriving, NULL);
    close_all(&w->sessions, &err);
    CHECK(list_empty(&w->held) && map_count(&w->by_pid) == 0);
    CHECK(atomic_load(&w->gauges.sessions) == 0);
    timer_stop(w->tick);
    auth_query_free(w->auth_query);
    w->auth_query = NULL;
    pools_close(w->pools);
    loop_stop(w->loop);
}

void
order_fini(struct worker *w)
{
    CHECK(list_empty(&w->arriving) && list_empty(&w->sessions) && w->auth_query == NULL);
    timer_free(w->tick);
    mailbox_free(w->mailbox);
    loop_free(w->loop);
    pools_free(w->pools);
    cached_params_forget(w);
    map_fini(&w->by_pid);
    settings_table_fini(&w->settings);
    statement_table_fini(&w->statements);
    sql_extra_free(w->extra);
    for (uint32_t i = 0; i < w->pairs_count; i++) {
        view_free(w->pairs[i].view);
    }
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
            session_close(s, s->identity.user == NULL ? NULL : &err);
        }
    }
}

void
order_drain(struct worker *w, bool wait_for_clients)
{
    struct err err;
    accept_end(w);
    close_unproven(w);
    if (wait_for_clients) {
        return;
    }
    w->draining = true;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN, "the proxy is shutting down");
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        const bool idle = s->link.backend == NULL ? !link_waits(s) : !s->link.is_busy;
        if (idle && client_waiting_len(s) == 0) {
            session_close(s, &err);
        }
    }
}

void
order_kill_all(struct worker *w)
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
order_reconnect(struct worker *w)
{
    pools_retire_all(w->pools);
}

/* ---- orders about sessions ---- */

static bool
is_on_side(const struct session *s, uint32_t pair, enum side side)
{
    return s->link.backend != NULL && s->identity.pair == pair && link_side(s) == side;
}

void
order_cancel_busy(struct worker *w, uint32_t pair, enum side side)
{
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (is_on_side(s, pair, side) && s->link.is_busy) {
            pool_cancel(s->link.backend);
        }
    }
}

void
order_terminate_busy(struct worker *w, uint32_t pair, enum side side)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN,
                  "the transaction did not end in time for the move of writes from %s",
                  side_name(side));
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (is_on_side(s, pair, side) && s->link.is_busy) {
            session_close(s, &err);
        }
    }
}

void
order_leave_side(struct worker *w, uint32_t pair, enum side side)
{
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (is_on_side(s, pair, side) && s->pins != SQL_PIN_NONE && !s->link.is_busy) {
            link_left_behind(s);
            session_turn(s);
        }
    }
    pools_retire_side(w->pools, pair, side);
}

void
order_kill_session(struct worker *w, uint64_t id)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN,
                  "terminating connection due to administrator command");
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (s->id == id) {
            session_close(s, &err);
            return;
        }
    }
}

void
order_cancel(struct worker *w, uint32_t pid, struct slice key)
{
    struct session *s = worker_find_by_pid(w, pid);
    if (s == NULL || key.len != s->identity.cancel_key_len) {
        return;
    }
    uint8_t differs = 0; /* in constant time: the key is a secret */
    for (size_t i = 0; i < key.len; i++) {
        differs |= (uint8_t)(key.p[i] ^ s->identity.cancel_key[i]);
    }
    if (differs == 0) {
        session_cancel(s);
    }
}
