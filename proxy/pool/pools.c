/* pools.c — all pools of one worker. See pools.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/pools.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "base/rand.h"
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
    CHECK(key->database != NULL && key->user != NULL && (int)key->side < (int)SIDES_COUNT);
    char text[256];
    const int len = snprintf(text, sizeof(text), "%d%d%d%s%c%s", (int)key->side, key->read_only,
                             (int)key->use, key->database, '\n', key->user);
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

void
pools_retire_side(struct pools *p, enum side side)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        if (pool->key.side == side) {
            members_close_list(&pool->idle);
            retire_later(&pool->active);
            retire_later(&pool->opening);
        }
    }
}

void
pools_retire_all(struct pools *p)
{
    pools_retire_side(p, SIDE_BLUE);
    pools_retire_side(p, SIDE_GREEN);
}

/* What a server of the side said before, to whichever user or (not NULL) this one, does not hold
 * any more: the next tick tries again. */
static void
retry_now(struct pools *p, enum side side, const char *user)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        if (pool->key.side == side && (user == NULL || strcmp(pool->key.user, user) == 0)) {
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
    retry_now(p, SIDE_BLUE, NULL);
    retry_now(p, SIDE_GREEN, NULL);
    conf_unref(conf_before);
    access_unref(access_before);
}

void
pools_learn_user(struct pools *p, const char *name, struct users *users)
{
    users_unref(map_put(&p->context.learnt, slice_of_str(name), users_ref(users)));
    retry_now(p, SIDE_BLUE, name);
    retry_now(p, SIDE_GREEN, name);
}

const struct users *
pools_learnt(const struct pools *p, const char *name)
{
    return pool_context_learnt(&p->context, name);
}

void
pools_set_view(struct pools *p, const struct view *view)
{
    for (int side = 0; side < SIDES_COUNT; side++) {
        struct view_node *before = &p->context.nodes[side];
        const struct view_node *now = &view->node[side];
        const bool is_back = (now->up && !before->up) || now->incarnation != before->incarnation;
        *before = *now;
        if (is_back) {
            retry_now(p, (enum side)side, NULL);
        }
    }
}
