/* place.c — which backend serves a transaction, from when to when.
 *
 *      unlinked --place_seek---> linked                     (an idle backend was there)
 *                         `----> waiting --> linked         (pool full, or connecting)
 *                         `----> held ----> place_seek      (writes are held)
 *      linked --place_settle---> unlinked                   (owes nothing, no transaction, no pin)
 *
 * The decision falls at a transaction's first message, on all of its batch that has arrived, up to
 * Sync. When reads and writes end on one side there is nothing to decide and the batch is not
 * looked at first.
 *
 * On the writer a client may pipeline as it likes. On a read-only backend, and while writes are
 * held, one Query or batch is taken on at a time: the next may have to go elsewhere. */
/* SPDX-License-Identifier: PostgreSQL */
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "session/carry.h"
#include "session/session.h"
#include "wire/message.h"

/* Room in the flow for what one message can leave there: its own entry and the preparations ahead
 * of it. */
enum { ENTRIES_PER_MESSAGE = 8 };

/* ---- busy backends: what a cutover drains ---- */

void
place_busy(struct session *s, bool busy)
{
    if (s->backend == NULL || s->backend_is_busy == busy) {
        return;
    }
    s->backend_is_busy = busy;
    const struct pool_key *key = pool_key_of(s->backend->pool);
    if (!key->read_only) { /* what cannot write need not be drained */
        worker_busy_add(s->worker, key->side, busy ? 1 : -1);
    }
}

/* ---- what a batch does ---- */

struct batch {
    enum sql_class class;
    uint32_t executes;
    bool ended;          /* Sync or Flush was seen: the class is final */
    struct slice parsed; /* the name of its last Parse */
};

static void
batch_meet(struct batch *batch, enum sql_class class)
{
    if (class == SQL_EMPTY) {
        return;
    }
    const bool same = class == batch->class || batch->class == SQL_EMPTY;
    batch->class = same ? class : SQL_WRITE;
}

static void
batch_bind(const struct session *s, struct batch *batch, struct slice body)
{
    struct slice portal;
    struct slice name;
    struct slice rest;
    if (!message_bind(body, &portal, &name, &rest)) {
        batch_meet(batch, SQL_WRITE);
        return;
    }
    if (batch->parsed.p != NULL && slice_equal(name, batch->parsed)) {
        return; /* its Parse has been counted */
    }
    const struct statement *statement = name.len == 0 ? s->unnamed : names_get(&s->names, name);
    batch_meet(batch, statement == NULL ? SQL_WRITE : statement->class);
}

static void
batch_parse(const struct session *s, struct batch *batch, struct slice body)
{
    struct slice text;
    struct slice types;
    if (!message_parse(body, &batch->parsed, &text, &types)) {
        batch_meet(batch, SQL_WRITE);
        return;
    }
    const struct sql_traits traits = session_classify(s, text);
    batch_meet(batch, traits.pins == SQL_PIN_NONE ? traits.class : SQL_WRITE);
}

static void
batch_add(const struct session *s, struct batch *batch, uint8_t type, struct slice body)
{
    switch (type) {
    case 'P':
        batch_parse(s, batch, body);
        return;
    case 'B':
        batch_bind(s, batch, body);
        return;
    case 'E':
        if (++batch->executes > 1) {
            batch_meet(batch, SQL_WRITE);
        }
        return;
    case 'D':
    case 'C':
        return;
    case 'S':
        batch->ended = true;
        return;
    default: /* Flush, a Query in the middle, anything else: not a plain read */
        batch_meet(batch, SQL_WRITE);
        batch->ended = true;
        return;
    }
}

/* The class of the batch at the front of in. False when its end has not arrived: more could change
 * it. */
static bool
batch_read(const struct session *s, struct slice in, enum sql_class *class)
{
    struct batch batch = {.class = SQL_EMPTY};
    struct slice rest = in;
    while (!batch.ended) {
        uint8_t type;
        uint64_t total;
        struct slice frame;
        if (wire_peek(rest, UINT32_MAX, &type, &total) != WIRE_OK || total > rest.len ||
            !slice_take(&rest, (size_t)total, &frame)) {
            break;
        }
        batch_add(s, &batch, type,
                  slice_of(frame.p + WIRE_HEADER_LEN, frame.len - WIRE_HEADER_LEN));
    }
    /* A write is decided at once; so is what is too long to be waited for. */
    const bool known = batch.ended || batch.class == SQL_WRITE || in.len >= SESSION_QUEUE_HIGH;
    *class = batch.ended ? batch.class : SQL_WRITE;
    return known;
}

static bool
classify_front(struct session *s, uint8_t type, struct slice in, enum sql_class *class)
{
    *class = SQL_WRITE;
    const bool decided = s->worker->view_is_single && !s->worker->view->writes_held;
    if (s->forced_writer || (decided && !s->traits.reader)) {
        return true;
    }
    if (type != 'Q') {
        return type == 'F' || batch_read(s, in, class);
    }
    uint8_t seen;
    uint64_t total;
    struct slice text;
    if (wire_peek(in, UINT32_MAX, &seen, &total) == WIRE_OK && in.len >= total &&
        message_query(slice_of(in.p + WIRE_HEADER_LEN, (size_t)total - WIRE_HEADER_LEN), &text)) {
        s->query = session_classify(s, text);
        s->query_known = true;
        *class = s->query.pins == SQL_PIN_NONE ? s->query.class : SQL_WRITE;
    }
    return true;
}

/* ---- linking ---- */

/* One SELECT set_config(...) ahead of the first message, in the same send. */
static void
apply_settings(struct session *s)
{
    struct backend *b = s->backend;
    if (b->settings == s->settings) {
        return;
    }
    struct buf sql;
    buf_init(&sql);
    settings_put_sql(&sql, b->settings, s->settings);
    buf_put_u8(&sql, 0);
    message_put_query(&b->out, (const char *)buf_slice(&sql).p);
    buf_fini(&sql);
    const bool pushed = flow_push(&b->flow, FLOW_QUERY, FLOW_SWALLOW, 0);
    CHECK(pushed);
    s->applying_settings = true;
    settings_unref(&s->worker->settings, b->settings);
    s->settings->refs++;
    b->settings = s->settings;
}

void
place_sync_params(struct session *s)
{
    const struct params *now = s->backend->params;
    if (s->params == NULL || s->params->hash == now->hash) {
        return;
    }
    for (uint32_t i = 0; i < now->count; i++) {
        const char *before = params_get(s->params, now->items[i].name);
        if (before == NULL || strcmp(before, now->items[i].value) != 0) {
            message_put_parameter(&s->out, now->items[i].name, now->items[i].value);
        }
    }
    session_take_params(s, s->backend->params);
}

static void
place_link(struct session *s, struct backend *b)
{
    struct worker *w = s->worker;
    const uint64_t now_us = loop_now_us(w->loop);
    CHECK(s->backend == NULL && flow_empty(&b->flow) && b->flow.txn == 'I');
    s->backend = b;
    s->prepares = false;
    s->unnamed_owed = 0;
    s->backend_is_own = b->last_session == s->id;
    b->last_session = s->id;
    place_busy(s, true);
    if (s->wait_since_us != 0) {
        stat_add(&w->stats.wait_time_us, now_us - s->wait_since_us);
        s->wait_since_us = 0;
    }
    if (s->unit_us == 0) {
        s->unit_us = now_us;
    }
    stat_add(&w->stats.assignments, 1);
    s->replay_armed = s->decision.read_only && !s->traits.reader && !s->resent;
    stat_add(s->decision.read_only ? &w->stats.reads_by_side[s->decision.side]
                                   : &w->stats.writes_by_side[s->decision.side],
             1);
    apply_settings(s);
    if (!s->applying_settings) {
        place_sync_params(s);
    }
}

static void
place_hold(struct session *s)
{
    struct worker *w = s->worker;
    CHECK(!s->is_held);
    s->is_held = true;
    s->wait_since_us = loop_now_us(w->loop);
    list_push_back(&w->held, &s->held_node);
    (void)atomic_fetch_add(&w->gauges.held, 1);
}

void
place_unhold(struct session *s)
{
    if (!s->is_held) {
        return;
    }
    s->is_held = false;
    list_remove(&s->held_node);
    (void)atomic_fetch_sub(&s->worker->gauges.held, 1);
    stat_hist_add(&s->worker->stats.held, loop_now_us(s->worker->loop) - s->wait_since_us);
}

/* The pool of the decision; found by name once, for pools live as long as their worker. */
static struct pool *
pool_of(struct session *s)
{
    struct pool **pool = &s->pools[s->decision.side][s->decision.read_only];
    if (*pool == NULL) {
        const struct pool_key key = {s->decision.side, s->decision.read_only, s->use, s->database,
                                     s->user};
        *pool = pools_get(s->worker->pools, &key);
    }
    return *pool;
}

bool
place_seek(struct session *s, enum sql_class class)
{
    struct worker *w = s->worker;
    s->decision = route_decide(w->view, &s->traits, class);
    if (s->unit_us == 0) {
        s->unit_us = loop_now_us(w->loop);
    }
    if (s->decision.wait) {
        s->query_known = false;
        place_hold(s);
        return false;
    }
    s->waiter.startup = s->settings;
    s->waiter.logs_in = s->phase == SESSION_LOGIN;
    struct backend *b = pool_acquire(pool_of(s), s, &s->waiter);
    if (b == NULL) {
        s->query_known = false; /* the text it points at moves */
        s->wait_since_us = loop_now_us(w->loop);
        return false;
    }
    place_link(s, b);
    return true;
}

/* A backend came, or none will. */
void
place_waiter_done(struct pool_waiter *waiter, struct backend *b, const struct err *err)
{
    struct session *s = LIST_OBJECT(waiter, struct session, waiter);
    if (b == NULL) {
        session_close(s, err);
        return;
    }
    place_link(s, b);
    if (s->phase == SESSION_LOGIN) {
        login_linked(s);
        frontend_finish_turn(s);
    }
    if (s->phase != SESSION_LOGIN) {
        session_resume(s);
    }
    if (s->backend == b && flow_empty(&b->flow)) {
        /* The client has gone back on it: nothing was asked. */
        place_settle(s);
    }
    session_flush(s);
    session_update_interest(s);
}

/* ---- may this message be taken on? ---- */

/* The writer is held, or all is paused: what sits there begins nothing new. */
static bool
backend_is_held(const struct session *s)
{
    const struct view *view = s->worker->view;
    const bool on_writer = pool_key_of(s->backend->pool)->side == view->writer;
    return view->paused || (view->writes_held && on_writer);
}

/* Its backend could write, on a side that is not the writer any more. */
static bool
backend_is_left_behind(const struct session *s)
{
    const struct view *view = s->worker->view;
    const struct pool_key *key = pool_key_of(s->backend->pool);
    return view->writes_known && !key->read_only && key->side != view->writer;
}

void
place_left_behind(struct session *s)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN,
                  "writes move away from %s and this session cannot: it holds %s",
                  side_name(pool_key_of(s->backend->pool)->side), sql_pin_name(s->pins));
    (void)err_hint(&err, "Connect again.");
    session_close(s, &err);
}

bool
place_is_idle(const struct session *s)
{
    const struct backend *b = s->backend;
    if (s->waiter.pool != NULL || s->is_held) {
        return false;
    }
    return b == NULL || (flow_empty(&b->flow) && !b->flow.skipping && !s->in_batch);
}

static bool
admit_linked(struct session *s)
{
    const struct backend *b = s->backend;
    if (s->replaying || s->is_held || !flow_has_room(&b->flow, ENTRIES_PER_MESSAGE) ||
        buf_len(&b->out) > SESSION_QUEUE_HIGH) {
        return false;
    }
    if (s->in_batch || b->flow.copy_in || b->flow.skipping) {
        return true;
    }
    if (!flow_empty(&b->flow) && s->unit_done) {
        return !s->decision.read_only && !backend_is_held(s) && !carry_is_pending(s) &&
               !s->prepares;
    }
    /* A pinned session between two transactions. */
    if (flow_empty(&b->flow) && b->flow.txn == 'I' && !s->backend_is_busy) {
        if (backend_is_held(s)) {
            place_hold(s);
            return false;
        }
        if (backend_is_left_behind(s)) {
            place_left_behind(s);
            return false;
        }
        place_busy(s, true);
        s->unit_us = loop_now_us(s->worker->loop);
    }
    return true;
}

static bool
is_copy_message(uint8_t type)
{
    return type == 'd' || type == 'c' || type == 'f';
}

/* Whether nothing is owed but what Teal itself has put ahead. */
static bool
flow_is_ours(const struct session *s)
{
    const struct flow *f = &s->backend->flow;
    return f->count == (s->applying_settings ? 1U : 0U);
}

static bool
place_find(struct session *s, uint8_t type, struct slice in)
{
    if (s->backend != NULL) {
        return type == 'X' || admit_linked(s);
    }
    if (s->waiter.pool != NULL || s->is_held) {
        return false;
    }
    if (type == 'X' || is_copy_message(type)) {
        return true;
    }
    enum sql_class class;
    if (!classify_front(s, type, in, &class)) {
        return false;
    }
    return place_seek(s, class);
}

bool
place_admit(struct session *s, uint8_t type, struct slice in)
{
    s->query_known = false;
    if (!place_find(s, type, in)) {
        return false;
    }
    if (s->backend != NULL && !s->in_batch) {
        s->unit_is_alone = flow_is_ours(s);
        s->query_us = s->unit_is_alone ? loop_now_us(s->worker->loop) : s->query_us;
    }
    return true;
}

/* ---- the end of a transaction ---- */

/* Nothing of the session is left on its backend, and nothing is on its way in either direction. */
static bool
backend_is_clean(const struct session *s)
{
    const struct backend *b = s->backend;
    const bool owes = !flow_empty(&b->flow) || b->flow.skipping || b->flow.copy_in || s->in_batch ||
                      s->pass_left > 0 || s->to_server.len > 0 || buf_len(&b->out) > 0 ||
                      b->out.failed;
    const bool speaks = s->reply_left > 0 || buf_len(&b->in) > 0;
    return !owes && !speaks && b->flow.txn == 'I' && !b->flow.doubtful && s->pins == SQL_PIN_NONE;
}

void
place_give_back(struct session *s)
{
    if (s->backend == NULL) {
        return;
    }
    place_busy(s, false);
    if (backend_is_clean(s)) {
        pool_release(&s->backend);
        return;
    }
    pool_discard(&s->backend);
}

static void
transaction_ended(struct session *s)
{
    struct worker *w = s->worker;
    if (s->unit_us != 0) {
        const uint64_t took_us = loop_now_us(w->loop) - s->unit_us;
        stat_add(&w->stats.xacts, 1);
        stat_add(&w->stats.xact_time_us, took_us);
        stat_hist_add(&w->stats.latency, took_us);
        s->unit_us = 0;
    }
    if (s->wrote) {
        /* Not the time of the turn: it must not lie before the moment the server committed. */
        s->traits.last_write_us = clock_now_us();
        s->wrote = false;
    }
    s->forced_writer = false;
    s->resent = false;
    s->replay_armed = false;
    buf_fini(&s->replay);
}

static void
end_for_shutdown(struct session *s)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN, "the proxy is shutting down");
    session_close(s, &err);
}

void
place_settle(struct session *s)
{
    struct backend *b = s->backend;
    if (b == NULL || !flow_empty(&b->flow) || s->phase == SESSION_LOGIN ||
        s->phase == SESSION_REPLICATION) {
        return;
    }
    if (s->replaying) {
        place_replay(s);
        return;
    }
    if (s->phase == SESSION_LEAVING) {
        place_give_back(s);
        session_flush(s);
        session_left(s);
        return;
    }
    s->unit_done = false;
    stat_add(&s->worker->stats.query_time_us, loop_now_us(s->worker->loop) - s->query_us);
    s->query_us = loop_now_us(s->worker->loop);
    s->prepares = false;
    s->unnamed_owed = 0;
    names_forget_changes(&s->names);
    carry_settle(s);
    s->unit_failed = false;
    const bool unsent =
        buf_len(&b->out) > 0 || b->out.failed || s->pass_left > 0 || s->to_server.len > 0;
    const bool unread = buf_len(&b->in) > 0 || s->reply_left > 0; /* of what it says unasked */
    if (b->flow.txn != 'I' || s->in_batch || b->flow.skipping || unsent || unread) {
        return;
    }
    transaction_ended(s);
    place_busy(s, false);
    if (s->pins == SQL_PIN_NONE) {
        place_give_back(s);
    }
    if (s->worker->draining) {
        end_for_shutdown(s);
    }
}

void
place_replay(struct session *s)
{
    stat_add(&s->worker->stats.replays, 1);
    log_debug(&s->log, "read sent again to the writer", "from=%s", side_name(s->decision.side));
    s->replaying = false;
    s->replay_armed = false;
    s->unit_done = false;
    s->in_batch = false;
    s->forced_writer = true;
    s->resent = true;
    buf_fini(&s->held_replies);
    place_give_back(s);
    /* The messages come again, ahead of what has arrived meanwhile. */
    if (!buf_append(&s->replay, buf_slice(&s->in))) {
        session_refuse(s, SQLSTATE_OUT_OF_MEMORY, "out of memory");
        return;
    }
    buf_fini(&s->in);
    s->in = s->replay;
    buf_init(&s->replay);
    if (s->phase == SESSION_LEAVING) { /* its Terminate was behind them */
        message_put_simple(&s->in, 'X');
        s->phase = SESSION_READY;
    }
    session_resume(s);
}

/* Who waits for a backend of the side that is held now: it would begin something new when its turn
 * came. */
static void
hold_waiters_in(struct worker *w, struct list *sessions)
{
    LIST_EACH(node, sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        if (s->waiter.pool == NULL) {
            continue;
        }
        const struct pool_key *key = pool_key_of(s->waiter.pool);
        if (w->view->paused || (key->side == w->view->writer && !key->read_only)) {
            const uint64_t since_us = s->wait_since_us;
            pool_cancel_wait(&s->waiter);
            place_hold(s);
            s->wait_since_us = since_us;
        }
    }
}

void
place_leave_dead(struct worker *w, enum side side)
{
    LIST_EACH(node, &w->sessions)
    {
        struct session *s = LIST_OBJECT(node, struct session, node);
        const struct pool_key *key = s->waiter.pool == NULL ? NULL : pool_key_of(s->waiter.pool);
        if (key != NULL && key->side == side && key->read_only) {
            pool_cancel_wait(&s->waiter);
            session_resume(s);
            session_flush(s);
            session_update_interest(s);
        }
    }
}

void
place_hold_waiters(struct worker *w)
{
    CHECK(w->view->writes_held || w->view->paused);
    hold_waiters_in(w, &w->arriving);
    hold_waiters_in(w, &w->sessions);
}

void
place_held_again(struct worker *w)
{
    struct list again;
    list_init(&again);
    for (struct list *node = list_first(&w->held); node != NULL; node = list_first(&w->held)) {
        list_remove(node);
        list_push_back(&again, node);
    }
    for (struct list *node = list_first(&again); node != NULL; node = list_first(&again)) {
        struct session *s = LIST_OBJECT(node, struct session, held_node);
        const uint64_t since_us = s->wait_since_us;
        place_unhold(s);
        if (s->phase == SESSION_LOGIN) {
            if (place_seek(s, SQL_WRITE)) {
                login_linked(s);
                frontend_finish_turn(s);
            }
        } else {
            session_resume(s);
        }
        if (session_is_open(s) && s->is_held) {
            s->wait_since_us = since_us; /* it has waited since then, in all */
        }
        session_flush(s);
        session_update_interest(s);
    }
}
