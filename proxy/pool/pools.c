/* pools.c — all pools of one worker: made, found, told of a new configuration or view. See pool.h.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/pool_internal.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"

struct pools *
pools_new(const struct pools_config *config)
{
    struct pools *p = xcalloc(1, sizeof(*p));
    p->config = *config;
    map_init(&p->by_key, rand_u64());
    map_init(&p->learnt, rand_u64());
    list_init(&p->cancels);
    return p;
}

static void
close_all_in(struct list *backends)
{
    LIST_EACH(node, backends)
    {
        backend_close(LIST_OBJECT(node, struct backend, node));
    }
}

void
pools_close(struct pools *p)
{
    size_t at = 0;
    cancels_close_all(p);
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        close_all_in(&pool->idle);
        close_all_in(&pool->active);
        close_all_in(&pool->opening);
    }
}

void
pools_free(struct pools *p)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        params_unref(pool->params);
        mem_free((void *)(uintptr_t)pool->key.database);
        mem_free((void *)(uintptr_t)pool->key.user);
        mem_free(pool);
    }
    map_fini(&p->by_key);
    at = 0;
    for (struct users *users = map_next(&p->learnt, &at); users != NULL;
         users = map_next(&p->learnt, &at)) {
        users_unref(users);
    }
    map_fini(&p->learnt);
    conf_unref(p->conf);
    access_unref(p->access);
    mem_free(p);
}

void
pools_configure(struct pools *p, struct conf *conf, struct access *access)
{
    struct conf *conf_before = p->conf;
    struct access *access_before = p->access;
    p->conf = conf_ref(conf);
    p->access = access_ref(access);
    if (conf_before != NULL && !conf_equal(conf_before, conf, "server_tls_")) {
        /* What was opened under other rules does not serve under these. */
        pools_retire_side(p, SIDE_BLUE);
        pools_retire_side(p, SIDE_GREEN);
    }
    conf_unref(conf_before);
    access_unref(access_before);
}

void
pools_learn_user(struct pools *p, const char *name, struct users *users)
{
    users_unref(map_put(&p->learnt, slice_of_str(name), users_ref(users)));
}

const struct users *
pools_learnt(const struct pools *p, const char *name)
{
    return map_get(&p->learnt, slice_of_str(name));
}

const struct user *
pools_user(const struct pools *p, const char *name)
{
    const struct user *user = access_user(p->access, name);
    const struct users *learnt = user == NULL ? pools_learnt(p, name) : NULL;
    return learnt == NULL ? user : users_find(learnt, name);
}

void
pools_set_view(struct pools *p, const struct view *view)
{
    memcpy(p->nodes, view->node, sizeof(p->nodes));
}

struct pool *
pools_get(struct pools *p, const struct pool_key *key)
{
    char text[256];
    const int len = snprintf(text, sizeof(text), "%d%d%d%s%c%s", (int)key->side, key->read_only,
                             (int)key->use, key->database, '\n', key->user);
    CHECK(len > 0 &&
          (size_t)len < sizeof(text)); /* names are at most 63 bytes: checked at start-up */
    const struct slice name = slice_of(text, (size_t)len);
    struct pool *pool = map_get(&p->by_key, name);
    if (pool != NULL) {
        return pool;
    }
    pool = xcalloc(1, sizeof(*pool));
    pool->pools = p;
    pool->key = *key;
    pool->key.database = xstrdup(key->database);
    pool->key.user = xstrdup(key->user);
    pool->share = pool_registry_share(p->config.registry, key);
    list_init(&pool->idle);
    list_init(&pool->active);
    list_init(&pool->opening);
    list_init(&pool->waiters);
    (void)map_put(&p->by_key, name, pool); /* there was none */
    return pool;
}

struct pool *
pools_next(const struct pools *p, size_t *at)
{
    return map_next(&p->by_key, at);
}

const struct pool_key *
pool_key_of(const struct pool *pool)
{
    return &pool->key;
}

struct params *
pool_params(const struct pool *pool)
{
    return pool->params;
}

void
pool_count(const struct pool *pool, struct pool_counts *out)
{
    const struct list *first = list_first(&pool->waiters);
    *out = (struct pool_counts){
        .active = pool->active_count,
        .idle = pool->idle_count,
        .login = pool->opening_count,
        .waiting = pool->waiting_count,
        .oldest_wait_us = first == NULL
                              ? 0
                              : loop_now_us(pool->pools->config.loop) -
                                    LIST_OBJECT_CONST(first, struct pool_waiter, node)->since_us,
    };
    for (const struct list *node = pool->active.next; node != &pool->active; node = node->next) {
        const struct backend *b = LIST_OBJECT_CONST(node, struct backend, node);
        out->cancels += b->cancels;
        out->being_cancelled += b->cancels > 0 ? 1 : 0;
    }
}

static void
visit_list(const struct list *backends, pool_visit_fn *fn, void *arg)
{
    for (const struct list *node = backends->next; node != backends; node = node->next) {
        fn(arg, LIST_OBJECT_CONST(node, struct backend, node));
    }
}

void
pool_visit(const struct pool *pool, pool_visit_fn *fn, void *arg)
{
    visit_list(&pool->active, fn, arg);
    visit_list(&pool->idle, fn, arg);
    visit_list(&pool->opening, fn, arg);
}
