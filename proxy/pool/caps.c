/* caps.c — how many backends a pool may have, and which has had its time. See caps.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/caps.h"

#include "conf/databases.h"
#include "pool/members.h"
#include "pool/waiters.h"

static uint32_t
number_or(uint32_t own, uint32_t common)
{
    return own != 0 ? own : common;
}

static uint64_t
time_or(uint64_t own_us, uint64_t common_us)
{
    return own_us != 0 ? own_us : common_us;
}

void
caps_configure(struct pool *pool)
{
    const struct conf *conf = pool->context->conf;
    CHECK(conf != NULL);
    const struct conf_database *d = conf_database_find(conf, pool->key.alias);
    d = d == NULL ? &conf->rest : d; /* it is gone; there may be clients of it still */
    pool->limits = (struct pool_limits){
        .caps = {.of_pool = number_or(d->pool_size, conf->default_pool_size),
                 .of_database = number_or(d->max_db_connections, conf->max_db_connections),
                 .of_user = conf->max_user_connections},
        .reserve = number_or(d->reserve_pool_size, conf->reserve_pool_size),
        .query_wait_us = time_or(d->query_wait_timeout_us, conf->query_wait_timeout_us),
        .lifetime_us = time_or(d->server_lifetime_us, conf->server_lifetime_us),
    };
}

struct pool_caps
caps_of(const struct pool *pool)
{
    struct pool_caps caps = pool->limits.caps;
    const struct pool_waiter *first = waiters_first(pool);
    CHECK(caps.of_pool > 0);
    if (first != NULL &&
        pool_now_us(pool) - first->since_us >= pool->context->conf->reserve_pool_timeout_us) {
        caps.of_pool += pool->limits.reserve;
    }
    return caps;
}

/* Spread by 10 %, so that those opened together do not all end together. */
static uint64_t
lifetime_us(const struct backend *b)
{
    const uint64_t spread = 900 + b->id * 79 % 201;
    return b->pool->limits.lifetime_us / 1000 * spread;
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
