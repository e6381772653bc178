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
#include "session/link/lead.h"
#include "session/link/link.h"
#include "session/login/auth_query.h"
#include "session/login/cached_params.h"
#include "session/pressure.h"
#include "session/turn.h"
#include "sql/functions.h"

enum { TICK_US = 250 * 1000 };

/* ---- what is paused ---- */

static bool
was_paused(const struct view *v, const char *alias)
{
    const struct view_stop *stop = view_stop(v, alias);
    return v->paused || (stop != NULL && stop->paused);
}

/* Whether the view pauses what the other does not. Its pools are retired when asked to. */
static bool
pauses_more(const struct view *view, const struct view *other, struct pools *retire)
{
    bool more = view->paused && !other->paused;
    if (more && retire != NULL) {
        pools_retire_pair(retire, view->pair);
    }
    for (uint32_t i = 0; i < view->stops_count; i++) {
        const struct view_stop *stop = &view->stops[i];
        if (stop->paused && !was_paused(other, stop->alias)) {
            more = true;
            if (retire != NULL) {
                pools_retire_database(retire, stop->alias);
            }
        }
    }
    return more;
}

/* ---- the clock ---- */

/* Also what was on its way between two workers when all was paused. */
static void
worker_tick(void *arg)
{
    struct worker *w = arg;
    for (uint32_t i = 0; i < w->pairs_count; i++) {
        const struct view *view = w->pairs[i].view;
        if (view->paused || view->stops_count > 0) {
            (void)pauses_more(view, &(struct view){.pair = i}, w->pools);
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
    map_init(&w->databases, rand_u64());
    list_init(&w->known);
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
        w->pairs[i] = (struct worker_pair){.view = view_copy(views[i]),
                                           .is_single = route_is_single(views[i])};
        pools_set_view(w->pools, w->pairs[i].view);
        atomic_store(&w->gauges.of_pair[i].view_version, views[i]->version);
    }
    w->auth_queries = auth_queries_new(w);
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
    auth_queries_reset(w->auth_queries);
    databases_take_conf(w);
    conf_unref(conf_before);
    access_unref(access_before);
}

/* Whether other servers take reads or writes than before. */
static bool
nodes_differ(const struct view *a, const struct view *b)
{
    for (int side = 0; side < SIDES_COUNT; side++) {
        const struct view_side *x = &a->side[side];
        const struct view_side *y = &b->side[side];
        bool differ = x->lead != y->lead || x->nodes_count != y->nodes_count;
        for (uint32_t i = 0; i < x->nodes_count && !differ; i++) {
            differ = x->node[i].up != y->node[i].up ||
                     x->node[i].is_primary != y->node[i].is_primary ||
                     x->node[i].lag_ok != y->node[i].lag_ok;
        }
        if (differ) {
            return true;
        }
    }
    return false;
}

/* It keeps its backend only because pool_mode says so. */
static bool
keeps_without_need(const struct session *s)
{
    return s->phase == SESSION_READY && s->link.backend != NULL && !s->link.is_busy &&
           s->pins == SQL_PIN_NONE && link_is_quiet(s);
}

/* Sessions that keep a backend because pool_mode says so can do without while they are paused. */
static void
give_back_kept(struct worker *w)
{
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (s->database->facts.paused && keeps_without_need(s)) {
            link_give_back(s);
        }
    }
}

static bool
welcomes_differ(const struct view *a, const struct view *b)
{
    return a->epoch != b->epoch || a->side[a->writer].lead != b->side[a->writer].lead ||
           view_lead(a, a->writer)->incarnation != view_lead(b, a->writer)->incarnation;
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
    databases_take_view(w, view->pair);
    if (welcomes_differ(view, before)) {
        cached_params_forget(w);
    }
    lead_take_view(w, view->pair, before);
    const bool paused_now = pauses_more(view, before, w->pools);
    const bool held_now = (view->writes_held && !before->writes_held) || paused_now;
    const bool differ = nodes_differ(view, before);
    const bool goes_on = differ || (before->writes_held && !view->writes_held) ||
                         (!before->writes_known && view->writes_known) ||
                         pauses_more(before, view, NULL);
    view_free(before);
    if (held_now || differ) {
        held_sort(w, view->pair);
    }
    if (paused_now) {
        give_back_kept(w);
    }
    atomic_store(&w->gauges.of_pair[view->pair].view_version, view->version);
    w->workers->ops.progress(w->workers->ops.ctx);
    if (goes_on) {
        held_look_again(w, view->pair);
    }
    if (differ) {
        pools_tick(w->pools); /* those that wait for a server that is back need not wait for it */
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
    auth_queries_free(w->auth_queries);
    w->auth_queries = NULL;
    pools_close(w->pools);
    loop_stop(w->loop);
}

void
order_fini(struct worker *w)
{
    CHECK(list_empty(&w->arriving) && list_empty(&w->sessions) && w->auth_queries == NULL);
    timer_free(w->tick);
    mailbox_free(w->mailbox);
    loop_free(w->loop);
    pools_free(w->pools);
    cached_params_forget(w);
    map_fini(&w->by_pid);
    databases_free(w);
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

/* Whether the session is one of the database; NULL: of any. */
static bool
is_of(const struct session *s, const char *alias)
{
    return alias == NULL || (s->database != NULL && strcmp(s->database->alias, alias) == 0);
}

void
order_kill_all(struct worker *w, const char *alias)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN,
                  "terminating connection due to administrator command");
    LIST_EACH(node, &w->arriving)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (s->phase == SESSION_LOGIN && is_of(s, alias)) { /* the others are nobody's yet */
            session_close(s, &err);
        }
    }
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (is_of(s, alias)) {
            session_close(s, &err);
        }
    }
    order_reconnect(w, alias);
}

void
order_reconnect(struct worker *w, const char *alias)
{
    if (alias == NULL) {
        pools_retire_all(w->pools);
    } else {
        pools_retire_database(w->pools, alias);
    }
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
        } else if (is_on_side(s, pair, side) && keeps_without_need(s)) {
            link_give_back(s);
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
