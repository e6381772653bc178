/* test_pools.c — the pools of a worker: found by key, and when what a server said holds no longer.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/pools.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "pool_rig.h"

static int
setup(void **state)
{
    static struct pool_rig r;
    pool_rig_init(&r);
    *state = &r;
    return 0;
}

static int
teardown(void **state)
{
    pool_rig_fini(*state);
    return 0;
}

static void
a_key_has_one_pool(void **state)
{
    struct pool_rig *r = *state;
    const struct pool *pool = pool_rig_pool(r, SIDE_BLUE, POOL_SESSIONS, "app");
    assert_ptr_equal(pool_rig_pool(r, SIDE_BLUE, POOL_SESSIONS, "app"), pool);
    assert_ptr_not_equal(pool_rig_pool(r, SIDE_GREEN, POOL_SESSIONS, "app"), pool);
    assert_ptr_not_equal(pool_rig_pool(r, SIDE_BLUE, POOL_WALSENDERS, "app"), pool);
    assert_ptr_not_equal(pool_rig_pool(r, SIDE_BLUE, POOL_SESSIONS, "other"), pool);
    size_t count = 0;
    size_t at = 0;
    while (pools_next(r->pools, &at) != NULL) {
        count++;
    }
    assert_int_equal(count, 4);
}

/* Pools whose last attempt has failed. */
struct failed {
    struct pool *app, *other, *green;
};

static struct failed
all_failed(struct pool_rig *r)
{
    const struct failed f = {pool_rig_pool(r, SIDE_BLUE, POOL_SESSIONS, "app"),
                             pool_rig_pool(r, SIDE_BLUE, POOL_SESSIONS, "other"),
                             pool_rig_pool(r, SIDE_GREEN, POOL_SESSIONS, "app")};
    pool_rig_fail(f.app, OPENING_UNREACHABLE);
    pool_rig_fail(f.other, OPENING_UNREACHABLE);
    pool_rig_fail(f.green, OPENING_UNREACHABLE);
    return f;
}

static void
assert_failed(const struct failed *f, bool app, bool other, bool green)
{
    assert_int_equal(f->app->retry.failed, app);
    assert_int_equal(f->other->retry.failed, other);
    assert_int_equal(f->green->retry.failed, green);
}

static void
a_server_that_is_back_is_tried_at_once(void **state)
{
    struct pool_rig *r = *state;
    struct view view = {.version = 1, .side = {{.nodes_count = 1}, {.nodes_count = 1}}};
    pools_set_view(r->pools, &view);
    struct failed f = all_failed(r);
    view.side[SIDE_BLUE].node[0].up = true;
    pools_set_view(r->pools, &view);
    assert_failed(&f, false, false, true);
    f = all_failed(r);
    pools_set_view(r->pools, &view); /* up as before: nothing is new */
    assert_failed(&f, true, true, true);
    view.side[SIDE_GREEN].node[0].incarnation = 7; /* another server, or restarted */
    pools_set_view(r->pools, &view);
    assert_failed(&f, true, true, false);
}

static void
a_new_configuration_makes_all_try_again(void **state)
{
    struct pool_rig *r = *state;
    const struct failed f = all_failed(r);
    pools_configure(r->pools, r->conf, &r->access);
    assert_failed(&f, false, false, false);
}

static void
a_secret_that_was_learnt_makes_its_user_try_again(void **state)
{
    struct pool_rig *r = *state;
    static const struct scram_seed seed;
    struct buf mistakes;
    buf_init(&mistakes);
    struct users *users =
        users_load_slice(slice_of_str("\"other\" \"secret\""), "t", &seed, NULL, &mistakes);
    assert_non_null(users);
    const struct failed f = all_failed(r);
    pools_learn_user(r->pools, 0, "other", users);
    assert_failed(&f, true, false, true);
    assert_ptr_equal(pools_learnt(r->pools, 0, "other"), users);
    assert_null(pools_learnt(r->pools, 1, "other")); /* another pair: another user */
    assert_null(pools_learnt(r->pools, 0, "app"));
    users_unref(users);
    buf_fini(&mistakes);
}

static struct pool_key
key_of(const char *alias, const char *database)
{
    return (struct pool_key){
        .node.side = SIDE_BLUE, .alias = alias, .database = database, .user = "app"};
}

static void
two_names_of_a_database_are_two_pools(void **state)
{
    struct pool_rig *r = *state;
    const struct pool_key shop = key_of("shop", "app");
    const struct pool_key store = key_of("store", "app");
    const struct pool_key moved = key_of("shop", "other");
    struct pool *pool = pools_get(r->pools, &shop);
    assert_ptr_equal(pools_get(r->pools, &shop), pool);
    assert_ptr_not_equal(pools_get(r->pools, &store), pool);
    assert_ptr_not_equal(pools_get(r->pools, &moved), pool);
    /* The cap of the database is of the name. */
    assert_ptr_equal(pools_get(r->pools, &moved)->share->of_database, pool->share->of_database);
    assert_ptr_not_equal(pools_get(r->pools, &store)->share->of_database, pool->share->of_database);
    assert_ptr_equal(pools_get(r->pools, &store)->share->of_user, pool->share->of_user);
}

static void
a_family_has_a_pool_for_each_server(void **state)
{
    struct pool_rig *r = *state;
    const struct pool_key key = key_of("shop", "app");
    struct pool_family *f = pools_family(r->pools, &key);
    assert_ptr_equal(pools_family(r->pools, &key), f);
    assert_true(pool_family_is_of(f, POOL_SESSIONS, "app"));
    assert_false(pool_family_is_of(f, POOL_SESSIONS, "other"));
    assert_false(pool_family_is_of(f, POOL_WALSENDERS, "app"));
    struct pool *pool = pool_family_get(f, SIDE_BLUE, 0, false);
    assert_ptr_equal(pool, pools_get(r->pools, &key));
    assert_ptr_equal(pool_family_get(f, SIDE_BLUE, 0, false), pool);
    const struct pool *others[] = {pool_family_get(f, SIDE_BLUE, 0, true),
                                   pool_family_get(f, SIDE_BLUE, 1, false),
                                   pool_family_get(f, SIDE_GREEN, 0, false)};
    for (size_t i = 0; i < COUNT_OF(others); i++) {
        assert_ptr_not_equal(others[i], pool);
    }
}

static void
open_ones_are_counted_by_name(void **state)
{
    struct pool_rig *r = *state;
    const struct pool_caps caps = {.of_pool = 5, .of_database = 2};
    const struct pool_key shop = key_of("shop", "app");
    const struct pool_key store = key_of("store", "app");
    struct pool_share *a = pools_get(r->pools, &shop)->share;
    struct pool_share *b = pools_get(r->pools, &store)->share;
    assert_true(pool_share_open(a, &caps) && pool_share_open(a, &caps) &&
                pool_share_open(b, &caps));
    assert_false(pool_share_open(a, &caps)); /* the cap of its name */
    assert_int_equal(pool_registry_open(r->registry, "shop"), 2);
    assert_int_equal(pool_registry_open(r->registry, "store"), 1);
    assert_int_equal(pool_registry_open(r->registry, "app"), 0);
    assert_int_equal(pool_registry_open(r->registry, NULL), 3);
    pool_share_close(a);
    pool_share_close(a);
    pool_share_close(b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_key_has_one_pool, setup, teardown),
        cmocka_unit_test_setup_teardown(two_names_of_a_database_are_two_pools, setup, teardown),
        cmocka_unit_test_setup_teardown(a_family_has_a_pool_for_each_server, setup, teardown),
        cmocka_unit_test_setup_teardown(open_ones_are_counted_by_name, setup, teardown),
        cmocka_unit_test_setup_teardown(a_server_that_is_back_is_tried_at_once, setup, teardown),
        cmocka_unit_test_setup_teardown(a_new_configuration_makes_all_try_again, setup, teardown),
        cmocka_unit_test_setup_teardown(a_secret_that_was_learnt_makes_its_user_try_again, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
