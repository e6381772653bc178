/* link.c — the backend that serves a session's transaction. See link.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/link/link.h"

#include "base/clock.h"
#include "session/link/failover.h"
#include "session/link/parameters.h"
#include "wire/message.h"

/* How long the data path stays away from a server that it has lost a connection to, where another
 * will do: the monitor has asked it by then. */
enum { LOST_AVOIDED_US = 1000 * 1000 };

static void waiter_done(struct pool_waiter *waiter, struct backend *b, const struct err *err);

void
link_init(struct session *s)
{
    list_init(&s->link.held_node);
    list_init(&s->link.waiter.node);
    s->link.waiter.done = waiter_done;
}

void
link_identify(struct session *s, bool is_reader, uint32_t bucket)
{
    s->link.traits = (struct route_session){
        .facts = &s->database->facts,
        .user = s->identity.user,
        .database = s->identity.database,
        .application = s->identity.application,
        .bucket = bucket,
        .reader = is_reader,
    };
}

enum side
link_side(const struct session *s)
{
    return pool_key_of(s->link.backend->pool)->node.side;
}

/* ---- busy backends: what a cutover drains ---- */

static void
set_busy(struct session *s, bool busy)
{
    if (s->link.backend == NULL || s->link.is_busy == busy) {
        return;
    }
    s->link.is_busy = busy;
    const struct pool_key *key = pool_key_of(s->link.backend->pool);
    s->worker->pairs[key->node.pair].balance[key->node.side].busy[key->node.node] +=
        busy ? 1U : UINT32_MAX;
    if (!key->read_only) { /* what cannot write need not be drained */
        worker_busy_add(s->worker, key->node.pair, key->node.side, busy ? 1 : -1);
    }
}

void
link_begin_transaction(struct session *s)
{
    CHECK(s->link.backend != NULL);
    set_busy(s, true);
    s->link.transaction_us = loop_now_us(s->worker->loop);
}

void
link_end_transaction(struct session *s, bool wrote)
{
    struct worker *w = s->worker;
    if (s->link.transaction_us != 0) {
        const uint64_t took_us = loop_now_us(w->loop) - s->link.transaction_us;
        stat_add(&s->stats->xacts, 1);
        stat_add(&s->stats->xact_time_us, took_us);
        stat_hist_add(&s->stats->latency, took_us);
        s->link.transaction_us = 0;
    }
    if (wrote) {
        /* Not the time of the turn: it must not lie before the moment the server committed. */
        s->link.traits.last_write_us = clock_now_us();
    }
    set_busy(s, false);
}

void
link_is_a_stream(struct session *s)
{
    CHECK(s->link.backend != NULL);
    s->link.transaction_us = 0;
    set_busy(s, false);
}

/* ---- linking ---- */

/* One SELECT set_config(...) ahead of the first message, in the same send. */
static void
apply_settings(struct session *s)
{
    struct backend *b = s->link.backend;
    struct settings *wanted = s->settings.now;
    if (b->settings == wanted) {
        return;
    }
    struct buf sql;
    buf_init(&sql);
    settings_put_sql(&sql, b->settings, wanted);
    buf_put_u8(&sql, 0);
    message_put_query(outlet_queue(&b->out), (const char *)buf_slice(&sql).p);
    buf_fini(&sql);
    const bool pushed = flow_push(&b->flow, FLOW_QUERY, FLOW_SWALLOW, FLOW_UNTAGGED);
    CHECK(pushed);
    s->link.is_applying = true;
    settings_unref(&s->worker->settings, b->settings);
    wanted->refs++;
    b->settings = wanted;
    b->unnamed = 0; /* a Query destroys the unnamed statement */
}

bool
link_has_sequence_state(const struct session *s)
{
    return s->link.write_streak == s->link.backend->streak;
}

void
link_note_write(struct session *s)
{
    struct link *l = &s->link;
    const uint32_t now = l->backend->streak;
    CHECK(now > 0 && l->backend->last_session == s->id);
    if (l->write_streak != now) {
        l->write_streak = l->write_streak == 0 ? now : SESSION_STREAK_MIXED;
    }
}

void
link_settings_applied(struct session *s)
{
    s->link.is_applying = false;
}

bool
link_take_fresh(struct session *s)
{
    const bool fresh = s->link.is_fresh;
    s->link.is_fresh = false;
    return fresh;
}

static void
count_assignment(struct session *s)
{
    struct worker_stats *stats = s->stats;
    const struct route_decision *d = &s->link.decision;
    stat_add(&stats->assignments, 1);
    stat_add(d->read_only ? &stats->reads_by_side[d->side] : &stats->writes_by_side[d->side], 1);
}

static void
link_backend(struct session *s, struct backend *b)
{
    struct link *l = &s->link;
    const uint64_t now_us = loop_now_us(s->worker->loop);
    CHECK(l->backend == NULL && flow_empty(&b->flow) && b->flow.txn == 'I');
    l->backend = b;
    l->is_fresh = true;
    if (b->last_session != s->id) {
        b->last_session = s->id;
        b->streak = ++l->streaks;
    }
    set_busy(s, true);
    if (l->wait_since_us != 0) {
        stat_add(&s->stats->wait_time_us, now_us - l->wait_since_us);
        l->wait_since_us = 0;
    }
    if (l->transaction_us == 0) {
        l->transaction_us = now_us;
    }
    count_assignment(s);
    apply_settings(s);
    if (!l->is_applying) {
        parameters_sync(s);
    }
}

/* The pools of the session's user in its database: found by name once, for they live as long as
 * their worker. */
static struct pool_family *
pools_of(struct session *s)
{
    struct database *d = s->database;
    const char *user = d->user == NULL ? s->identity.user : d->user;
    if (s->link.pools != NULL) {
        return s->link.pools;
    }
    if (d->pools == NULL || !pool_family_is_of(d->pools, s->identity.use, user)) {
        d->pools = pools_family(s->worker->pools, &(struct pool_key){.node.pair = d->pair,
                                                                     .use = s->identity.use,
                                                                     .alias = d->alias,
                                                                     .database = d->name,
                                                                     .user = user});
    }
    s->link.pools = d->pools;
    return d->pools;
}

/* The pool of the decision. */
static struct pool *
pool_of(struct session *s)
{
    const struct route_decision *d = &s->link.decision;
    struct worker_pair *pair = &s->worker->pairs[s->identity.pair];
    const uint32_t node = balance_pick(&pair->balance[d->side], &pair->view->side[d->side],
                                       d->nodes, loop_now_us(s->worker->loop));
    return pool_family_get(pools_of(s), d->side, node, d->read_only);
}

bool
link_seek(struct session *s, enum sql_class class)
{
    struct worker *w = s->worker;
    struct link *l = &s->link;
    CHECK(l->backend == NULL && !link_waits(s));
    l->decision = route_decide(session_view(s), &l->traits, class);
    if (l->transaction_us == 0) {
        l->transaction_us = loop_now_us(w->loop);
    }
    if (l->decision.wait) {
        if (l->decision.reason != ROUTE_FAILOVER || failover_has_room(s)) {
            link_hold(s, loop_now_us(w->loop));
        }
        return false;
    }
    l->waiter.startup = s->settings.now;
    l->waiter.logs_in = s->phase == SESSION_LOGIN;
    struct backend *b = pool_acquire(pool_of(s), s, &l->waiter);
    if (b == NULL) {
        l->wait_since_us = loop_now_us(w->loop);
        return false;
    }
    link_backend(s, b);
    return true;
}

/* A backend came, or none will. */
static void
waiter_done(struct pool_waiter *waiter, struct backend *b, const struct err *err)
{
    struct session *s = LIST_OBJECT(waiter, struct session, link.waiter);
    if (b == NULL) {
        session_fail(s, err);
    } else {
        link_backend(s, b);
    }
    session_wake_later(s);
}

/* ---- waiting ---- */

bool
link_waits(const struct session *s)
{
    return s->link.is_held || s->link.waiter.pool != NULL;
}

void
link_stop_waiting(struct session *s)
{
    pool_cancel_wait(&s->link.waiter);
    link_unhold(s);
}

void
link_abandon_wait(struct session *s)
{
    link_stop_waiting(s);
    s->link.transaction_us = 0;
    s->link.wait_since_us = 0;
}

void
link_hold(struct session *s, uint64_t since_us)
{
    struct worker *w = s->worker;
    CHECK(!s->link.is_held && s->link.waiter.pool == NULL);
    s->link.is_held = true;
    s->link.wait_since_us = since_us;
    list_push_back(&w->held, &s->link.held_node);
    (void)atomic_fetch_add(&w->gauges.of_pair[s->identity.pair].held, 1);
}

void
link_unhold(struct session *s)
{
    struct worker *w = s->worker;
    if (!s->link.is_held) {
        return;
    }
    s->link.is_held = false;
    list_remove(&s->link.held_node);
    const unsigned before = atomic_fetch_sub(&w->gauges.of_pair[s->identity.pair].held, 1);
    CHECK(before > 0);
    stat_hist_add(&s->stats->held, loop_now_us(w->loop) - s->link.wait_since_us);
}

void
link_waited_since(struct session *s, uint64_t since_us)
{
    CHECK(s->link.is_held && since_us <= s->link.wait_since_us);
    s->link.wait_since_us = since_us;
}

void
link_told_wait(struct session *s)
{
    s->link.wait_told_us = s->link.wait_since_us;
}

/* ---- the end ---- */

bool
link_owes_only_settings(const struct session *s)
{
    const uint32_t settings = s->link.is_applying ? 1 : 0;
    CHECK(s->link.backend->flow.count >= settings);
    return s->link.backend->flow.count == settings;
}

bool
link_is_quiet(const struct session *s)
{
    const struct backend *b = s->link.backend;
    const bool owes = !flow_empty(&b->flow) || b->flow.skipping || b->flow.copy_in ||
                      s->cycle.in_batch || s->client.pass_left > 0 || !outlet_is_empty(&b->out);
    const bool speaks = s->reply.left > 0 || buf_len(&b->in) > 0; /* what was not asked for */
    return !owes && !speaks && b->flow.txn == 'I';
}

/* Nothing of the session is left on its backend, which is set up as its settings say. */
static bool
backend_is_clean(const struct session *s)
{
    return link_is_quiet(s) && !s->link.backend->flow.doubtful && s->pins == SQL_PIN_NONE &&
           s->settings.change == SQL_SET_NONE;
}

void
link_give_back(struct session *s)
{
    if (s->link.backend == NULL) {
        return;
    }
    if (!backend_is_clean(s)) {
        link_lose(s);
        return;
    }
    set_busy(s, false);
    s->link.is_applying = false;
    pool_release(&s->link.backend);
}

void
link_lose(struct session *s)
{
    CHECK(s->link.backend != NULL);
    set_busy(s, false);
    s->link.is_applying = false;
    outlet_drop_run(&s->link.backend->out);
    pool_discard(&s->link.backend);
}

void
link_server_is_lost(struct session *s)
{
    const struct node_id *node = &pool_key_of(s->link.backend->pool)->node;
    struct worker *w = s->worker;
    balance_avoid(&w->pairs[node->pair].balance[node->side], node->node,
                  loop_now_us(w->loop) + LOST_AVOIDED_US);
    pools_look_at(w->pools, node);
}

void
link_say_lost_state(const struct session *s, const char *why, struct err *err)
{
    (void)err_set(err, SQLSTATE_ADMIN_SHUTDOWN,
                  "%s, and this session cannot go on elsewhere: it held %s", why,
                  sql_pin_name(s->pins));
    (void)err_hint(err, "Connect again.");
}

void
link_left_behind(struct session *s)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN,
                  "writes move away from %s and this session cannot: it holds %s",
                  side_name(link_side(s)), sql_pin_name(s->pins));
    (void)err_hint(&err, "Connect again.");
    session_fail(s, &err);
}
