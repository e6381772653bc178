/* registry.c — what the pools of all workers share. See registry.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/registry.h"

#include <pthread.h>
#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

struct registry_member {
    struct mailbox *mailbox; /* borrowed */
    struct pools *pools;     /* borrowed; touched on its own thread only */
};

struct reader {
    struct node_id node;
    uint32_t pid;
};

/* The backends of all pools on one side that are one user's, or one database's. */
struct count {
    atomic_uint open;
    char *name; /* owned */
};

struct pool_registry {
    pthread_mutex_t lock;
    struct map shares; /* under the lock: key text -> struct pool_share, owned */
    /* Under the lock: pair, side and name -> struct count, owned. */
    struct map of_users;
    struct map of_databases;
    struct reader *readers; /* under the lock: owned, in no order */
    size_t readers_count;
    size_t readers_size;
    uint32_t workers_count;
    struct registry_member members[POOL_WORKERS_MAX];
};

struct pool_registry *
pool_registry_new(uint32_t workers_count)
{
    CHECK(workers_count > 0 && workers_count <= POOL_WORKERS_MAX);
    struct pool_registry *r = xcalloc(1, sizeof(*r));
    CHECK(pthread_mutex_init(&r->lock, NULL) == 0);
    map_init(&r->shares, rand_u64());
    map_init(&r->of_users, rand_u64());
    map_init(&r->of_databases, rand_u64());
    r->workers_count = workers_count;
    return r;
}

static void
counts_free(struct map *counts)
{
    size_t at = 0;
    for (struct count *count = map_next(counts, &at); count != NULL;
         count = map_next(counts, &at)) {
        mem_free(count->name);
        mem_free(count);
    }
    map_fini(counts);
}

void
pool_registry_free(struct pool_registry *r)
{
    if (r == NULL) {
        return;
    }
    size_t at = 0;
    for (void *share = map_next(&r->shares, &at); share != NULL;
         share = map_next(&r->shares, &at)) {
        mem_free(share);
    }
    map_fini(&r->shares);
    counts_free(&r->of_users);
    counts_free(&r->of_databases);
    mem_free(r->readers);
    (void)pthread_mutex_destroy(&r->lock);
    mem_free(r);
}

void
pool_registry_join(struct pool_registry *r, uint32_t worker, struct mailbox *mailbox,
                   struct pools *pools)
{
    CHECK(worker < r->workers_count);
    r->members[worker] = (struct registry_member){mailbox, pools};
}

size_t
pool_registry_shares(struct pool_registry *r)
{
    (void)pthread_mutex_lock(&r->lock);
    const size_t count = map_count(&r->shares);
    (void)pthread_mutex_unlock(&r->lock);
    return count;
}

uint32_t
pool_registry_open(struct pool_registry *r, const char *alias)
{
    uint32_t sum = 0;
    size_t at = 0;
    (void)pthread_mutex_lock(&r->lock);
    for (const struct count *count = map_next(&r->of_databases, &at); count != NULL;
         count = map_next(&r->of_databases, &at)) {
        if (alias == NULL || strcmp(count->name, alias) == 0) {
            sum += atomic_load(&count->open);
        }
    }
    (void)pthread_mutex_unlock(&r->lock);
    return sum;
}

uint32_t
pool_registry_workers(const struct pool_registry *r)
{
    return r->workers_count;
}

static atomic_uint *
count_locked(struct map *counts, const struct node_id *node, const char *name)
{
    char *text = xasprintf("%u %d %s", node->pair, (int)node->side, name);
    struct count *count = map_get(counts, slice_of_str(text));
    if (count == NULL) {
        count = xcalloc(1, sizeof(*count));
        count->name = xstrdup(name);
        (void)map_put(counts, slice_of_str(text), count); /* there was none */
    }
    mem_free(text);
    return &count->open;
}

struct pool_share *
pool_registry_share(struct pool_registry *r, const struct pool_key *key)
{
    char *text = xasprintf("%u %d %u %d %d %zu %s %zu %s %s", key->node.pair, (int)key->node.side,
                           key->node.node, key->read_only, (int)key->use, strlen(key->alias),
                           key->alias, strlen(key->database), key->database, key->user);
    (void)pthread_mutex_lock(&r->lock);
    struct pool_share *share = map_get(&r->shares, slice_of_str(text));
    if (share == NULL) {
        share = xcalloc(1, sizeof(*share));
        share->of_database = count_locked(&r->of_databases, &key->node, key->alias);
        share->of_user = count_locked(&r->of_users, &key->node, key->user);
        (void)map_put(&r->shares, slice_of_str(text), share); /* there was none */
    }
    (void)pthread_mutex_unlock(&r->lock);
    mem_free(text);
    return share;
}

void
pool_registry_add_reader(struct pool_registry *r, const struct node_id *node, uint32_t pid)
{
    (void)pthread_mutex_lock(&r->lock);
    if (r->readers_count == r->readers_size) {
        r->readers_size = r->readers_size == 0 ? 16 : r->readers_size * 2;
        r->readers = xrealloc(r->readers, r->readers_size * sizeof(*r->readers));
    }
    r->readers[r->readers_count++] = (struct reader){*node, pid};
    (void)pthread_mutex_unlock(&r->lock);
}

void
pool_registry_remove_reader(struct pool_registry *r, const struct node_id *node, uint32_t pid)
{
    (void)pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->readers_count; i++) {
        if (node_id_equal(&r->readers[i].node, node) && r->readers[i].pid == pid) {
            r->readers[i] = r->readers[--r->readers_count];
            break;
        }
    }
    (void)pthread_mutex_unlock(&r->lock);
}

void
pool_registry_readers(struct pool_registry *r, const struct node_id *node, struct buf *out)
{
    (void)pthread_mutex_lock(&r->lock);
    const char *before = "";
    for (size_t i = 0; i < r->readers_count; i++) {
        if (node_id_equal(&r->readers[i].node, node)) {
            buf_printf(out, "%s%u", before, r->readers[i].pid);
            before = ",";
        }
    }
    (void)pthread_mutex_unlock(&r->lock);
}

struct registry_message {
    struct pools *pools; /* borrowed */
    pool_message_fn *fn;
    void *arg; /* owned by fn */
};

static void
registry_deliver(void *arg)
{
    struct registry_message *m = arg;
    m->fn(m->pools, m->arg);
    mem_free(m);
}

void
pool_registry_post(struct pool_registry *r, uint32_t worker, pool_message_fn *fn, void *arg)
{
    CHECK(worker < r->workers_count);
    struct registry_message *m = xcalloc(1, sizeof(*m));
    *m = (struct registry_message){r->members[worker].pools, fn, arg};
    mailbox_post(r->members[worker].mailbox, registry_deliver, m);
}
