/* pool.h — a worker's backends and who waits for them.
 *
 * A pool is the backends of one key: side, database, user, and whether they are read-only by
 * construction. Each worker has its own pools and never touches another's; what they share is the
 * count of open backends, because limits are global, and a word about who waits. A session never
 * waits while any worker holds an idle backend that it could use: a worker that waits asks the
 * others, and a backend that nobody needs where it is moves over, descriptor and all, by a message.
 *
 *      pool_acquire -> a backend at once (ACTIVE), or the waiter queues until its turn comes
 *      pool_release -> to the waiter at the head, to a worker that waits longer, or IDLE
 *
 * The order is first come first served within a worker. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_POOL_H
#define TEAL_POOL_POOL_H

#include "base/stat.h"
#include "pool/access.h"
#include "pool/backend.h"
#include "pool/key.h"
#include "topo/view.h"

struct pool_waiter {
    struct list node;
    struct pool *pool; /* borrowed; NULL when it does not wait */
    void *owner;       /* borrowed: who the backend will be linked to */
    /* Of a walsender: what it is started with, borrowed while it waits; and the backend on its way
     * for this waiter, borrowed. */
    struct settings *startup;
    struct backend *own;
    uint64_t since_us;
    /* Called once: with a backend, or with NULL and why not. Not called from within pool_acquire.
     */
    void (*done)(struct pool_waiter *w, struct backend *b, const struct err *err);
};

/* What the owner of an ACTIVE backend does with its stream. */
struct pool_ops {
    void (*ready)(struct backend *b, unsigned ready);
};

struct key_derivation;
struct mailbox;
struct pool_registry;
struct pools;

/* All pools of one worker. */
struct pools_config {
    struct loop *loop;              /* borrowed */
    struct pool_registry *registry; /* borrowed */
    struct key_derivation *key_derivation;      /* borrowed */
    struct mailbox *mailbox;        /* borrowed: of the loop's thread */
    uint32_t worker;
    const struct pool_ops *ops;      /* borrowed for ever */
    struct settings_table *settings; /* borrowed */
    uint8_t *scratch;                /* borrowed: the worker's receive buffer */
    size_t scratch_len;
};
struct pools *pools_new(const struct pools_config *config);
/* Closes every backend. */
void pools_close(struct pools *p);
/* After pools_close, when the loop has run its disposals: backends know their pool until then. */
void pools_free(struct pools *p);
/* The configuration and the access for new backends; taken over by reference. */
void pools_configure(struct pools *p, struct conf *conf, struct access *access);
/* The secret of a user that the access does not have: for its backends from now on. users (taken
 * over by reference) knows the name. */
void pools_learn_user(struct pools *p, const char *name, struct users *users);
/* What was learnt of the name last; NULL for nothing. Borrowed until more is learnt. */
const struct users *pools_learnt(const struct pools *p, const char *name);
/* A new view: addresses of the nodes. Idle backends of a server that is not the same any more are
 * closed. */
void pools_set_view(struct pools *p, const struct view *view);
/* Closes what waited or idled too long; call it a few times a second. */
void pools_tick(struct pools *p);
/* Closes the idle backends on a side, and the active ones when they are released. */
void pools_retire_side(struct pools *p, enum side side);
void pools_retire_all(struct pools *p);

/* The pool of the key; made when there is none. */
struct pool *pools_get(struct pools *p, const struct pool_key *key);
/* For reports: the pools one after the other; start with *at = 0, NULL at the end. */
struct pool *pools_next(const struct pools *p, size_t *at);

/* A backend, ACTIVE and linked to the owner, or NULL: then the waiter is queued. */
struct backend *pool_acquire(struct pool *pool, void *owner, struct pool_waiter *waiter);
/* Takes the waiter out of the queue; harmless when it does not wait. */
void pool_cancel_wait(struct pool_waiter *waiter);
/* Gives the backend back and leaves NULL. It must owe nothing and be outside a transaction. */
void pool_release(struct backend **b);
/* Closes it and leaves NULL; for a backend in doubt. */
void pool_discard(struct backend **b);
/* Sends a CancelRequest for what the backend does now. */
void pool_cancel(struct backend *b);

/* Facts for routing, login and SHOW. */
const struct pool_key *pool_key_of(const struct pool *pool);
/* What a login to this pool was last told; NULL before the first. Borrowed. */
struct params *pool_params(const struct pool *pool);
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
