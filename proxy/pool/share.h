/* share.h — what the pools of one key have in common over all workers: how many backends are open,
 * and which workers wait.
 *
 * Everything is a relaxed atomic: a count is a limit, not a lock. A share lives as long as the
 * workers run (see registry.h). */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_SHARE_H
#define TEAL_POOL_SHARE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "pool/key.h"

struct pool_share {
    atomic_uint open; /* backends open or opening, over all workers */
    /* Shared with the other pools of the side: backends of the database, and of the user. */
    atomic_uint *of_database;
    atomic_uint *of_user;
    atomic_uint waiting; /* workers with a queue */
    /* When the worker's oldest waiter began to wait; 0 when none does. */
    _Atomic uint64_t oldest_us[POOL_WORKERS_MAX];
};

/* How many backends may be open; of_database and of_user: 0 is no limit. */
struct pool_caps {
    uint32_t of_pool, of_database, of_user;
};

/* Counts one more open backend when there are fewer than each cap. */
MUST_CHECK bool pool_share_open(struct pool_share *s, const struct pool_caps *caps);
void pool_share_close(struct pool_share *s);
/* Whether any is open or opening, at whatever worker. */
bool pool_share_has_open(const struct pool_share *s);
/* Whether others than the pool itself stand in the way of one more; by_user: those are of its user.
 */
bool pool_share_is_crowded(const struct pool_share *s, const struct pool_caps *caps, bool *by_user);
/* Whether more are open than a cap over several pools allows, as when it was lowered. */
bool pool_share_is_over(const struct pool_share *s, const struct pool_caps *caps);
/* Says since when the worker waits; 0 when it does not any more. */
void pool_share_wait(struct pool_share *s, uint32_t worker, uint64_t since_us);
/* The other worker that waits longest, if it waits longer than `than_us` (0: anyone who waits);
 * else -1. */
int pool_share_hungriest(const struct pool_share *s, uint32_t self, uint32_t workers,
                         uint64_t than_us);

#endif
