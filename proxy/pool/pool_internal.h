/* pool_internal.h — the inside of the pool layer: for its own files only. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_POOL_INTERNAL_H
#define TEAL_POOL_POOL_INTERNAL_H

#include "pool/pool.h"
#include "pool/registry.h"

struct pool {
    struct pools *pools;      /* borrowed */
    struct pool_key key;      /* its texts are owned */
    struct pool_share *share; /* borrowed from the registry */
    struct list idle;         /* of struct backend; the last used first */
    struct list active;       /* ACTIVE backends */
    struct list opening;      /* CONNECTING and LOGIN */
    uint32_t idle_count, active_count, opening_count, waiting_count;
    struct list waiters;   /* of struct pool_waiter, the oldest first */
    struct params *params; /* shared (ref); NULL before the first login */
    uint64_t retry_at_us;  /* after a failure: no connect before this moment */
    uint32_t failures;     /* since the last success, counted as far as the pause grows */
    struct err last_error; /* of the last failure to connect or log in */
    bool tls_demanded;     /* server_tls_sslmode = allow, and the server refuses plain logins */
};

struct pools {
    struct pools_config config;
    struct conf *conf;     /* shared (ref) */
    struct access *access; /* shared (ref) */
    struct map learnt;     /* name -> struct users, shared (ref): see pools_learn_user */
    struct view_node nodes[SIDES_COUNT];
    struct map by_key; /* -> struct pool, owned */
    uint64_t next_backend_id;
    struct list cancels; /* of struct cancel: see cancel.c */
};

/* opening.c: opens a connection and logs in; ends in pool_backend_ready or pool_backend_failed. A
 * walsender is opened for one waiter; for all others NULL. */
void backend_open(struct pool *pool, struct pool_waiter *reserved);
/* Whether connections of the pool begin with TLS. */
bool pool_wants_tls(const struct pool *pool);
/* ... and from the first byte on, without asking. */
bool pool_tls_is_direct(const struct pool *pool);
/* ... and from the first byte on, without asking. */
bool pool_tls_is_direct(const struct pool *pool);
/* TLS on a connection of the pool, from here on; false with err when the library refuses. */
MUST_CHECK bool pool_begin_tls(const struct pool *pool, struct stream *s, struct err *err);
/* The stream's callback, for every state. */
void backend_stream_ready(void *arg, unsigned ready);

/* What is known of the user; NULL for nothing. */
const struct user *pools_user(const struct pools *p, const char *name);

/* pool.c: the outcomes of an opening, and of an idle backend that has gone. */
void pool_backend_ready(struct backend *b);
/* final: waiting longer is of no use (a wrong password, no such database): the waiters are told. */
void pool_backend_failed(struct backend *b, const struct err *err, bool final);
void pool_backend_idle_readable(struct backend *b);
/* Frees what the backend holds and the struct at the end of the turn. */
void backend_close(struct backend *b);

/* cancel.c */
void cancel_send(struct backend *b);
/* The backend is gone: what is on its way for it has nobody to tell. */
void cancels_forget(struct pools *p, const struct backend *b);
void cancels_close_all(struct pools *p);
/* pool.c: a CancelRequest of the backend has been delivered or has failed. */
void pool_cancel_done(struct backend *b);

#endif
