/* pool.c — which waiter gets which backend. See pool.h.
 *
 * The decisions are few and each is one function: pool_acquire (idle, open, or wait), pool_place
 * (where a backend that became free goes), pool_open_more (whether to connect). Below them stand
 * the events that lead to one: the outcome of an opening, the stream of a backend that nobody
 * uses, and the clock. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/pool.h"

#include "base/log.h"
#include "pool/cancel.h"
#include "pool/caps.h"
#include "pool/members.h"
#include "pool/opening.h"
#include "pool/registry.h"
#include "pool/server.h"
#include "pool/sharing.h"

/* A worker with waiters of its own gives a backend away only to one that has waited longer by this
 * much: a backend that moves costs a message and two system calls, so fairness between workers is
 * kept coarse. */
enum { FAIRNESS_US = 50 * 1000 };

static void backend_open(struct pool *pool, struct pool_waiter *reserved);

/* ---- decisions ---- */

/* A waiter of another worker gets a backend of ours when it has waited since before this moment; 0:
 * in any case. */
static uint64_t
rivals_since_us(const struct pool_waiter *ours)
{
    if (ours == NULL) {
        return 0;
    }
    return ours->since_us > FAIRNESS_US ? ours->since_us - FAIRNESS_US : 1;
}

/* Where a backend that is in no list goes: to a worker that waits (much) longer, to our oldest
 * waiter, or idle. */
static void
pool_place(struct backend *b)
{
    const struct pool *pool = b->pool;
    const struct pools_config *config = &pool->context->config;
    struct pool_waiter *waiter = waiters_first(pool);
    const int other =
        pool_share_hungriest(pool->share, config->worker, pool_registry_workers(config->registry),
                             rivals_since_us(waiter));
    if (other >= 0) {
        sharing_give(b, (uint32_t)other, pool_place);
    } else if (waiter != NULL) {
        waiters_give(waiter, b);
    } else {
        members_make_idle(b);
    }
}

/* A walsender for each waiter that has none on its way, within the limit. */
static void
open_walsenders(struct pool *pool)
{
    const struct pool_caps caps = caps_of(pool);
    LIST_EACH(node, &pool->waiters)
    {
        struct pool_waiter *waiter = LIST_OBJECT(node, struct pool_waiter, node);
        if (waiter->own != NULL) {
            continue;
        }
        if (!retry_is_due(&pool->retry, pool_now_us(pool)) ||
            !pool_share_open(pool->share, &caps)) {
            return;
        }
        backend_open(pool, waiter);
    }
}

/* One more may be opened now, and is counted; a cap over several pools makes an idle backend of
 * another pool give way. */
static bool
may_open(struct pool *pool)
{
    bool by_user;
    if (!retry_is_due(&pool->retry, pool_now_us(pool))) {
        return false;
    }
    for (;;) {
        const struct pool_caps caps = caps_of(pool);
        if (pool_share_open(pool->share, &caps)) {
            return true;
        }
        if (!pool_share_is_crowded(pool->share, &caps, &by_user) ||
            !sharing_make_room(pool, by_user)) {
            return false;
        }
    }
}

/* One connect for each waiter that has none on its way, within the limit. When none can be opened,
 * another worker may have an idle one. */
static void
pool_open_more(struct pool *pool)
{
    if (pool->key.use != POOL_SESSIONS) {
        open_walsenders(pool);
        return;
    }
    while (pool->opening_count < pool->waiting_count) {
        if (!may_open(pool)) {
            if (pool->opening_count == 0) {
                sharing_ask_idle(pool, pool_place);
            }
            return;
        }
        backend_open(pool, NULL);
    }
}

struct backend *
pool_acquire(struct pool *pool, void *owner, struct pool_waiter *waiter)
{
    CHECK(waiter->pool == NULL);
    struct backend *b = pool->waiting_count == 0 ? members_idle(pool) : NULL;
    if (b != NULL) {
        members_remove(b);
        members_make_active(b, owner);
        return b;
    }
    waiters_add(pool, waiter, owner);
    pool_open_more(pool);
    return NULL;
}

static void
close_and_replace(struct backend *b)
{
    struct pool *pool = b->pool;
    members_close(b);
    pool_open_more(pool);
}

void
pool_release(struct backend **bp)
{
    struct backend *b = *bp;
    *bp = NULL;
    CHECK(b->state == BACKEND_ACTIVE && b->opening == NULL);
    CHECK(flow_empty(&b->flow) && b->flow.txn == 'I');
    b->owner = NULL;
    stream_want(&b->stream, WATCH_READ); /* whatever its session waited for: now only its end */
    if (b->cancels > 0) {
        b->release_pending = true;
        return;
    }
    if (caps_backend_is_over(b)) {
        close_and_replace(b);
        return;
    }
    buf_shrink(&b->in);
    members_remove(b);
    pool_place(b);
}

void
pool_discard(struct backend **bp)
{
    struct backend *b = *bp;
    *bp = NULL;
    CHECK(b->state == BACKEND_ACTIVE);
    close_and_replace(b);
}

static void
cancel_done(struct backend *b)
{
    if (b->cancels == 0 && b->release_pending) {
        b->release_pending = false;
        pool_release(&b);
    }
}

void
pool_cancel(struct backend *b)
{
    cancel_send(b, &b->pool->key.node, cancel_done);
}

/* ---- the outcome of an opening ---- */

static void
opening_done(struct backend *b)
{
    struct pool *pool = b->pool;
    CHECK(b->state == BACKEND_LOGIN && b->opening != NULL);
    opening_free(b->opening);
    b->opening = NULL;
    retry_reset(&pool->retry);
    if (pool->key.read_only) {
        pool_registry_add_reader(pool->context->config.registry, &pool->key.node, b->pid);
    }
    stream_want(&b->stream, WATCH_READ);
    members_remove(b);
    struct pool_waiter *waiter = b->reserved;
    if (waiter == NULL) {
        pool_place(b);
        return;
    }
    CHECK(waiter->own == b);
    b->reserved = NULL;
    waiter->own = NULL;
    waiters_give(waiter, b);
}

/* Closes it, and remembers why. The waiters are told by the caller, or by the next tick. */
static void
opening_note_failure(struct backend *b, const struct opening_failure *failure)
{
    struct pool *pool = b->pool;
    CHECK(backend_is_opening(b));
    const struct log_ctx ctx = {.kind = "backend",
                                .id = b->id,
                                .user = pool->key.user,
                                .database = pool->key.alias,
                                .node = side_name(pool->key.node.side)};
    if (!pool->retry.failed) {
        log_warn(&ctx, "could not open a backend", "error=\"%s\"", failure->err.text);
    }
    retry_note(&pool->retry, failure, pool_now_us(pool),
               pool->context->conf->server_login_retry_us);
    pool->tls_demanded = pool->tls_demanded || failure->kind == OPENING_NEEDS_TLS;
    members_close(b);
}

static void
opening_failed(struct backend *b, const struct opening_failure *failure)
{
    struct pool *pool = b->pool;
    struct pool_waiter *reserved = b->reserved;
    opening_note_failure(b, failure);
    waiters_failed(pool, reserved);
    pool_open_more(pool);
}

static void
opening_moved(struct backend *b, enum opening_step step, const struct opening_failure *failure)
{
    switch (step) {
    case OPENING_GOES_ON:
        return;
    case OPENING_DONE:
        opening_done(b);
        return;
    case OPENING_FAILED:
        opening_failed(b, failure);
        return;
    }
    UNREACHABLE();
}

static void
opening_woken(struct backend *b)
{
    struct opening_failure failure;
    opening_moved(b, opening_resume(b->opening, &failure), &failure);
}

/* ---- the stream of a backend ---- */

static void
backend_ready(void *arg, unsigned ready)
{
    struct backend *b = arg;
    struct opening_failure failure;
    CHECK(b->state != BACKEND_CLOSED);
    if (backend_is_opening(b)) {
        opening_moved(b, opening_ready(b->opening, ready, &failure), &failure);
    } else if (b->owner != NULL) {
        b->context->config.ops->ready(b, ready);
    } else if (!backend_read_idle(b)) { /* also while its release waits for a cancel */
        close_and_replace(b);
    }
}

/* The place is counted already. It may fail at once, and then no waiter is told yet: this may be
 * the call in which one begins to wait. */
static void
backend_open(struct pool *pool, struct pool_waiter *reserved)
{
    struct opening_failure failure;
    struct backend *b =
        members_add(pool, reserved == NULL ? SLICE_EMPTY : settings_text(reserved->startup));
    if (reserved != NULL) {
        CHECK(reserved->own == NULL);
        b->reserved = reserved;
        reserved->own = b;
    }
    const struct opening_plan plan = {
        .key = &pool->key,
        .tls = server_wants_tls(pool->context, &pool->key.node, pool->tls_demanded),
        .ready = backend_ready,
        .wake = opening_woken,
    };
    if (opening_begin(b, &plan, &failure) == OPENING_FAILED) {
        opening_note_failure(b, &failure);
    }
}

void
pools_look_at(struct pools *p, const struct node_id *node)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        if (!node_id_equal(&pool->key.node, node)) {
            continue;
        }
        LIST_EACH(place, &pool->idle)
        {
            struct backend *b = LIST_OBJECT(place, struct backend, node);
            if (!backend_read_idle(b)) {
                members_close(b);
            }
        }
    }
}

/* ---- the clock ---- */

static void
close_old_idle(struct pool *pool)
{
    const uint64_t limit_us = pool->context->conf->server_idle_timeout_us;
    LIST_EACH(node, &pool->idle)
    {
        struct backend *b = LIST_OBJECT(node, struct backend, node);
        const bool is_late = limit_us > 0 && pool_now_us(pool) - b->idle_since_us > limit_us;
        if (is_late || caps_backend_is_over(b)) {
            members_close(b);
        }
    }
}

/* Their waiters are told by waiters_tick, not here: what a waiter does then may close other
 * openings. */
static void
fail_slow_openings(struct pool *pool)
{
    const uint64_t limit_us = pool->context->conf->server_connect_timeout_us;
    LIST_EACH(node, &pool->opening)
    {
        struct backend *b = LIST_OBJECT(node, struct backend, node);
        if (pool_now_us(pool) - b->connected_us > limit_us) {
            struct opening_failure failure = {.kind = OPENING_UNREACHABLE};
            (void)err_set(&failure.err, SQLSTATE_CANNOT_CONNECT_NOW,
                          "%s did not accept a connection within server_connect_timeout",
                          side_name(pool->key.node.side));
            opening_note_failure(b, &failure);
        }
    }
}

void
pools_tick(struct pools *p)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        close_old_idle(pool);
        fail_slow_openings(pool);
        waiters_tick(pool);
        pool_open_more(pool);
    }
}
