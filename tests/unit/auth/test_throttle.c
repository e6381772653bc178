/* test_throttle.c — bad passwords are answered late. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/throttle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* cmocka wants those before it */
#include <cmocka.h>

enum { MS = 1000, SECOND = 1000 * 1000 };

static const struct throttle_limits limits = {
    .delay_us = 250 * MS, .delay_max_us = 4 * SECOND, .failures_max = 20, .ban_us = 60 * SECOND};

static int
set_up(void **state)
{
    *state = throttle_new();
    return 0;
}

static int
tear_down(void **state)
{
    throttle_free(*state);
    return 0;
}

static void
each_failure_doubles_the_delay_up_to_the_most(void **state)
{
    static const uint64_t wanted[] = {250, 500, 1000, 2000, 4000, 4000, 4000};
    for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
        assert_int_equal(throttle_fail(*state, "a", "u", &limits, SECOND * (i + 1)),
                         wanted[i] * MS);
    }
}

static void
other_users_and_other_sources_begin_anew(void **state)
{
    assert_int_equal(throttle_fail(*state, "a", "u", &limits, 1), 250 * MS);
    assert_int_equal(throttle_fail(*state, "a", "u", &limits, 2), 500 * MS);
    assert_int_equal(throttle_fail(*state, "a", "v", &limits, 3), 250 * MS);
    assert_int_equal(throttle_fail(*state, "b", "u", &limits, 4), 250 * MS);
}

static void
a_success_clears_what_was_guessed_for_that_user(void **state)
{
    assert_int_equal(throttle_fail(*state, "a", "u", &limits, 1), 250 * MS);
    assert_int_equal(throttle_fail(*state, "a", "v", &limits, 1), 250 * MS);
    throttle_pass(*state, "a", "u");
    assert_int_equal(throttle_fail(*state, "a", "u", &limits, 2), 250 * MS);
    assert_int_equal(throttle_fail(*state, "a", "v", &limits, 2), 500 * MS);
}

static void
a_quiet_minute_clears(void **state)
{
    assert_int_equal(throttle_fail(*state, "a", "u", &limits, 1), 250 * MS);
    assert_int_equal(throttle_fail(*state, "a", "u", &limits, 59 * SECOND), 500 * MS);
    assert_int_equal(throttle_fail(*state, "a", "u", &limits, 120 * SECOND), 250 * MS);
}

static void
too_many_failures_of_a_source_ban_it_alone_and_for_a_while(void **state)
{
    char user[16];
    for (int i = 0; i < 20; i++) {
        assert_false(throttle_bans(*state, "a", 10 * SECOND));
        (void)snprintf(user, sizeof(user), "u%d", i);
        assert_int_equal(throttle_fail(*state, "a", user, &limits, 10 * SECOND), 250 * MS);
    }
    assert_true(throttle_bans(*state, "a", 10 * SECOND));
    assert_true(throttle_bans(*state, "a", 69 * SECOND));
    assert_false(throttle_bans(*state, "a", 70 * SECOND));
    assert_false(throttle_bans(*state, "b", 10 * SECOND));
}

static void
failures_that_are_far_apart_ban_nobody(void **state)
{
    for (uint64_t i = 1; i < 100; i++) {
        assert_int_equal(throttle_fail(*state, "a", "u", &limits, i * 61 * SECOND), 250 * MS);
        assert_false(throttle_bans(*state, "a", i * 61 * SECOND));
    }
}

static void
without_limits_nothing_happens(void **state)
{
    const struct throttle_limits none = {0};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(throttle_fail(*state, "a", "u", &none, 1), 0);
    }
    assert_false(throttle_bans(*state, "a", 1));
}

/* A flood of names costs no memory, and a ban outlives it in nearly every row. */
static void
a_flood_of_names_is_bounded_and_the_table_goes_on(void **state)
{
    char name[32];
    for (uint64_t i = 0; i < 200000; i++) {
        (void)snprintf(name, sizeof(name), "source %llu", (unsigned long long)i);
        assert_int_equal(throttle_fail(*state, name, "u", &limits, SECOND + i), 250 * MS);
    }
    assert_int_equal(throttle_fail(*state, "a", "u", &limits, 2 * SECOND), 250 * MS);
    assert_int_equal(throttle_fail(*state, "a", "u", &limits, 2 * SECOND), 500 * MS);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_failure_doubles_the_delay_up_to_the_most, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(other_users_and_other_sources_begin_anew, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_success_clears_what_was_guessed_for_that_user, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_quiet_minute_clears, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_many_failures_of_a_source_ban_it_alone_and_for_a_while,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(failures_that_are_far_apart_ban_nobody, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_limits_nothing_happens, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_names_is_bounded_and_the_table_goes_on, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
