/* registry.h — what the pools of all workers share: how many backends are open, and who waits.
 *
 * A share is one for each pool key, made under a lock when a worker first needs it and never freed
 * while the workers run. Afterwards everything is a relaxed atomic: the count is a limit, not a
 * lock. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_REGISTRY_H
#define TEAL_POOL_REGISTRY_H

#include <stdatomic.h>

#include "base/buf.h"
#include "net/loop.h"
#include "pool/key.h"

struct pools;

/* What the pools of all workers share. Any thread may use it. */
struct pool_registry;
struct pool_registry *pool_registry_new(uint32_t workers_count);
void pool_registry_free(struct pool_registry *r);
/* Appends the server process ids of the read-only backends on the side, separated by commas. */
void pool_registry_readers(struct pool_registry *r, enum side side, struct buf *out);
/* How many shares there are: pools, counted once for all workers. */
size_t pool_registry_shares(struct pool_registry *r);
/* Backends open or opening, in all pools of all workers. */
uint32_t pool_registry_open(struct pool_registry *r);
/* Before the workers run: where messages for a worker's pools go. */
void pool_registry_join(struct pool_registry *r, uint32_t worker, struct mailbox *mailbox,
                        struct pools *pools);

struct pool_share {
    atomic_uint open;     /* backends open or opening, over all workers */
    atomic_uint *of_side; /* shared with the other pools: backends of the side */
    atomic_uint *of_user; /* ... of the user on the side */
    atomic_uint waiting;  /* workers with a queue */
    /* When the worker's oldest waiter began to wait; 0 when none does. */
    _Atomic uint64_t oldest_us[POOL_WORKERS_MAX];
};

struct pool_share *pool_registry_share(struct pool_registry *r, const struct pool_key *key);
uint32_t pool_registry_workers(const struct pool_registry *r);
/* Runs fn(pools of that worker, arg) on the worker's thread. */
typedef void pool_message_fn(struct pools *pools, void *arg);
void pool_registry_post(struct pool_registry *r, uint32_t worker, pool_message_fn *fn, void *arg);

/* The server processes of read-only backends, which a fence need not end. */
void pool_registry_add_reader(struct pool_registry *r, enum side side, uint32_t pid);
void pool_registry_remove_reader(struct pool_registry *r, enum side side, uint32_t pid);

/* How many backends may be open; of_side and of_user: 0 is no limit. */
struct pool_caps {
    uint32_t of_pool, of_side, of_user;
};
/* Counts one more open backend when there are fewer than each cap. */
MUST_CHECK bool pool_share_open(struct pool_share *s, const struct pool_caps *caps);
/* Whether others than the pool itself stand in the way of one more; by_user: those are of its user.
 */
bool pool_share_is_crowded(const struct pool_share *s, const struct pool_caps *caps, bool *by_user);
void pool_share_close(struct pool_share *s);
/* Whether more are open than a cap over several pools allows, as when it was lowered. */
bool pool_share_is_over(const struct pool_share *s, const struct pool_caps *caps);
/* Says since when the worker waits; 0 when it does not any more. */
void pool_share_wait(struct pool_share *s, uint32_t worker, uint64_t since_us);
/* The other worker that waits longest, if it waits longer than `than_us` (0: anyone who waits);
 * else -1. */
int pool_share_hungriest(const struct pool_share *s, uint32_t self, uint32_t workers,
                         uint64_t than_us);

#endif
