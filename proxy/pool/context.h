/* context.h — what all pools of one worker have in common.
 *
 * The loop, the configuration, the secrets of users, and where the servers are. pools.c owns the
 * one context of its worker and is the only file that changes it; all others read it. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_CONTEXT_H
#define TEAL_POOL_CONTEXT_H

#include "base/list.h"
#include "base/map.h"
#include "pool/access.h"
#include "pool/key.h"
#include "topo/view.h"

struct backend;
struct key_derivation;
struct loop;
struct mailbox;
struct pool_registry;
struct pools;
struct settings_table;

/* What the owner of an ACTIVE backend does with its stream. */
struct pool_ops {
    void (*ready)(struct backend *b, unsigned ready);
};

struct pools_config {
    struct loop *loop;                     /* borrowed */
    struct pool_registry *registry;        /* borrowed */
    struct key_derivation *key_derivation; /* borrowed */
    struct mailbox *mailbox;               /* borrowed: of the loop's thread */
    uint32_t worker;
    const struct pool_ops *ops;      /* borrowed for ever */
    struct settings_table *settings; /* borrowed */
    uint8_t *scratch;                /* borrowed: the worker's receive buffer */
    size_t scratch_len;
};

enum { POOL_LEARNT_KEY_SIZE = 96 };

struct pool_context {
    struct pools_config config;
    struct pools *pools;   /* borrowed: whose context it is */
    struct conf *conf;     /* shared (ref); NULL until configured, as is access */
    struct access *access; /* shared (ref) */
    struct map learnt;     /* pair and name -> struct users, shared (ref): see pools_learn_user */
    struct view_node nodes[PAIRS_MAX][SIDES_COUNT][NODES_MAX];
    uint64_t backends_made; /* the last number given to a backend of this worker */
    struct list cancels;    /* of struct cancel, owned: see cancel.c */
};

void pool_context_init(struct pool_context *c, const struct pools_config *config,
                       struct pools *pools);
void pool_context_fini(struct pool_context *c);
/* What the view says of the server. */
const struct view_node *pool_context_node(const struct pool_context *c, const struct node_id *id);
uint64_t pool_context_now_us(const struct pool_context *c);
/* What was learnt of the name at the pair last; NULL for nothing. Borrowed until more is learnt. */
const struct users *pool_context_learnt(const struct pool_context *c, uint32_t pair,
                                        const char *name);
/* What is known of the user of the pool: by its database, by the users file, or learnt; NULL for
 * nothing. */
const struct user *pool_context_user(const struct pool_context *c, const struct pool_key *key);
/* Under what the learnt has the name; for pools.c. */
struct slice pool_context_learnt_key(char text[POOL_LEARNT_KEY_SIZE], uint32_t pair,
                                     const char *name);

#endif
