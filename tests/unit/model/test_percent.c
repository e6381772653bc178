/* test_percent.c — a share has at most two decimals and is at most all. */
/* SPDX-License-Identifier: PostgreSQL */
#include "model/percent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
percentages_have_two_decimals(void **state)
{
    static const struct {
        const char *text;
        uint32_t hundredths;
    } good[] = {
        {"0%", 0}, {"0.5", 50}, {"0.05", 5}, {"12.05%", 1205}, {"5", 500}, {"100.00%", PERCENT_ALL},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        uint32_t n;
        assert_true(percent_parse(good[i].text, &n));
        assert_int_equal(n, good[i].hundredths);
    }
}

static void
anything_else_is_no_share(void **state)
{
    static const char *const bad[] = {"",
                                      "%",
                                      "5.%",
                                      "5.123%",
                                      "100.01%",
                                      "101%",
                                      "-5%",
                                      "5%x",
                                      ".5%",
                                      "5%%",
                                      "5 %",
                                      "5.5.5",
                                      "5.-1",
                                      "18446744073709551615",
                                      "18446744073709551616"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint32_t n;
        assert_false(percent_parse(bad[i], &n));
        assert_int_equal(n, 0);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(percentages_have_two_decimals),
        cmocka_unit_test(anything_else_is_no_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
