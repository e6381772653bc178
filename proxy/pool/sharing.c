/* sharing.c — what the pools of one key do for each other at different workers. See sharing.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/sharing.h"

#include <string.h>

#include "base/mem.h"
#include "pool/members.h"
#include "pool/pools.h"
#include "pool/registry.h"

/* ---- a backend moves ---- */

struct transfer {
    struct backend *backend; /* owned */
    watch_fn *ready;         /* its stream's callback */
    sharing_arrived_fn *arrived;
    char *settings_text; /* owned */
    size_t settings_len;
};

static void
transfer_arrive(struct pools *pools, void *arg)
{
    struct transfer *t = arg;
    struct backend *b = t->backend;
    CHECK(b->settings == NULL && b->opening == NULL && list_empty(&b->node));
    b->pool = pools_get(pools, &b->pool->key);
    b->context = b->pool->context;
    b->settings =
        settings_intern(b->context->config.settings, slice_of(t->settings_text, t->settings_len));
    stream_attach(&b->stream, b->context->config.loop, t->ready, b);
    stream_want(&b->stream, WATCH_READ);
    t->arrived(b);
    mem_free(t->settings_text);
    mem_free(t);
}

void
sharing_give(struct backend *b, uint32_t worker, sharing_arrived_fn *arrived)
{
    const struct pools_config *config = &b->context->config;
    CHECK(worker != config->worker && list_empty(&b->node));
    CHECK(b->cancels == 0 && b->reserved == NULL && b->opening == NULL);
    struct transfer *t = xcalloc(1, sizeof(*t));
    t->backend = b;
    t->ready = b->stream.fn;
    t->arrived = arrived;
    t->settings_text = xstrndup(b->settings->text, b->settings->text_len);
    t->settings_len = b->settings->text_len;
    stream_detach(&b->stream);
    settings_unref(config->settings, b->settings);
    b->settings = NULL;
    struct params *copy = params_copy(b->params);
    params_unref(b->params);
    b->params = copy;
    pool_registry_post(config->registry, worker, transfer_arrive, t);
}

/* ---- another worker is asked ---- */

struct request {
    struct pool_key key; /* texts borrowed from a pool, which lives as long as the workers */
    uint32_t from;
    sharing_arrived_fn *arrived; /* of a request for a backend */
    bool by_user;                /* of a request for room */
};

static void
ask_others(const struct pool *pool, pool_message_fn *fn, const struct request *what)
{
    const struct pools_config *config = &pool->context->config;
    for (uint32_t i = 0; i < pool_registry_workers(config->registry); i++) {
        if (i != config->worker) {
            struct request *request = xcalloc(1, sizeof(*request));
            *request = *what;
            request->key = pool->key;
            request->from = config->worker;
            pool_registry_post(config->registry, i, fn, request);
        }
    }
}

static void
lend(struct pools *pools, void *arg)
{
    struct request *request = arg;
    const struct pool *pool = pools_get(pools, &request->key);
    struct backend *b = members_idle(pool);
    CHECK(request->from != pool->context->config.worker);
    if (b != NULL && pool->waiting_count == 0) {
        members_remove(b);
        sharing_give(b, request->from, request->arrived);
    }
    mem_free(request);
}

void
sharing_ask_idle(const struct pool *pool, sharing_arrived_fn *arrived)
{
    ask_others(pool, lend, &(struct request){.arrived = arrived});
}

/* ---- room ---- */

/* Whether it is another pool that counts under the same cap: of the user, or of the database. */
static bool
is_other_of_cap(const struct pool_key *other, const struct pool_key *key, bool by_user)
{
    const bool same_user = strcmp(other->user, key->user) == 0;
    const bool same_database = strcmp(other->alias, key->alias) == 0;
    if (other->node.pair != key->node.pair || other->node.side != key->node.side) {
        return false;
    }
    const bool same = same_user && same_database && other->node.node == key->node.node &&
                      other->read_only == key->read_only && other->use == key->use;
    return !same && (by_user ? same_user : same_database);
}

/* The backend that has been idle for longest in another pool under the cap; NULL when there is
 * none. */
static struct backend *
idle_of_others(const struct pools *pools, const struct pool_key *key, bool by_user)
{
    struct backend *oldest = NULL;
    size_t at = 0;
    for (struct pool *p = pools_next(pools, &at); p != NULL; p = pools_next(pools, &at)) {
        struct backend *b = members_oldest_idle(p);
        if (b != NULL && is_other_of_cap(&p->key, key, by_user) &&
            (oldest == NULL || b->idle_since_us < oldest->idle_since_us)) {
            oldest = b;
        }
    }
    return oldest;
}

static bool
close_idle_of_others(const struct pools *pools, const struct pool_key *key, bool by_user)
{
    struct backend *b = idle_of_others(pools, key, by_user);
    if (b != NULL) {
        members_close(b);
    }
    return b != NULL;
}

static void
give_room(struct pools *pools, void *arg)
{
    struct request *request = arg;
    (void)close_idle_of_others(pools, &request->key, request->by_user); /* or has none */
    mem_free(request);
}

bool
sharing_make_room(const struct pool *pool, bool by_user)
{
    if (close_idle_of_others(pool->context->pools, &pool->key, by_user)) {
        return true;
    }
    ask_others(pool, give_room, &(struct request){.by_user = by_user});
    return false;
}
