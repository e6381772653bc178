/* registry.h — what the pools of all workers know of each other.
 *
 * The share of each pool key, the read-only backends, and how to send a message to the pools of
 * another worker. Under one lock, which is held for nothing else; a share itself needs none. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_REGISTRY_H
#define TEAL_POOL_REGISTRY_H

#include "base/buf.h"
#include "net/loop.h"
#include "pool/share.h"

struct pools;

/* What the pools of all workers share. Any thread may use it. */
struct pool_registry;
struct pool_registry *pool_registry_new(uint32_t workers_count);
void pool_registry_free(struct pool_registry *r);
/* Appends the server process ids of the read-only backends on the server, separated by commas. */
void pool_registry_readers(struct pool_registry *r, const struct node_id *node, struct buf *out);
/* How many shares there are: pools, counted once for all workers. */
size_t pool_registry_shares(struct pool_registry *r);
/* Backends open or opening, in all pools of all workers; of the database that clients name so, NULL
 * for any. */
uint32_t pool_registry_open(struct pool_registry *r, const char *alias);
/* Before the workers run: where messages for a worker's pools go. */
void pool_registry_join(struct pool_registry *r, uint32_t worker, struct mailbox *mailbox,
                        struct pools *pools);

/* The share of the key; made under the lock when it is first asked for, and never freed while the
 * workers run. */
struct pool_share *pool_registry_share(struct pool_registry *r, const struct pool_key *key);
uint32_t pool_registry_workers(const struct pool_registry *r);
/* Runs fn(pools of that worker, arg) on the worker's thread. */
typedef void pool_message_fn(struct pools *pools, void *arg);
void pool_registry_post(struct pool_registry *r, uint32_t worker, pool_message_fn *fn, void *arg);

/* The server processes of read-only backends, which a fence need not end. */
void pool_registry_add_reader(struct pool_registry *r, const struct node_id *node, uint32_t pid);
void pool_registry_remove_reader(struct pool_registry *r, const struct node_id *node, uint32_t pid);

#endif
