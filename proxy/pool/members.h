/* members.h — one pool: the lists of its backends and of its waiters.
 *
 * Bookkeeping only; pool.c decides which waiter gets which backend. A backend that is not CLOSED is
 * in exactly one list, the one of its state, except while members_remove has taken it out to be
 * placed. The counters are the lengths of the lists. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_MEMBERS_H
#define TEAL_POOL_MEMBERS_H

#include "pool/backend.h"
#include "pool/context.h"
#include "pool/retry.h"
#include "pool/share.h"

/* What the configuration says of its database. */
struct pool_limits {
    struct pool_caps caps;  /* without the reserve */
    uint32_t reserve;       /* so many more when somebody has waited too long */
    uint64_t query_wait_us; /* 0: no limit; so the next */
    uint64_t lifetime_us;
};

struct pool {
    struct pool_context *context; /* borrowed: of its worker */
    struct pool_key key;          /* its texts are owned */
    struct pool_share *share;     /* borrowed from the registry */
    struct pool_limits limits;    /* see caps.h */
    struct list idle;             /* of struct backend; the last used first */
    struct list active;           /* ACTIVE backends */
    struct list opening;          /* those that an opening has */
    uint32_t idle_count, active_count, opening_count;
    struct list waiters; /* of struct pool_waiter, the oldest first: see waiters.h */
    uint32_t waiting_count;
    struct retry retry;
    bool tls_demanded; /* server_tls_sslmode = allow, and the server refuses plain logins */
};

struct pool *pool_new(struct pool_context *context, const struct pool_key *key);
/* All its backends must have been closed. */
void pool_free(struct pool *pool);
/* What must hold between two events; at each tick. */
void pool_check(const struct pool *pool);
uint64_t pool_now_us(const struct pool *pool);

/* A new backend, in the list of those that are opened. */
struct backend *members_add(struct pool *pool, struct slice settings);
/* Takes it out of its list. It must be put into one again, given to another worker, or closed. */
void members_remove(struct backend *b);
/* Of one that is in no list: nobody uses it. It must owe nothing and be outside a transaction. */
void members_make_idle(struct backend *b);
/* Of one that is in no list: the owner has it. */
void members_make_active(struct backend *b, void *owner);
/* The backend that was used last, of those that are idle; NULL when none is. */
struct backend *members_idle(const struct pool *pool);
/* The one that has been idle for longest. */
struct backend *members_oldest_idle(const struct pool *pool);
/* Ends it, whatever it does; it must be in a list. The struct goes at the end of the turn. */
void members_close(struct backend *b);
void members_close_list(struct list *backends);

#endif
