/* pools.h — all pools of one worker: made, found, told of a new configuration or view. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_POOLS_H
#define TEAL_POOL_POOLS_H

#include "pool/context.h"
#include "pool/key.h"

struct pool;
struct pool_family;
struct pools;

struct pools *pools_new(const struct pools_config *config);
/* Closes every backend. */
void pools_close(struct pools *p);
/* After pools_close, when the loop has run its disposals: backends know their pool until then. */
void pools_free(struct pools *p);
/* The configuration and the access for new backends; kept by reference. */
void pools_configure(struct pools *p, struct conf *conf, struct access *access);
/* The secret of a user that the access does not have: for its backends at the pair from now on.
 * users (kept by reference) knows the name. */
void pools_learn_user(struct pools *p, uint32_t pair, const char *name, struct users *users);
/* What was learnt of the name last; NULL for nothing. Borrowed until more is learnt. */
const struct users *pools_learnt(const struct pools *p, uint32_t pair, const char *name);
/* A new view of a pair: addresses of its nodes. Idle backends of a server that is not the same any
 * more are closed at the next tick; a server that has come back is tried at once. */
void pools_set_view(struct pools *p, const struct view *view);
/* Closes the idle backends on a side of the pair, and the others when they are released. */
void pools_retire_side(struct pools *p, uint32_t pair, enum side side);
void pools_retire_pair(struct pools *p, uint32_t pair);
/* Of the database that clients name so. */
void pools_retire_database(struct pools *p, const char *alias);
/* Of those that may write on the side, all but the lead's: they are never used again. */
void pools_retire_writers(struct pools *p, uint32_t pair, enum side side, uint32_t lead);
void pools_retire_all(struct pools *p);

/* The pool of the key; made when there is none. */
struct pool *pools_get(struct pools *p, const struct pool_key *key);
/* The pools of the key but for its side, node and read_only: the same for all sessions of a user in
 * a database. It lives as long as the pools. */
struct pool_family *pools_family(struct pools *p, const struct pool_key *key);
/* Whether it is that of the user, for that use. */
bool pool_family_is_of(const struct pool_family *f, enum pool_use use, const char *user);
struct pool *pool_family_get(struct pool_family *f, enum side side, uint32_t node, bool read_only);
/* The pools one after the other; start with *at = 0, NULL at the end. */
struct pool *pools_next(const struct pools *p, size_t *at);

#endif
