/* test_key_derivation.c — keys that are derived elsewhere: that they are right, derived once, and
 * that an asker may go away. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/key_derivation.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A loop that waits for so many orders. */
struct asker {
    struct loop *loop;
    struct mailbox *mailbox;
    struct key_derivation *derivation;
    struct scram_cache *cache;
    unsigned awaited;
    unsigned delivered;
    struct scram_keys last;
};

static struct scram_need
need_of(const char *salt, uint32_t iterations)
{
    struct scram_need need = {.salt_len = strlen(salt), .iterations = iterations};
    memcpy(need.salt, salt, need.salt_len);
    return need;
}

static void
on_keys(void *arg, const struct scram_keys *keys)
{
    struct asker *a = arg;
    assert_non_null(keys);
    a->last = *keys;
    a->delivered++;
    if (a->delivered == a->awaited) {
        loop_stop(a->loop);
    }
}

static struct key_request *
ask(struct asker *a, const char *password, const char *salt, uint32_t iterations,
    struct scram_cache *cache)
{
    const struct scram_need need = need_of(salt, iterations);
    const struct key_asker asker = {a->mailbox, on_keys, a};
    return key_derivation_ask(a->derivation, password, &need, cache, &asker);
}

static int
setup(void **state)
{
    static struct asker a;
    memset(&a, 0, sizeof(a));
    a.loop = loop_new();
    a.mailbox = mailbox_new(a.loop);
    a.derivation = key_derivation_new();
    a.cache = scram_cache_new();
    *state = &a;
    return 0;
}

static int
teardown(void **state)
{
    struct asker *a = *state;
    key_derivation_free(a->derivation);
    mailbox_free(a->mailbox);
    loop_free(a->loop);
    scram_cache_unref(a->cache);
    return 0;
}

static void
assert_keys(const struct scram_keys *keys, const char *password, const char *salt,
            uint32_t iterations)
{
    struct scram_keys expected;
    assert_true(scram_keys_derive(&expected, password, slice_of_str(salt), iterations));
    assert_memory_equal(keys, &expected, sizeof(expected));
}

static void
keys_are_derived_and_cached(void **state)
{
    struct asker *a = *state;
    struct scram_keys cached;
    a->awaited = 1;
    assert_non_null(ask(a, "pencil", "salt", 10, a->cache));
    loop_run(a->loop);
    assert_keys(&a->last, "pencil", "salt", 10);
    assert_true(scram_cache_get(a->cache, slice_of_str("salt"), 10, &cached));
    assert_memory_equal(&cached, &a->last, sizeof(cached));
}

static void
without_a_cache_the_keys_are_the_askers_only(void **state)
{
    struct asker *a = *state;
    a->awaited = 2;
    (void)ask(a, "pencil", "salt", 10, NULL);
    (void)ask(a, "pen", "salt", 10, NULL);
    loop_run(a->loop);
    assert_int_equal(a->delivered, 2);
    struct scram_keys keys;
    assert_false(scram_cache_get(a->cache, slice_of_str("salt"), 10, &keys));
}

/* The second password is not looked at: the order is the same as the first. */
static void
equal_orders_are_worked_on_once(void **state)
{
    struct asker *a = *state;
    a->awaited = 100;
    (void)ask(a, "pencil", "salt", 20000, a->cache);
    for (unsigned i = 1; i < a->awaited; i++) {
        (void)ask(a, "another", "salt", 20000, a->cache);
    }
    loop_run(a->loop);
    assert_keys(&a->last, "pencil", "salt", 20000);
}

static void
orders_of_other_salts_rounds_or_users_are_others(void **state)
{
    struct asker *a = *state;
    struct scram_cache *other = scram_cache_new();
    struct scram_keys keys;
    a->awaited = 4;
    (void)ask(a, "pencil", "salt", 10, a->cache);
    (void)ask(a, "pencil", "salt", 11, a->cache);
    (void)ask(a, "pencil", "sal", 10, a->cache);
    (void)ask(a, "pen", "salt", 10, other);
    loop_run(a->loop);
    assert_true(scram_cache_get(a->cache, slice_of_str("salt"), 10, &keys));
    assert_keys(&keys, "pencil", "salt", 10);
    assert_true(scram_cache_get(a->cache, slice_of_str("salt"), 11, &keys));
    assert_true(scram_cache_get(a->cache, slice_of_str("sal"), 10, &keys));
    assert_true(scram_cache_get(other, slice_of_str("salt"), 10, &keys));
    assert_keys(&keys, "pen", "salt", 10);
    scram_cache_unref(other);
}

static void
an_asker_that_went_away_is_not_called(void **state)
{
    struct asker *a = *state;
    a->awaited = 1;
    for (unsigned i = 0; i < 20; i++) {
        key_derivation_cancel(ask(a, "pencil", "salt", 1000 + i, a->cache));
    }
    key_derivation_cancel(NULL);
    (void)ask(a, "pencil", "the last", 10, a->cache);
    loop_run(a->loop);
    assert_int_equal(a->delivered, 1);
    assert_keys(&a->last, "pencil", "the last", 10);
}

/* Teardown ends the threads with all of them under way, delivered or not: nothing may be lost. */
static void
the_end_comes_with_orders_under_way(void **state)
{
    struct asker *a = *state;
    for (unsigned i = 0; i < 50; i++) {
        (void)ask(a, "pencil", "salt", 2000 + i, a->cache);
        (void)ask(a, "pencil", "salt", 2000 + i, a->cache);
    }
    assert_int_equal(a->delivered, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(keys_are_derived_and_cached, setup, teardown),
        cmocka_unit_test_setup_teardown(without_a_cache_the_keys_are_the_askers_only, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(equal_orders_are_worked_on_once, setup, teardown),
        cmocka_unit_test_setup_teardown(orders_of_other_salts_rounds_or_users_are_others, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_asker_that_went_away_is_not_called, setup, teardown),
        cmocka_unit_test_setup_teardown(the_end_comes_with_orders_under_way, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
