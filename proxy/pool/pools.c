/* pools.c — all pools of one worker. See pools.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/pools.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
#include "conf/change.h"
#include "pool/cancel.h"
#include "pool/caps.h"
#include "pool/members.h"

struct pool_family {
    struct pools *pools; /* borrowed */
    struct pool_key key; /* its texts are owned; of its node only the pair counts */
    /* Borrowed; NULL until needed. */
    struct pool *pools_of[SIDES_COUNT][NODES_MAX][2];
};

struct pools {
    struct pool_context context;
    struct map by_key;   /* -> struct pool, owned */
    struct map families; /* -> struct pool_family, owned */
};

enum { KEY_TEXT_SIZE = 320 };

struct pools *
pools_new(const struct pools_config *config)
{
    struct pools *p = xcalloc(1, sizeof(*p));
    pool_context_init(&p->context, config, p);
    map_init(&p->by_key, rand_u64());
    map_init(&p->families, rand_u64());
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

static void
family_free(struct pool_family *f)
{
    mem_free((void *)(uintptr_t)f->key.alias);
    mem_free((void *)(uintptr_t)f->key.database);
    mem_free((void *)(uintptr_t)f->key.user);
    mem_free(f);
}

static void
families_free(struct map *families)
{
    size_t at = 0;
    for (struct pool_family *f = map_next(families, &at); f != NULL; f = map_next(families, &at)) {
        family_free(f);
    }
    map_fini(families);
}

void
pools_free(struct pools *p)
{
    size_t at = 0;
    families_free(&p->families);
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        pool_free(pool);
    }
    map_fini(&p->by_key);
    pool_context_fini(&p->context);
    mem_free(p);
}

/* ---- the pools ---- */

/* Names are at most 63 bytes: checked at start-up. */
static struct slice
key_text(char text[KEY_TEXT_SIZE], const struct pool_key *key)
{
    CHECK(key->alias != NULL && key->database != NULL && key->user != NULL);
    CHECK(key->node.pair < PAIRS_MAX && key->node.node < NODES_MAX);
    CHECK((size_t)key->node.side < SIDES_COUNT);
    const int len =
        snprintf(text, KEY_TEXT_SIZE, "%u %d%u%d%d%zu %s%zu %s%s", key->node.pair,
                 (int)key->node.side, key->node.node, key->read_only, (int)key->use,
                 strlen(key->alias), key->alias, strlen(key->database), key->database, key->user);
    CHECK(len > 0 && len < KEY_TEXT_SIZE);
    return slice_of(text, (size_t)len);
}

struct pool *
pools_get(struct pools *p, const struct pool_key *key)
{
    char text[KEY_TEXT_SIZE];
    const struct slice name = key_text(text, key);
    struct pool *pool = map_get(&p->by_key, name);
    if (pool == NULL) {
        pool = pool_new(&p->context, key);
        caps_configure(pool);
        (void)map_put(&p->by_key, name, pool); /* there was none */
    }
    return pool;
}

struct pool_family *
pools_family(struct pools *p, const struct pool_key *key)
{
    char text[KEY_TEXT_SIZE];
    const struct slice name = key_text(text, &(struct pool_key){.node.pair = key->node.pair,
                                                                .use = key->use,
                                                                .alias = key->alias,
                                                                .database = key->database,
                                                                .user = key->user});
    struct pool_family *f = map_get(&p->families, name);
    if (f == NULL) {
        f = xcalloc(1, sizeof(*f));
        f->pools = p;
        f->key = *key;
        f->key.alias = xstrdup(key->alias);
        f->key.database = xstrdup(key->database);
        f->key.user = xstrdup(key->user);
        (void)map_put(&p->families, name, f); /* there was none */
    }
    return f;
}

bool
pool_family_is_of(const struct pool_family *f, enum pool_use use, const char *user)
{
    return f->key.use == use && strcmp(f->key.user, user) == 0;
}

struct pool *
pool_family_get(struct pool_family *f, enum side side, uint32_t node, bool read_only)
{
    CHECK((size_t)side < SIDES_COUNT && node < NODES_MAX);
    struct pool **pool = &f->pools_of[side][node][read_only];
    if (*pool == NULL) {
        struct pool_key key = f->key;
        key.node.side = side;
        key.node.node = node;
        key.read_only = read_only;
        *pool = pools_get(f->pools, &key);
    }
    return *pool;
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
pools_retire_database(struct pools *p, const char *alias)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        if (strcmp(pool->key.alias, alias) == 0) {
            pool_retire(pool);
        }
    }
}

void
pools_retire_writers(struct pools *p, uint32_t pair, enum side side, uint32_t lead)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        const struct pool_key *key = &pool->key;
        if (key->node.pair == pair && key->node.side == side && key->node.node != lead &&
            !key->read_only) {
            pool_retire(pool);
        }
    }
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
    const char *user;           /* NULL: of any user; else at the pair: */
    uint32_t pair;
};

/* What a server said before does not hold any more: the next tick tries again. */
static void
retry_now(struct pools *p, struct which which)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        const bool node_fits = which.node == NULL || node_id_equal(&pool->key.node, which.node);
        const bool user_fits = which.user == NULL || (pool->key.node.pair == which.pair &&
                                                      strcmp(pool->key.user, which.user) == 0);
        if (node_fits && user_fits) {
            retry_reset(&pool->retry);
        }
    }
}

static void
reconfigure_all(struct pools *p)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        caps_configure(pool);
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
    reconfigure_all(p);
    retry_now(p, (struct which){.node = NULL});
    conf_unref(conf_before);
    access_unref(access_before);
}

void
pools_learn_user(struct pools *p, uint32_t pair, const char *name, struct users *users)
{
    char text[POOL_LEARNT_KEY_SIZE];
    const struct slice key = pool_context_learnt_key(text, pair, name);
    users_unref(map_put(&p->context.learnt, key, users_ref(users)));
    retry_now(p, (struct which){.user = name, .pair = pair});
}

const struct users *
pools_learnt(const struct pools *p, uint32_t pair, const char *name)
{
    return pool_context_learnt(&p->context, pair, name);
}

static void
take_node(struct pools *p, const struct node_id *id, const struct view_node *now)
{
    struct view_node *before = &p->context.nodes[id->pair][id->side][id->node];
    const bool is_back = (now->up && !before->up) || (now->is_primary && !before->is_primary) ||
                         now->incarnation != before->incarnation;
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
