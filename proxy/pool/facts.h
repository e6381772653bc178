/* facts.h — what can be asked of a pool: for routing, login and SHOW. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_FACTS_H
#define TEAL_POOL_FACTS_H

#include <stdint.h>

#include "pool/key.h"

struct backend;
struct pool;

const struct pool_key *pool_key_of(const struct pool *pool);
struct pool_counts {
    uint32_t active, idle, login, waiting;
    uint32_t cancels;         /* CancelRequests on their way */
    uint32_t being_cancelled; /* backends that they are for */
    uint64_t oldest_wait_us;  /* 0 when nobody waits */
};
void pool_count(const struct pool *pool, struct pool_counts *out);
/* Visits each backend of the pool. */
typedef void pool_visit_fn(void *arg, const struct backend *b);
void pool_visit(const struct pool *pool, pool_visit_fn *fn, void *arg);

#endif
