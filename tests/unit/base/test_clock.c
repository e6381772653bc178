/* test_clock.c — time goes on, and is written for people. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"

static void
the_monotonic_clock_never_goes_back(void **state)
{
    (void)state;
    uint64_t before = clock_now_us();
    assert_true(before > 0);
    for (int i = 0; i < 10000; i++) {
        const uint64_t now = clock_now_us();
        assert_true(now >= before);
        before = now;
    }
}

static void
the_wall_clock_is_of_this_time(void **state)
{
    (void)state;
    assert_true(clock_wall_us() > UINT64_C(1700000000) * 1000000);
}

static void
wall_time_is_written_in_utc(void **state)
{
    (void)state;
    static const struct {
        uint64_t wall_us;
        const char *text;
    } cases[] = {
        {0, "1970-01-01 00:00:00.000 UTC"},
        {999, "1970-01-01 00:00:00.000 UTC"},
        {1000, "1970-01-01 00:00:00.001 UTC"},
        {999999, "1970-01-01 00:00:00.999 UTC"},
        {UINT64_C(951782400000000), "2000-02-29 00:00:00.000 UTC"},
        {UINT64_C(1795174200123456), "2026-11-20 11:30:00.123 UTC"},
        {UINT64_C(4102444799999999), "2099-12-31 23:59:59.999 UTC"},
        {UINT64_MAX, "586524-01-19 08:01:49.551 UTC"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char text[CLOCK_TEXT_SIZE];
        clock_format(cases[i].wall_us, text, sizeof(text));
        assert_string_equal(text, cases[i].text);
    }
}

static void
a_small_place_gets_the_beginning(void **state)
{
    (void)state;
    char text[11];
    clock_format(0, text, sizeof(text));
    assert_string_equal(text, "1970-01-01");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_monotonic_clock_never_goes_back),
        cmocka_unit_test(the_wall_clock_is_of_this_time),
        cmocka_unit_test(wall_time_is_written_in_utc),
        cmocka_unit_test(a_small_place_gets_the_beginning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
