/* test_waiters.c — who is told that no backend comes, by what the last attempt was told. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/waiters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "conf/load.h"

#include "pool/members.h"
#include "pool/pools.h"
#include "pool/registry.h"
#include "pool/settings.h"

enum { CONNECT_US = 3000000, QUERY_WAIT_US = 120000000 };

/* One worker's pools, of which nobody runs the loop. */
struct rig {
    struct loop *loop;
    struct pool_registry *registry;
    struct settings_table settings;
    struct access access;
    struct pools *pools;
    uint8_t scratch[256];
};

static int
setup(void **state)
{
    static struct rig r;
    struct conf_mistakes mistakes = {NULL, 0};
    struct conf *conf =
        conf_load_string("[blue]\nhost = b\n[green]\nhost = g\n", "t.ini", &mistakes);
    assert_non_null(conf);
    r = (struct rig){.loop = loop_new(), .registry = pool_registry_new(2)};
    atomic_init(&r.access.refs, 1);
    settings_table_init(&r.settings);
    r.pools = pools_new(&(struct pools_config){.loop = r.loop,
                                               .registry = r.registry,
                                               .settings = &r.settings,
                                               .scratch = r.scratch,
                                               .scratch_len = sizeof(r.scratch)});
    pools_configure(r.pools, conf, &r.access);
    assert_int_equal(conf->server_connect_timeout_us, CONNECT_US);
    assert_int_equal(conf->query_wait_timeout_us, QUERY_WAIT_US);
    conf_unref(conf);
    *state = &r;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *r = *state;
    pools_close(r->pools);
    pools_free(r->pools);
    pool_registry_free(r->registry);
    settings_table_fini(&r->settings);
    loop_free(r->loop);
    return 0;
}

static struct pool *
pool_of(struct rig *r, enum pool_use use)
{
    return pools_get(r->pools, &(struct pool_key){.use = use, .database = "app", .user = "app"});
}

/* A waiter that remembers what it was told. */
struct client {
    struct pool_waiter waiter;
    uint32_t told;
    char text[ERR_TEXT_MAX + 8];
    struct client *takes_along; /* leaves the queue with it */
};

static void
on_told(struct pool_waiter *w, struct backend *b, const struct err *err)
{
    struct client *c = LIST_OBJECT(w, struct client, waiter);
    assert_null(b);
    assert_null(w->pool);
    c->told++;
    (void)snprintf(c->text, sizeof(c->text), "%s %s", err->sqlstate, err->text);
    if (c->takes_along != NULL) {
        pool_cancel_wait(&c->takes_along->waiter);
    }
}

static void
join(struct client *c, struct pool *pool, bool logs_in, uint64_t waited_us)
{
    *c = (struct client){.waiter = {.logs_in = logs_in, .done = on_told}};
    waiters_add(pool, &c->waiter, c);
    c->waiter.since_us -= waited_us;
}

static void
attempt_fails(struct pool *pool, enum opening_failure_kind kind)
{
    struct opening_failure f = {.kind = kind};
    (void)err_set(&f.err, SQLSTATE_TOO_MANY_CONNECTIONS, "no");
    retry_note(&pool->retry, &f, pool_now_us(pool), 5000000);
}

static const struct {
    enum opening_failure_kind kind;
    bool logs_in;
    bool others; /* a backend of the pool is open somewhere */
    uint64_t waited_us;
    bool told_when_it_fails;
    bool told_in_the_pause;
} rows[] = {
    {OPENING_IMPOSSIBLE, true, false, 0, true, true},
    {OPENING_IMPOSSIBLE, false, false, 0, true, true},
    {OPENING_IMPOSSIBLE, true, true, 0, true, false},
    {OPENING_IMPOSSIBLE, false, true, 0, true, false},
    {OPENING_REFUSED, true, false, 0, true, true},
    {OPENING_REFUSED, false, false, 0, true, true},
    {OPENING_REFUSED, true, true, 0, false, false},
    {OPENING_REFUSED, false, true, 0, false, false},
    {OPENING_REFUSED, true, true, CONNECT_US, false, false},
    {OPENING_UNREACHABLE, true, false, 0, false, false},
    {OPENING_UNREACHABLE, true, false, CONNECT_US - 1, false, false},
    {OPENING_UNREACHABLE, true, false, CONNECT_US, true, true},
    {OPENING_UNREACHABLE, true, true, CONNECT_US, true, true},
    {OPENING_UNREACHABLE, false, false, CONNECT_US, false, false},
    {OPENING_UNREACHABLE, false, false, QUERY_WAIT_US, false, false},
    {OPENING_NEEDS_TLS, true, false, CONNECT_US, false, false},
    {OPENING_NEEDS_TLS, false, false, CONNECT_US, false, false},
};

static void
each_answer_reaches_those_it_is_for(void **state)
{
    struct pool *pool = pool_of(*state, POOL_SESSIONS);
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        for (int in_pause = 0; in_pause < 2; in_pause++) {
            struct client c;
            const bool wanted = in_pause ? rows[i].told_in_the_pause : rows[i].told_when_it_fails;
            if (rows[i].others) {
                assert_true(pool_share_open(pool->share, &(struct pool_caps){9, 0, 0}));
            }
            join(&c, pool, rows[i].logs_in, rows[i].waited_us);
            attempt_fails(pool, rows[i].kind);
            if (in_pause) {
                waiters_tick(pool);
            } else {
                waiters_failed(pool, NULL);
            }
            assert_int_equal(c.told, wanted);
            assert_string_equal(c.text, wanted ? "53300 no" : "");
            pool_cancel_wait(&c.waiter);
            if (rows[i].others) {
                pool_share_close(pool->share);
            }
        }
    }
}

static void
an_answer_holds_no_longer_than_the_pause(void **state)
{
    struct pool *pool = pool_of(*state, POOL_SESSIONS);
    struct client c;
    attempt_fails(pool, OPENING_REFUSED);
    pool->retry.at_us = pool_now_us(pool);
    join(&c, pool, true, 0);
    waiters_tick(pool);
    assert_int_equal(c.told, 0);
    pool_cancel_wait(&c.waiter);
}

static void
after_query_wait_timeout_everybody_is_told(void **state)
{
    struct pool *pool = pool_of(*state, POOL_SESSIONS);
    struct client late;
    struct client fresh;
    join(&late, pool, false, QUERY_WAIT_US + 1);
    join(&fresh, pool, false, 0);
    waiters_tick(pool);
    assert_string_equal(late.text,
                        "57P03 no connection to blue became free within query_wait_timeout");
    assert_int_equal(fresh.told, 0);
    pool_cancel_wait(&fresh.waiter);
}

static void
one_who_leaves_with_another_is_not_told(void **state)
{
    struct pool *pool = pool_of(*state, POOL_SESSIONS);
    struct client clients[3];
    for (size_t i = 0; i < COUNT_OF(clients); i++) {
        join(&clients[i], pool, true, 0);
    }
    clients[0].takes_along = &clients[1];
    attempt_fails(pool, OPENING_IMPOSSIBLE);
    waiters_failed(pool, NULL);
    assert_int_equal(clients[0].told, 1);
    assert_int_equal(clients[1].told, 0);
    assert_int_equal(clients[2].told, 1);
    assert_int_equal(pool->waiting_count, 0);
    pool_check(pool);
}

static void
a_walsenders_refusal_is_for_its_waiter(void **state)
{
    struct pool *pool = pool_of(*state, POOL_WALSENDERS);
    struct client its;
    struct client another;
    assert_true(pool_share_open(pool->share, &(struct pool_caps){9, 0, 0}));
    join(&its, pool, true, 0);
    join(&another, pool, true, 0);
    attempt_fails(pool, OPENING_REFUSED);
    waiters_failed(pool, &its.waiter);
    assert_int_equal(its.told, 1);
    assert_int_equal(another.told, 0);
    waiters_tick(pool);
    assert_int_equal(another.told, 1);
    pool_share_close(pool->share);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_answer_reaches_those_it_is_for, setup, teardown),
        cmocka_unit_test_setup_teardown(an_answer_holds_no_longer_than_the_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(after_query_wait_timeout_everybody_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_who_leaves_with_another_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_walsenders_refusal_is_for_its_waiter, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
