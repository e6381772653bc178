/* waiters.c — the queue for backends of a pool. See waiters.h.
 *
 * When waiting is of no use any more depends on what the last attempt to open a backend was told
 * (see opening.h), and on whether another backend of the pool may become free:
 *
 *     IMPOSSIBLE    everybody is told at once
 *     REFUSED       the same, unless a backend of the pool is open, at whatever worker: then there
 *                   is something to wait for, and the refusal does not concern the client. A read
 *                   of a session waits: its follower may get room, or be found down, and then it
 *                   goes to the writer
 *     UNREACHABLE   a login after server_connect_timeout, all others after query_wait_timeout
 *     NEEDS_TLS     nobody
 *
 * PgBouncer does the same, except that a login waits for a dead server until query_wait_timeout,
 * and that it has no reads of that kind. A walsender is for its waiter alone, so no other is worth
 * waiting for. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/waiters.h"

#include "pool/members.h"

struct pool_waiter *
waiters_first(const struct pool *pool)
{
    struct list *node = list_first(&pool->waiters);
    return node == NULL ? NULL : LIST_OBJECT(node, struct pool_waiter, node);
}

static void
publish(struct pool *pool)
{
    const struct pool_waiter *first = waiters_first(pool);
    pool_share_wait(pool->share, pool->context->config.worker, first == NULL ? 0 : first->since_us);
}

void
waiters_add(struct pool *pool, struct pool_waiter *waiter, void *owner)
{
    CHECK(waiter->pool == NULL && waiter->own == NULL && waiter->done != NULL);
    list_init(&waiter->node);
    waiter->pool = pool;
    waiter->owner = owner;
    waiter->since_us = pool_now_us(pool);
    list_push_back(&pool->waiters, &waiter->node);
    pool->waiting_count++;
    publish(pool);
}

void
pool_cancel_wait(struct pool_waiter *waiter)
{
    struct pool *pool = waiter->pool;
    if (pool == NULL) {
        return;
    }
    CHECK(pool->waiting_count > 0);
    list_remove(&waiter->node);
    waiter->pool = NULL;
    pool->waiting_count--;
    publish(pool);
    if (waiter->own != NULL) {
        members_close(waiter->own); /* nobody else has a use for it */
    }
}

void
waiters_give(struct pool_waiter *waiter, struct backend *b)
{
    CHECK(waiter->pool == b->pool && b->reserved == NULL && waiter->own == NULL);
    pool_cancel_wait(waiter);
    members_make_active(b, waiter->owner);
    waiter->done(waiter, b, NULL);
}

/* ---- waiters that get none ---- */

static void
refuse(struct pool_waiter *waiter, const struct err *err)
{
    pool_cancel_wait(waiter);
    waiter->done(waiter, NULL, err);
}

/* They get a list of their own first: what one does when it is told may take others out of it. */
static void
refuse_those(struct pool *pool, bool (*meant)(const struct pool_waiter *w), const struct err *err)
{
    struct list told;
    list_init(&told);
    LIST_EACH(node, &pool->waiters)
    {
        if (meant(LIST_OBJECT(node, struct pool_waiter, node))) {
            list_remove(node);
            list_push_back(&told, node);
        }
    }
    for (struct list *node = list_first(&told); node != NULL; node = list_first(&told)) {
        refuse(LIST_OBJECT(node, struct pool_waiter, node), err);
    }
}

static uint64_t
waited_us(const struct pool_waiter *w)
{
    return pool_now_us(w->pool) - w->since_us;
}

static bool
has_none_coming(const struct pool_waiter *w)
{
    return w->own == NULL;
}

static bool
has_none_and_no_other_way(const struct pool_waiter *w)
{
    return w->own == NULL && (w->logs_in || !w->pool->key.read_only);
}

static bool
is_late_login(const struct pool_waiter *w)
{
    return w->logs_in && waited_us(w) >= w->pool->context->conf->server_connect_timeout_us;
}

static void
refuse_all(struct pool *pool, const struct opening_failure *failure)
{
    const bool is_full = failure->kind == OPENING_REFUSED;
    refuse_those(pool, is_full ? has_none_and_no_other_way : has_none_coming, &failure->err);
}

/* Whether a backend may still come that this pool need not open. */
static bool
others_may_come(const struct pool *pool)
{
    return pool->key.use == POOL_SESSIONS && pool_share_has_open(pool->share);
}

void
waiters_failed(struct pool *pool, struct pool_waiter *reserved)
{
    const struct opening_failure failure = pool->retry.last;
    CHECK(pool->retry.failed);
    if (failure.kind == OPENING_UNREACHABLE) {
        refuse_those(pool, is_late_login, &failure.err);
        return;
    }
    const bool is_final = failure.kind == OPENING_IMPOSSIBLE ||
                          (failure.kind == OPENING_REFUSED && !others_may_come(pool));
    if (is_final && reserved != NULL) {
        refuse(reserved, &failure.err); /* what was wrong may be with its own settings */
    } else if (is_final) {
        refuse_all(pool, &failure);
    }
}

/* Waiters that have come since the last attempt failed get the same answer until the next is due,
 * when it was the server's. What Teal itself could not do, as for want of a password, it may be
 * able to do now, when a client has shown it. And a walsender that could not be started may have
 * failed for its own settings. */
static void
refuse_in_the_pause(struct pool *pool)
{
    const struct opening_failure failure = pool->retry.last;
    if (!pool->retry.failed) {
        return;
    }
    if (failure.kind == OPENING_UNREACHABLE) {
        refuse_those(pool, is_late_login, &failure.err);
        return;
    }
    const bool is_for_all =
        failure.in_server_words &&
        (failure.kind == OPENING_REFUSED ||
         (failure.kind == OPENING_IMPOSSIBLE && pool->key.use == POOL_SESSIONS));
    if (is_for_all && !others_may_come(pool) && !retry_is_due(&pool->retry, pool_now_us(pool))) {
        refuse_all(pool, &failure);
    }
}

static void
refuse_late(struct pool *pool)
{
    const uint64_t limit_us = pool->limits.query_wait_us;
    struct pool_waiter *waiter = waiters_first(pool);
    while (limit_us > 0 && waiter != NULL && waited_us(waiter) > limit_us) {
        struct err err;
        (void)err_set(&err, SQLSTATE_CANNOT_CONNECT_NOW,
                      "no connection to %s became free within query_wait_timeout",
                      side_name(pool->key.node.side));
        if (pool->retry.failed) {
            (void)err_hint(&err, "The last attempt to connect failed: %.200s",
                           pool->retry.last.err.text);
        }
        refuse(waiter, &err);
        waiter = waiters_first(pool);
    }
}

void
waiters_tick(struct pool *pool)
{
    refuse_in_the_pause(pool);
    refuse_late(pool);
    pool_check(pool);
}
