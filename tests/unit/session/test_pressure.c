/* test_pressure.c — which limit holds, and from when on memory is short. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/pressure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define GIB (UINT64_C(1) << 30)

static void
the_least_limit_holds(void **state)
{
    (void)state;
    assert_int_equal(pressure_ceiling(8 * GIB, NULL, NULL), 8 * GIB);
    assert_int_equal(pressure_ceiling(8 * GIB, "max\n", NULL), 8 * GIB);
    assert_int_equal(pressure_ceiling(8 * GIB, "1073741824\n", NULL), GIB);
    assert_int_equal(pressure_ceiling(8 * GIB, NULL, "9223372036854771712\n"), 8 * GIB);
    assert_int_equal(pressure_ceiling(8 * GIB, "max\n", "1073741824\n"), GIB);
    assert_int_equal(pressure_ceiling(8 * GIB, "", "0"), 8 * GIB);
}

static void
the_resident_size_is_the_second_number_of_statm(void **state)
{
    (void)state;
    static const struct {
        const char *statm;
        uint64_t expected;
    } cases[] = {
        {"5000 70 30 1 0 9 0\n", 70 * 4096},
        {"5000 70", 70 * 4096},
        {NULL, 0},
        {"", 0},
        {"5000", 0},
        {"5000 ", 0},
        {"5000 -7 30", 0},
        {"5000 99999999999999999999 30", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(pressure_resident(cases[i].statm, 4096), cases[i].expected);
    }
}

static void
steps_are_at_70_85_and_95_per_cent(void **state)
{
    (void)state;
    static const struct {
        uint64_t permille;
        enum pressure expected;
    } cases[] = {
        {0, PRESSURE_NONE},   {690, PRESSURE_NONE}, {710, PRESSURE_TIGHT}, {840, PRESSURE_TIGHT},
        {860, PRESSURE_FULL}, {940, PRESSURE_FULL}, {960, PRESSURE_OVER},  {1500, PRESSURE_OVER},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(pressure_of(GIB / 1000 * cases[i].permille, GIB), cases[i].expected);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_least_limit_holds),
        cmocka_unit_test(the_resident_size_is_the_second_number_of_statm),
        cmocka_unit_test(steps_are_at_70_85_and_95_per_cent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
