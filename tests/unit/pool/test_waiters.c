/* test_waiters.c — who is told that no backend comes, by what the last attempt was told. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/waiters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "pool_rig.h"

enum { CONNECT_US = 3000000, QUERY_WAIT_US = 120000000 };

static int
setup(void **state)
{
    static struct pool_rig r;
    pool_rig_init(&r);
    assert_int_equal(r.conf->server_connect_timeout_us, CONNECT_US);
    assert_int_equal(r.conf->query_wait_timeout_us, QUERY_WAIT_US);
    *state = &r;
    return 0;
}

static int
teardown(void **state)
{
    pool_rig_fini(*state);
    return 0;
}

static struct pool *
pool_of(struct pool_rig *r, enum pool_use use)
{
    return pool_rig_pool(r, SIDE_BLUE, use, "app");
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
            pool_rig_fail(pool, rows[i].kind);
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
what_teal_could_not_do_says_nothing_to_the_next(void **state)
{
    struct pool *pool = pool_of(*state, POOL_SESSIONS);
    struct client c;
    pool_rig_fail(pool, OPENING_IMPOSSIBLE);
    pool->retry.last.in_server_words = false;
    join(&c, pool, true, 0);
    waiters_tick(pool);
    assert_int_equal(c.told, 0);
    pool_cancel_wait(&c.waiter);
}

static void
an_answer_holds_no_longer_than_the_pause(void **state)
{
    struct pool *pool = pool_of(*state, POOL_SESSIONS);
    struct client c;
    pool_rig_fail(pool, OPENING_REFUSED);
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
    pool_rig_fail(pool, OPENING_IMPOSSIBLE);
    waiters_failed(pool, NULL);
    assert_int_equal(clients[0].told, 1);
    assert_int_equal(clients[1].told, 0);
    assert_int_equal(clients[2].told, 1);
    assert_int_equal(pool->waiting_count, 0);
    pool_check(pool);
}

static void
a_read_waits_for_a_follower_that_is_full(void **state)
{
    struct pool_rig *r = *state;
    struct pool *pool = pools_get(r->pools, &(struct pool_key){.node.side = SIDE_GREEN,
                                                               .read_only = true,
                                                               .alias = "app",
                                                               .database = "app",
                                                               .user = "app"});
    struct client read;
    struct client login;
    join(&read, pool, false, 0);
    join(&login, pool, true, 0);
    pool_rig_fail(pool, OPENING_REFUSED);
    waiters_failed(pool, NULL);
    assert_int_equal(login.told, 1);
    waiters_tick(pool);
    assert_int_equal(read.told, 0);
    pool_rig_fail(pool, OPENING_IMPOSSIBLE);
    waiters_failed(pool, NULL);
    assert_int_equal(read.told, 1);
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
    pool_rig_fail(pool, OPENING_REFUSED);
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
        cmocka_unit_test_setup_teardown(what_teal_could_not_do_says_nothing_to_the_next, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_answer_holds_no_longer_than_the_pause, setup, teardown),
        cmocka_unit_test_setup_teardown(after_query_wait_timeout_everybody_is_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(one_who_leaves_with_another_is_not_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_read_waits_for_a_follower_that_is_full, setup, teardown),
        cmocka_unit_test_setup_teardown(a_walsenders_refusal_is_for_its_waiter, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
