/* waiters.c — who waits for a backend of a pool. See waiters.h.
 *
 * When waiting is of no use any more depends on what the last attempt to open a backend was told
 * (see opening.h), and on whether another backend of the pool may become free:
 *
 *     IMPOSSIBLE    everybody is told at once, in the server's words
 *     REFUSED       the same, unless a backend of the pool is open, at whatever worker: then there
 *                   is something to wait for, and the refusal is not the client's business
 *     UNREACHABLE   a login after server_connect_timeout, all others after query_wait_timeout
 *     NEEDS_TLS     nobody
 *
 * That is PgBouncer's way too, but for the login that meets a dead server: there it waits for
 * query_wait_timeout. A walsender is for its waiter alone, so no other is worth waiting for. */
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

/* ---- those who get none ---- */

static void
refuse(struct pool_waiter *waiter, const struct err *err)
{
    pool_cancel_wait(waiter);
    waiter->done(waiter, NULL, err);
}

/* By way of a list of their own: what one does when it is told may take others out of the queue. */
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
is_anybody(const struct pool_waiter *w)
{
    (void)w;
    return true;
}

static bool
has_none_coming(const struct pool_waiter *w)
{
    return w->own == NULL;
}

static bool
is_late_login(const struct pool_waiter *w)
{
    return w->logs_in && waited_us(w) >= w->pool->context->conf->server_connect_timeout_us;
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
        refuse_those(pool, is_anybody, &failure.err);
    }
}

/* Those who have come since the last attempt failed get the same answer until the next is due; a
 * walsender that could not be started with other settings says nothing of theirs. */
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
    const bool is_for_all = failure.kind == OPENING_REFUSED ||
                            (failure.kind == OPENING_IMPOSSIBLE && pool->key.use == POOL_SESSIONS);
    if (is_for_all && !others_may_come(pool) && !retry_is_due(&pool->retry, pool_now_us(pool))) {
        refuse_those(pool, has_none_coming, &failure.err);
    }
}

static void
refuse_late(struct pool *pool)
{
    const uint64_t limit_us = pool->context->conf->query_wait_timeout_us;
    struct pool_waiter *waiter = waiters_first(pool);
    while (limit_us > 0 && waiter != NULL && waited_us(waiter) > limit_us) {
        struct err err;
        (void)err_set(&err, SQLSTATE_CANNOT_CONNECT_NOW,
                      "no connection to %s became free within query_wait_timeout",
                      side_name(pool->key.side));
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
