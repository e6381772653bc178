/* members.c — one pool: the lists of its backends and of its waiters. See members.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/members.h"

#include "base/mem.h"
#include "pool/cancel.h"
#include "pool/registry.h"
#include "pool/waiters.h"

struct pool *
pool_new(struct pool_context *context, const struct pool_key *key)
{
    struct pool *pool = xcalloc(1, sizeof(*pool));
    pool->context = context;
    pool->key = *key;
    pool->key.alias = xstrdup(key->alias);
    pool->key.database = xstrdup(key->database);
    pool->key.user = xstrdup(key->user);
    pool->share = pool_registry_share(context->config.registry, key);
    list_init(&pool->idle);
    list_init(&pool->active);
    list_init(&pool->opening);
    list_init(&pool->waiters);
    return pool;
}

void
pool_free(struct pool *pool)
{
    CHECK(pool->idle_count + pool->active_count + pool->opening_count == 0);
    mem_free((void *)(uintptr_t)pool->key.alias);
    mem_free((void *)(uintptr_t)pool->key.database);
    mem_free((void *)(uintptr_t)pool->key.user);
    mem_free(pool);
}

static void
check_list(const struct list *backends, uint32_t count)
{
    for (const struct list *node = backends->next; node != backends; node = node->next) {
        CHECK(count > 0);
        count--;
        backend_check(LIST_OBJECT_CONST(node, struct backend, node));
    }
    CHECK(count == 0);
}

void
pool_check(const struct pool *pool)
{
    check_list(&pool->idle, pool->idle_count);
    check_list(&pool->active, pool->active_count);
    check_list(&pool->opening, pool->opening_count);
    CHECK(list_empty(&pool->waiters) == (pool->waiting_count == 0));
    CHECK(pool->idle_count + pool->active_count + pool->opening_count == 0 ||
          pool_share_has_open(pool->share));
}

uint64_t
pool_now_us(const struct pool *pool)
{
    return loop_now_us(pool->context->config.loop);
}

/* ---- the lists ---- */

static uint32_t *
count_of(const struct backend *b)
{
    switch (b->state) {
    case BACKEND_CONNECTING:
    case BACKEND_NEGOTIATING:
    case BACKEND_LOGIN:
        return &b->pool->opening_count;
    case BACKEND_IDLE:
        return &b->pool->idle_count;
    case BACKEND_ACTIVE:
        return &b->pool->active_count;
    case BACKEND_CLOSED:
        break;
    }
    UNREACHABLE();
}

struct backend *
members_add(struct pool *pool, struct slice settings)
{
    struct backend *b = backend_new(pool->context, pool, settings);
    b->incarnation = pool_context_node(pool->context, &pool->key.node)->incarnation;
    list_push_back(&pool->opening, &b->node);
    pool->opening_count++;
    return b;
}

void
members_remove(struct backend *b)
{
    uint32_t *count = count_of(b);
    CHECK(*count > 0 && !list_empty(&b->node));
    (*count)--;
    list_remove(&b->node);
}

void
members_make_idle(struct backend *b)
{
    CHECK(flow_empty(&b->flow) && b->flow.txn == 'I' && b->owner == NULL && b->opening == NULL);
    CHECK(buf_len(&b->in) == 0 && outlet_is_empty(&b->out));
    b->state = BACKEND_IDLE;
    b->idle_since_us = pool_now_us(b->pool);
    list_push_front(&b->pool->idle, &b->node);
    b->pool->idle_count++;
}

void
members_make_active(struct backend *b, void *owner)
{
    CHECK(b->owner == NULL && owner != NULL);
    b->state = BACKEND_ACTIVE;
    b->owner = owner;
    b->request_us = pool_now_us(b->pool);
    list_push_back(&b->pool->active, &b->node);
    b->pool->active_count++;
}

struct backend *
members_idle(const struct pool *pool)
{
    struct list *node = list_first(&pool->idle);
    return node == NULL ? NULL : LIST_OBJECT(node, struct backend, node);
}

struct backend *
members_oldest_idle(const struct pool *pool)
{
    struct list *node = list_last(&pool->idle);
    return node == NULL ? NULL : LIST_OBJECT(node, struct backend, node);
}

/* ---- the end of a backend ---- */

/* A courtesy: without it the server logs a lost connection. */
static void
say_goodbye(struct backend *b)
{
    static const uint8_t terminate[] = {'X', 0, 0, 0, 4};
    size_t n;
    if (b->state == BACKEND_IDLE && stream_is_open(&b->stream)) {
        (void)stream_send(&b->stream, terminate, sizeof(terminate), &n);
    }
}

void
members_close(struct backend *b)
{
    struct pool *pool = b->pool;
    struct pool_registry *registry = pool->context->config.registry;
    CHECK(b->state != BACKEND_CLOSED);
    members_remove(b);
    say_goodbye(b);
    b->state = BACKEND_CLOSED;
    b->owner = NULL;
    if (b->reserved != NULL) {
        CHECK(b->reserved->own == b);
        b->reserved->own = NULL;
        b->reserved = NULL;
    }
    opening_free(b->opening);
    b->opening = NULL;
    stream_close(&b->stream);
    cancels_forget(b);
    pool_share_close(pool->share);
    if (pool->key.read_only && b->pid != 0) {
        pool_registry_remove_reader(registry, &pool->key.node, b->pid);
    }
    loop_dispose(pool->context->config.loop, backend_free, b);
}

void
members_close_list(struct list *backends)
{
    LIST_EACH(node, backends)
    {
        members_close(LIST_OBJECT(node, struct backend, node));
    }
}
