/* pool.h — a worker's backends: which session gets which.
 *
 * A pool is the backends of one key: side, database, user, and whether they are read-only by
 * construction. Each worker has its own pools and never touches another's; what they share is the
 * count of open backends, because limits are global, and since when each worker waits (share.h). A
 * session never waits while any worker holds an idle backend that it could use: a worker that waits
 * asks the others, and a backend that nobody needs where it is moves over (sharing.h).
 *
 *      pool_acquire -> a backend at once (ACTIVE), or the waiter queues until its turn comes
 *      pool_release -> to the waiter at the head, to a worker that waits longer, or IDLE
 *
 * The order is first come first served within a worker. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_POOL_H
#define TEAL_POOL_POOL_H

#include "pool/backend.h"
#include "pool/facts.h"
#include "pool/pools.h"
#include "pool/waiters.h"

/* A backend, ACTIVE and linked to the owner, or NULL: then the waiter is queued. */
struct backend *pool_acquire(struct pool *pool, void *owner, struct pool_waiter *waiter);
/* Gives the backend back and leaves NULL. It must owe nothing and be outside a transaction. */
void pool_release(struct backend **b);
/* Closes it and leaves NULL; for a backend in doubt. */
void pool_discard(struct backend **b);
/* A connection to the server was lost: closes those that idle there and are lost as well. */
void pools_look_at(struct pools *p, const struct node_id *node);
/* Sends a CancelRequest for what the backend does now. */
void pool_cancel(struct backend *b);
/* Closes what idled or was opened for too long, tells those who waited too long, opens more; to be
 * called a few times a second. */
void pools_tick(struct pools *p);

#endif
