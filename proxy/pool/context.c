/* context.c — what all pools of one worker have in common. See context.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/context.h"

#include <stdio.h>

#include "base/rand.h"
#include "net/loop.h"

void
pool_context_init(struct pool_context *c, const struct pools_config *config, struct pools *pools)
{
    CHECK(config->loop != NULL && config->registry != NULL && config->settings != NULL);
    CHECK(config->scratch != NULL && config->scratch_len > 0);
    *c = (struct pool_context){.config = *config, .pools = pools};
    map_init(&c->learnt, rand_u64());
    list_init(&c->cancels);
}

void
pool_context_fini(struct pool_context *c)
{
    CHECK(list_empty(&c->cancels));
    size_t at = 0;
    for (struct users *users = map_next(&c->learnt, &at); users != NULL;
         users = map_next(&c->learnt, &at)) {
        users_unref(users);
    }
    map_fini(&c->learnt);
    conf_unref(c->conf);
    access_unref(c->access);
}

uint64_t
pool_context_now_us(const struct pool_context *c)
{
    return loop_now_us(c->config.loop);
}

struct slice
pool_context_learnt_key(char text[POOL_LEARNT_KEY_SIZE], uint32_t pair, const char *name)
{
    const int len = snprintf(text, POOL_LEARNT_KEY_SIZE, "%u %s", pair, name);
    CHECK(len > 0 && len < POOL_LEARNT_KEY_SIZE); /* names are at most 63 bytes */
    return slice_of(text, (size_t)len);
}

const struct users *
pool_context_learnt(const struct pool_context *c, uint32_t pair, const char *name)
{
    char text[POOL_LEARNT_KEY_SIZE];
    return map_get(&c->learnt, pool_context_learnt_key(text, pair, name));
}

const struct user *
pool_context_user(const struct pool_context *c, const struct pool_key *key)
{
    const struct user *user = access_forced(c->access, c->conf, key->alias, key->user);
    if (user == NULL) {
        user = access_user(c->access, key->user);
    }
    const struct users *learnt =
        user == NULL ? pool_context_learnt(c, key->node.pair, key->user) : NULL;
    return learnt == NULL ? user : users_find(learnt, key->user);
}

const struct view_node *
pool_context_node(const struct pool_context *c, const struct node_id *id)
{
    CHECK(id->pair < PAIRS_MAX && (size_t)id->side < SIDES_COUNT && id->node < NODES_MAX);
    return &c->nodes[id->pair][id->side][id->node];
}
