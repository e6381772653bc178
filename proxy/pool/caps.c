/* caps.c — how many backends a pool may have, and which has had its time. See caps.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/caps.h"

#include "pool/members.h"
#include "pool/waiters.h"

void
caps_configure(struct pool *pool)
{
    const struct conf *conf = pool->context->conf;
    CHECK(conf != NULL);
    pool->reserve = conf->reserve_pool_size;
    pool->caps = (struct pool_caps){
        .of_pool = conf->default_pool_size,
        .of_database = conf->max_db_connections,
        .of_user = conf->max_user_connections,
    };
}

struct pool_caps
caps_of(const struct pool *pool)
{
    struct pool_caps caps = pool->caps;
    const struct pool_waiter *first = waiters_first(pool);
    CHECK(caps.of_pool > 0);
    if (first != NULL &&
        pool_now_us(pool) - first->since_us >= pool->context->conf->reserve_pool_timeout_us) {
        caps.of_pool += pool->reserve;
    }
    return caps;
}

/* Spread by 10 %, so that those opened together do not all end together. */
static uint64_t
lifetime_us(const struct backend *b)
{
    const uint64_t spread = 900 + b->id * 79 % 201;
    return b->context->conf->server_lifetime_us / 1000 * spread;
}

bool
caps_backend_is_over(const struct backend *b)
{
    const struct pool *pool = b->pool;
    const struct pool_caps caps = caps_of(pool);
    const uint64_t limit_us = lifetime_us(b);
    return b->close_when_idle || pool_share_is_over(pool->share, &caps) ||
           b->incarnation != pool_context_node(pool->context, &pool->key.node)->incarnation ||
           (limit_us > 0 && pool_now_us(pool) - b->connected_us > limit_us);
}
