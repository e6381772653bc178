/* sharing.h — what the pools of one key do for each other at different workers.
 *
 * A backend that nobody needs where it is moves to a worker where somebody waits, descriptor and
 * all, by a message. What belongs to the worker (the watch, the interned settings, the shared
 * parameters) is taken off it or copied first. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_SHARING_H
#define TEAL_POOL_SHARING_H

#include <stdbool.h>
#include <stdint.h>

struct backend;
struct pool;

/* On the other worker's thread: the backend is the pool's there, and in no list. */
typedef void sharing_arrived_fn(struct backend *b);

/* Gives the backend, which is in no list, to another worker. */
void sharing_give(struct backend *b, uint32_t worker, sharing_arrived_fn *arrived);
/* Asks all other workers for a backend that is idle there while nobody waits. */
void sharing_ask_idle(const struct pool *pool, sharing_arrived_fn *arrived);
/* At a cap over several pools: closes the backend that has been idle for longest in another pool of
 * the database on that side (by_user: of the user). True when there was one at this worker; else
 * the other workers are asked to do the same. */
bool sharing_make_room(const struct pool *pool, bool by_user);

#endif
