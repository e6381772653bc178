/* pools.c — all pools of one worker. See pools.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/pools.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "conf/change.h"
#include "pool/cancel.h"
#include "pool/members.h"

struct pools {
    struct pool_context context;
    struct map by_key; /* -> struct pool, owned */
};

struct pools *
pools_new(const struct pools_config *config)
{
    struct pools *p = xcalloc(1, sizeof(*p));
    pool_context_init(&p->context, config, p);
    map_init(&p->by_key, rand_u64());
    return p;
}

void
pools_close(struct pools *p)
{
    size_t at = 0;
    cancels_close_all(&p->context);
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        members_close_list(&pool->idle);
        members_close_list(&pool->active);
        members_close_list(&pool->opening);
        pool_check(pool);
    }
}

void
pools_free(struct pools *p)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        pool_free(pool);
    }
    map_fini(&p->by_key);
    pool_context_fini(&p->context);
    mem_free(p);
}

/* ---- the pools ---- */

struct pool *
pools_get(struct pools *p, const struct pool_key *key)
{
    CHECK(key->database != NULL && key->user != NULL && (int)key->node.side < (int)SIDES_COUNT);
    CHECK(key->node.pair < PAIRS_MAX && key->node.node < NODES_MAX);
    char text[256];
    const int len =
        snprintf(text, sizeof(text), "%u %d%u%d%d%s%c%s", key->node.pair, (int)key->node.side,
                 key->node.node, key->read_only, (int)key->use, key->database, '\n', key->user);
    /* Names are at most 63 bytes: checked at start-up. */
    CHECK(len > 0 && (size_t)len < sizeof(text));
    const struct slice name = slice_of(text, (size_t)len);
    struct pool *pool = map_get(&p->by_key, name);
    if (pool == NULL) {
        pool = pool_new(&p->context, key);
        (void)map_put(&p->by_key, name, pool); /* there was none */
    }
    return pool;
}

struct pool *
pools_next(const struct pools *p, size_t *at)
{
    return map_next(&p->by_key, at);
}

/* ---- what they are told ---- */

static void
retire_later(struct list *backends)
{
    LIST_EACH(node, backends)
    {
        LIST_OBJECT(node, struct backend, node)->close_when_idle = true;
    }
}

/* What is idle at once, the rest when it is released. */
static void
pool_retire(struct pool *pool)
{
    members_close_list(&pool->idle);
    retire_later(&pool->active);
    retire_later(&pool->opening);
}

void
pools_retire_side(struct pools *p, uint32_t pair, enum side side)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        if (pool->key.node.pair == pair && pool->key.node.side == side) {
            pool_retire(pool);
        }
    }
}

void
pools_retire_pair(struct pools *p, uint32_t pair)
{
    pools_retire_side(p, pair, SIDE_BLUE);
    pools_retire_side(p, pair, SIDE_GREEN);
}

void
pools_retire_all(struct pools *p)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        pool_retire(pool);
    }
}

/* Which pools. */
struct which {
    const struct node_id *node; /* NULL: of any server */
    const char *user;           /* NULL: of any user */
};

/* What a server said before does not hold any more: the next tick tries again. */
static void
retry_now(struct pools *p, struct which which)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        const bool node_fits = which.node == NULL || node_id_equal(&pool->key.node, which.node);
        if (node_fits && (which.user == NULL || strcmp(pool->key.user, which.user) == 0)) {
            retry_reset(&pool->retry);
        }
    }
}

void
pools_configure(struct pools *p, struct conf *conf, struct access *access)
{
    CHECK(conf != NULL && access != NULL);
    struct conf *conf_before = p->context.conf;
    struct access *access_before = p->context.access;
    p->context.conf = conf_ref(conf);
    p->context.access = access_ref(access);
    if (conf_before != NULL && !conf_equal(conf_before, conf, "server_tls_")) {
        pools_retire_all(p); /* what was opened under other rules does not serve under these */
    }
    retry_now(p, (struct which){NULL, NULL});
    conf_unref(conf_before);
    access_unref(access_before);
}

void
pools_learn_user(struct pools *p, const char *name, struct users *users)
{
    users_unref(map_put(&p->context.learnt, slice_of_str(name), users_ref(users)));
    retry_now(p, (struct which){.user = name});
}

const struct users *
pools_learnt(const struct pools *p, const char *name)
{
    return pool_context_learnt(&p->context, name);
}

static void
take_node(struct pools *p, const struct node_id *id, const struct view_node *now)
{
    struct view_node *before = &p->context.nodes[id->pair][id->side][id->node];
    const bool is_back = (now->up && !before->up) || now->incarnation != before->incarnation;
    *before = *now;
    if (is_back) {
        retry_now(p, (struct which){.node = id});
    }
}

void
pools_set_view(struct pools *p, const struct view *view)
{
    for (int s = 0; s < SIDES_COUNT; s++) {
        const struct view_side *side = &view->side[s];
        for (uint32_t i = 0; i < side->nodes_count; i++) {
            const struct node_id id = {view->pair, (enum side)s, i};
            take_node(p, &id, &side->node[i]);
        }
    }
}
