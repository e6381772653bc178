/* test_scram_keys.c — keys from passwords, and the cache of them. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/scram_keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct scram_keys
keys_of(uint8_t salt, uint32_t iterations)
{
    struct scram_keys keys;
    memset(&keys, 0, sizeof(keys));
    keys.salt[0] = salt;
    keys.salt_len = 1;
    keys.iterations = iterations;
    keys.client_key[0] = salt;
    return keys;
}

static bool
cached(struct scram_cache *cache, uint8_t salt, uint32_t iterations)
{
    struct scram_keys keys;
    const bool found = scram_cache_get(cache, slice_of(&salt, 1), iterations, &keys);
    assert_true(!found || keys.client_key[0] == salt);
    return found;
}

static void
keys_follow_from_all_three(void **state)
{
    (void)state;
    struct scram_keys a;
    struct scram_keys b;
    assert_true(scram_keys_derive(&a, "pencil", slice_of_str("salt"), 2));
    assert_true(scram_keys_derive(&b, "pencil", slice_of_str("salt"), 2));
    assert_memory_equal(&a, &b, sizeof(a));
    assert_memory_not_equal(a.client_key, a.server_key, SCRAM_KEY_LEN);
    assert_true(scram_keys_derive(&b, "pencil", slice_of_str("salt"), 3));
    assert_memory_not_equal(a.client_key, b.client_key, SCRAM_KEY_LEN);
    assert_true(scram_keys_derive(&b, "pencil", slice_of_str("Salt"), 2));
    assert_memory_not_equal(a.client_key, b.client_key, SCRAM_KEY_LEN);
    assert_true(scram_keys_derive(&b, "pencils", slice_of_str("salt"), 2));
    assert_memory_not_equal(a.client_key, b.client_key, SCRAM_KEY_LEN);
}

static void
empty_password_is_a_password(void **state)
{
    (void)state;
    struct scram_keys keys;
    assert_true(scram_keys_derive(&keys, "", slice_of_str("salt"), 1));
}

static void
cache_tells_salts_and_iterations_apart(void **state)
{
    (void)state;
    struct scram_cache *cache = scram_cache_new();
    const struct scram_keys keys = keys_of(1, 4096);
    assert_false(cached(cache, 1, 4096));
    scram_cache_put(cache, &keys);
    assert_true(cached(cache, 1, 4096));
    assert_false(cached(cache, 2, 4096));
    assert_false(cached(cache, 1, 4097));
    scram_cache_unref(cache);
}

static void
full_cache_forgets_the_oldest(void **state)
{
    (void)state;
    struct scram_cache *cache = scram_cache_new();
    for (uint8_t i = 0; i < SCRAM_CACHE_COUNT; i++) {
        const struct scram_keys keys = keys_of(i, 1);
        scram_cache_put(cache, &keys);
    }
    const struct scram_keys again = keys_of(0, 1); /* the oldest becomes the newest */
    const struct scram_keys more = keys_of(100, 1);
    scram_cache_put(cache, &again);
    scram_cache_put(cache, &more);
    assert_true(cached(cache, 0, 1));
    assert_false(cached(cache, 1, 1));
    assert_true(cached(cache, 2, 1));
    assert_true(cached(cache, 3, 1));
    assert_true(cached(cache, 100, 1));
    scram_cache_unref(cache);
}

static void
cache_lives_until_the_last_reference(void **state)
{
    (void)state;
    struct scram_cache *cache = scram_cache_new();
    const struct scram_keys keys = keys_of(1, 1);
    assert_ptr_equal(scram_cache_ref(cache), cache);
    scram_cache_unref(cache);
    scram_cache_put(cache, &keys);
    assert_true(cached(cache, 1, 1));
    scram_cache_unref(cache);
}

static void
no_cache_is_an_empty_cache(void **state)
{
    (void)state;
    const struct scram_keys keys = keys_of(1, 1);
    scram_cache_put(NULL, &keys);
    assert_false(cached(NULL, 1, 1));
    scram_cache_unref(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_follow_from_all_three),
        cmocka_unit_test(empty_password_is_a_password),
        cmocka_unit_test(cache_tells_salts_and_iterations_apart),
        cmocka_unit_test(full_cache_forgets_the_oldest),
        cmocka_unit_test(cache_lives_until_the_last_reference),
        cmocka_unit_test(no_cache_is_an_empty_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
