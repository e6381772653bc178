/* facts.c — what can be asked of a pool. See facts.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/facts.h"

#include "pool/members.h"
#include "pool/waiters.h"

const struct pool_key *
pool_key_of(const struct pool *pool)
{
    return &pool->key;
}

void
pool_count(const struct pool *pool, struct pool_counts *out)
{
    const struct pool_waiter *first = waiters_first(pool);
    *out = (struct pool_counts){
        .active = pool->active_count,
        .idle = pool->idle_count,
        .login = pool->opening_count,
        .waiting = pool->waiting_count,
        .oldest_wait_us = first == NULL ? 0 : pool_now_us(pool) - first->since_us,
    };
    for (const struct list *node = pool->active.next; node != &pool->active; node = node->next) {
        const struct backend *b = LIST_OBJECT_CONST(node, struct backend, node);
        out->cancels += b->cancels;
        out->being_cancelled += b->cancels > 0 ? 1 : 0;
    }
}

static void
visit_list(const struct list *backends, pool_visit_fn *fn, void *arg)
{
    for (const struct list *node = backends->next; node != backends; node = node->next) {
        fn(arg, LIST_OBJECT_CONST(node, struct backend, node));
    }
}

void
pool_visit(const struct pool *pool, pool_visit_fn *fn, void *arg)
{
    visit_list(&pool->active, fn, arg);
    visit_list(&pool->idle, fn, arg);
    visit_list(&pool->opening, fn, arg);
}
