/* test_map.c — a key has the value that was put last, however keys collide and go. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"

enum { SEED = 3 };

static int one = 1, two = 2, three = 3;

static void
an_empty_map_has_nothing(void **state)
{
    (void)state;
    struct map m;
    size_t at = 0;
    map_init(&m, SEED);
    assert_int_equal(map_count(&m), 0);
    assert_null(map_get(&m, slice_of_str("a")));
    assert_null(map_remove(&m, slice_of_str("a")));
    assert_null(map_next(&m, &at));
    map_fini(&m);
}

static void
a_value_is_found_replaced_and_removed(void **state)
{
    (void)state;
    struct map m;
    map_init(&m, SEED);
    assert_null(map_put(&m, slice_of_str("a"), &one));
    assert_null(map_put(&m, slice_of_str("b"), &two));
    assert_ptr_equal(map_get(&m, slice_of_str("a")), &one);
    assert_ptr_equal(map_put(&m, slice_of_str("a"), &three), &one);
    assert_int_equal(map_count(&m), 2);
    assert_ptr_equal(map_remove(&m, slice_of_str("a")), &three);
    assert_null(map_remove(&m, slice_of_str("a")));
    assert_null(map_get(&m, slice_of_str("a")));
    assert_ptr_equal(map_get(&m, slice_of_str("b")), &two);
    assert_int_equal(map_count(&m), 1);
    map_fini(&m);
    assert_int_equal(map_count(&m), 0);
    assert_null(map_put(&m, slice_of_str("b"), &one)); /* it may be used again */
    map_fini(&m);
}

static void
keys_are_bytes_and_are_copied(void **state)
{
    (void)state;
    struct map m;
    char key[] = "key";
    map_init(&m, SEED);
    assert_null(map_put(&m, slice_of(key, 3), &one));
    key[0] = 'K';
    assert_ptr_equal(map_get(&m, slice_of_str("key")), &one);
    assert_null(map_get(&m, slice_of(key, 3)));
    assert_null(map_put(&m, slice_of("a\0b", 3), &two));
    assert_null(map_put(&m, slice_of("a\0c", 3), &three));
    assert_null(map_get(&m, slice_of("a", 1)));
    assert_ptr_equal(map_get(&m, slice_of("a\0b", 3)), &two);
    assert_null(map_put(&m, SLICE_EMPTY, &one));
    assert_ptr_equal(map_get(&m, slice_of("x", 0)), &one);
    assert_ptr_equal(map_remove(&m, SLICE_EMPTY), &one);
    map_fini(&m);
}

static void
a_walk_meets_every_entry_once(void **state)
{
    (void)state;
    enum { COUNT = 1000 };
    static int values[COUNT];
    struct map m;
    map_init(&m, SEED);
    for (int i = 0; i < COUNT; i++) {
        assert_null(map_put(&m, slice_of(&i, sizeof(i)), &values[i]));
    }
    size_t at = 0;
    for (int *v = map_next(&m, &at); v != NULL; v = map_next(&m, &at)) {
        (*v)++;
    }
    for (int i = 0; i < COUNT; i++) {
        assert_int_equal(values[i], 1);
    }
    map_fini(&m);
}

/* Keys that all belong at the last place of a table of 8: runs wrap around its end. */
static uint64_t
next_colliding(uint64_t after)
{
    for (uint64_t key = after + 1;; key++) {
        if ((slice_hash(slice_of(&key, sizeof(key)), SEED) & 7) == 7) {
            return key;
        }
    }
}

static void
colliding_keys_survive_the_removal_of_any_other(void **state)
{
    (void)state;
    enum { KEYS = 5 };
    static int values[KEYS];
    for (size_t gone = 0; gone < KEYS; gone++) {
        struct map m;
        uint64_t keys[KEYS];
        map_init(&m, SEED);
        for (size_t i = 0; i < KEYS; i++) {
            keys[i] = next_colliding(i == 0 ? 0 : keys[i - 1]);
            assert_null(map_put(&m, slice_of(&keys[i], sizeof(keys[i])), &values[i]));
        }
        assert_int_equal(m.size, 8);
        assert_ptr_equal(map_remove(&m, slice_of(&keys[gone], sizeof(keys[gone]))), &values[gone]);
        for (size_t i = 0; i < KEYS; i++) {
            assert_ptr_equal(map_get(&m, slice_of(&keys[i], sizeof(keys[i]))),
                             i == gone ? NULL : &values[i]);
        }
        map_fini(&m);
    }
}

/* The invariant of linear probing: no free place between where an entry belongs and where it is. */
static void
assert_no_gaps(const struct map *m)
{
    const size_t mask = m->size - 1;
    size_t count = 0;
    for (size_t i = 0; i < m->size; i++) {
        if (m->entries[i].key == NULL) {
            assert_null(m->entries[i].value);
            continue;
        }
        count++;
        for (size_t j = m->entries[i].hash & mask; j != i; j = (j + 1) & mask) {
            assert_non_null(m->entries[j].key);
        }
    }
    assert_int_equal(count, m->count);
}

static void
random_use_equals_a_plain_array(void **state)
{
    (void)state;
    enum { KEYS = 300 };
    static int values[4];
    int *reference[KEYS] = {NULL};
    size_t count = 0;
    struct dice dice = {11};
    struct map m;
    map_init(&m, dice_u64(&dice));
    for (size_t step = 0; step < 60000; step++) {
        /* It fills up and drains in turn. */
        const bool filling = step / 3000 % 2 == 0;
        const uint32_t at = dice_below(&dice, KEYS);
        char text[24];
        const struct slice key = slice_of(text, (size_t)snprintf(text, sizeof(text), "k%u", at));
        assert_ptr_equal(map_get(&m, key), reference[at]);
        if (dice_below(&dice, 4) == 0 ? !filling : filling) {
            int *value = &values[dice_below(&dice, COUNT_OF(values))];
            assert_ptr_equal(map_put(&m, key, value), reference[at]);
            count += reference[at] == NULL ? 1 : 0;
            reference[at] = value;
        } else {
            assert_ptr_equal(map_remove(&m, key), reference[at]);
            count -= reference[at] == NULL ? 0 : 1;
            reference[at] = NULL;
        }
        assert_int_equal(map_count(&m), count);
        if (step % 64 == 0) {
            assert_no_gaps(&m);
        }
    }
    map_fini(&m);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_map_has_nothing),
        cmocka_unit_test(a_value_is_found_replaced_and_removed),
        cmocka_unit_test(keys_are_bytes_and_are_copied),
        cmocka_unit_test(a_walk_meets_every_entry_once),
        cmocka_unit_test(colliding_keys_survive_the_removal_of_any_other),
        cmocka_unit_test(random_use_equals_a_plain_array),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
