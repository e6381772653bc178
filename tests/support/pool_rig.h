/* pool_rig.h — the pools of one worker whose loop does not run: for tests that play the events
 * themselves. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_TESTS_POOL_RIG_H
#define TEAL_TESTS_POOL_RIG_H

#include "conf/load.h"
#include "pool/members.h"
#include "pool/pools.h"
#include "pool/registry.h"
#include "pool/settings.h"

struct pool_rig {
    struct loop *loop; /* owned, as all that follows */
    struct pool_registry *registry;
    struct settings_table settings;
    struct access access; /* knows no user and no TLS; never freed */
    struct conf *conf;    /* shared (ref): every key at its default */
    struct pools *pools;
    uint8_t scratch[256];
};

static inline void
pool_rig_init(struct pool_rig *r)
{
    struct conf_mistakes mistakes = {NULL, 0};
    *r = (struct pool_rig){.loop = loop_new(), .registry = pool_registry_new(2)};
    r->conf = conf_load_string("[blue]\nhost = b\n[green]\nhost = g\n", "t.ini", &mistakes);
    CHECK(r->conf != NULL);
    atomic_init(&r->access.refs, 1);
    settings_table_init(&r->settings);
    r->pools = pools_new(&(struct pools_config){.loop = r->loop,
                                                .registry = r->registry,
                                                .settings = &r->settings,
                                                .scratch = r->scratch,
                                                .scratch_len = sizeof(r->scratch)});
    pools_configure(r->pools, r->conf, &r->access);
}

static inline void
pool_rig_fini(struct pool_rig *r)
{
    pools_close(r->pools);
    pools_free(r->pools);
    pool_registry_free(r->registry);
    settings_table_fini(&r->settings);
    conf_unref(r->conf);
    loop_free(r->loop);
}

static inline struct pool *
pool_rig_pool(struct pool_rig *r, enum side side, enum pool_use use, const char *user)
{
    return pools_get(
        r->pools,
        &(struct pool_key){
            .node.side = side, .use = use, .alias = "app", .database = "app", .user = user});
}

/* An attempt to open a backend has failed just now. */
static inline void
pool_rig_fail(struct pool *pool, enum opening_failure_kind kind)
{
    struct opening_failure f = {.kind = kind, .in_server_words = true};
    (void)err_set(&f.err, SQLSTATE_TOO_MANY_CONNECTIONS, "no");
    retry_note(&pool->retry, &f, pool_now_us(pool), 5000000);
}

#endif
