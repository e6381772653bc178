/* test_params.c — sets of parameters are values: they never change, and equal ones are equal. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/params.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"

/* The set with one more value; the set before is given up. */
static struct params *
with(struct params *p, const char *name, const char *value)
{
    struct params *set = params_with(p, slice_of_str(name), slice_of_str(value));
    params_unref(p);
    return set;
}

static void
assert_sorted(const struct params *p)
{
    for (uint32_t i = 1; i < p->count; i++) {
        assert_true(strcmp(p->items[i - 1].name, p->items[i].name) < 0);
    }
}

static void
an_empty_set_has_nothing(void **state)
{
    (void)state;
    struct params *p = params_new();
    assert_int_equal(p->count, 0);
    assert_null(params_get(p, "TimeZone"));
    struct params *copy = params_copy(p);
    assert_int_equal(copy->count, 0);
    assert_true(copy->hash == p->hash);
    params_unref(copy);
    params_unref(p);
    params_unref(NULL);
}

static void
a_new_value_makes_a_new_set_and_leaves_the_old(void **state)
{
    (void)state;
    struct params *old = with(params_new(), "TimeZone", "UTC");
    struct params *new = params_with(old, slice_of_str("TimeZone"), slice_of_str("CET"));
    assert_ptr_not_equal(old, new);
    assert_string_equal(params_get(old, "TimeZone"), "UTC");
    assert_string_equal(params_get(new, "TimeZone"), "CET");
    assert_int_equal(new->count, 1);
    assert_true(old->hash != new->hash);
    params_unref(old);
    assert_string_equal(params_get(new, "TimeZone"), "CET");
    params_unref(new);
}

static void
the_same_value_gives_the_same_set(void **state)
{
    (void)state;
    struct params *p = with(params_new(), "TimeZone", "UTC");
    struct params *same = params_with(p, slice_of_str("TimeZone"), slice_of_str("UTC"));
    assert_ptr_equal(p, same);
    assert_int_equal(p->refs, 2);
    params_unref(same);
    assert_int_equal(p->refs, 1);
    params_unref(p);
}

static void
names_that_begin_alike_are_different(void **state)
{
    (void)state;
    static const char *const names[] = {"ab", "a", "abc", "", "b", "abb", "A"};
    struct params *p = params_new();
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        p = with(p, names[i], names[i]);
        assert_sorted(p);
    }
    assert_int_equal(p->count, COUNT_OF(names));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        assert_string_equal(params_get(p, names[i]), names[i]);
    }
    assert_null(params_get(p, "aa"));
    assert_null(params_get(p, "abcd"));
    assert_null(params_get(p, "c"));
    params_unref(p);
}

static void
equal_sets_have_equal_hashes_however_they_came_about(void **state)
{
    (void)state;
    enum { NAMES = 20 };
    struct dice dice = {3};
    for (int round = 0; round < 200; round++) {
        uint32_t order[NAMES];
        struct params *forth = params_new();
        struct params *shuffled = params_new();
        char name[16];
        char value[16];
        for (uint32_t i = 0; i < NAMES; i++) {
            order[i] = i;
            (void)snprintf(name, sizeof(name), "name%u", i);
            (void)snprintf(value, sizeof(value), "%u", i * 7);
            forth = with(forth, name, value);
        }
        for (uint32_t i = NAMES; i > 0; i--) {
            const uint32_t at = dice_below(&dice, i);
            (void)snprintf(name, sizeof(name), "name%u", order[at]);
            (void)snprintf(value, sizeof(value), "%u", order[at] * 7);
            shuffled = with(shuffled, name, "something else first");
            assert_true(shuffled->hash != forth->hash);
            shuffled = with(shuffled, name, value);
            assert_sorted(shuffled);
            order[at] = order[i - 1];
        }
        assert_true(forth->hash == shuffled->hash);
        params_unref(forth);
        params_unref(shuffled);
    }
}

/* The hash must tell which value belongs to which name. */
static void
exchanged_values_are_another_set(void **state)
{
    (void)state;
    struct params *a = with(with(params_new(), "x", "1"), "y", "2");
    struct params *b = with(with(params_new(), "x", "2"), "y", "1");
    struct params *c = with(with(params_new(), "1", "x"), "2", "y");
    assert_true(a->hash != b->hash);
    assert_true(a->hash != c->hash);
    params_unref(a);
    params_unref(b);
    params_unref(c);
}

static void
a_copy_shares_nothing(void **state)
{
    (void)state;
    struct params *p = with(with(params_new(), "x", "1"), "y", "");
    struct params *copy = params_copy(p);
    assert_true(copy->hash == p->hash);
    assert_int_equal(copy->refs, 1);
    assert_ptr_not_equal(copy->items[0].name, p->items[0].name);
    assert_ptr_not_equal(copy->items[0].value, p->items[0].value);
    params_unref(p);
    assert_string_equal(params_get(copy, "x"), "1");
    assert_string_equal(params_get(copy, "y"), "");
    params_unref(copy);
}

static void
the_role_of_the_node_is_not_of_the_session(void **state)
{
    (void)state;
    assert_true(param_is_node_role(slice_of_str("in_hot_standby")));
    assert_true(param_is_node_role(slice_of_str("default_transaction_read_only")));
    assert_false(param_is_node_role(slice_of_str("TimeZone")));
    assert_false(param_is_node_role(slice_of_str("in_hot_standby2")));
    assert_false(param_is_node_role(SLICE_EMPTY));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_set_has_nothing),
        cmocka_unit_test(a_new_value_makes_a_new_set_and_leaves_the_old),
        cmocka_unit_test(the_same_value_gives_the_same_set),
        cmocka_unit_test(names_that_begin_alike_are_different),
        cmocka_unit_test(equal_sets_have_equal_hashes_however_they_came_about),
        cmocka_unit_test(exchanged_values_are_another_set),
        cmocka_unit_test(a_copy_shares_nothing),
        cmocka_unit_test(the_role_of_the_node_is_not_of_the_session),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
