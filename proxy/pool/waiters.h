/* waiters.h — the queue for backends of a pool.
 *
 * First come, first served. A waiter stands in its owner; it is in the queue of one pool, or in
 * none. It is told once: it has a backend, or gets none and why. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_WAITERS_H
#define TEAL_POOL_WAITERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/list.h"

struct backend;
struct pool;
struct settings;

struct pool_waiter {
    struct list node;
    struct pool *pool; /* borrowed; NULL when it does not wait */
    void *owner;       /* borrowed: the owner of the backend that it gets */
    /* Of a walsender: what it is started with, borrowed while it waits; and the backend on its way
     * for this waiter, borrowed. */
    struct settings *startup;
    struct backend *own;
    uint64_t since_us;
    /* It is a client's login: it is told within server_connect_timeout that the server does not
     * answer. All others wait for query_wait_timeout, since the server may come back. */
    bool logs_in;
    /* Called once: with a backend, or with NULL and why not. Not called from within pool_acquire.
     */
    void (*done)(struct pool_waiter *w, struct backend *b, const struct err *err);
};

/* Takes the waiter out of the queue; harmless when it does not wait. */
void pool_cancel_wait(struct pool_waiter *waiter);

/* ---- for the pool ---- */

void waiters_add(struct pool *pool, struct pool_waiter *waiter, void *owner);
struct pool_waiter *waiters_first(const struct pool *pool); /* NULL when nobody waits */
/* Out of the queue, and linked to the backend, which is in no list. */
void waiters_give(struct pool_waiter *waiter, struct backend *b);
/* An attempt to open a backend has failed, for this one waiter (a walsender's) or for all of them
 * (NULL): tells those that need not wait any longer. */
void waiters_failed(struct pool *pool, struct pool_waiter *reserved);
/* Tells those whose time-out has passed; to be called a few times a second. */
void waiters_tick(struct pool *pool);

#endif
