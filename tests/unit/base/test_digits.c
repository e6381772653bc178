/* test_digits.c — whole numbers are digits and nothing else. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/digits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void
digits_come_off_the_front(void **state)
{
    static const struct {
        const char *text;
        unsigned base;
        uint64_t value;
        size_t taken;
    } good[] = {
        {"0", 10, 0, 1},      {"007 ", 10, 7, 3}, {"5ms", 10, 5, 1},
        {"0777", 8, 0777, 4}, {"18", 8, 1, 1},    {"18446744073709551615", 10, UINT64_MAX, 20},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        const char *text = good[i].text;
        uint64_t value = 1;
        assert_true(digits_take(&text, good[i].base, &value));
        assert_int_equal(value, good[i].value);
        assert_ptr_equal(text, good[i].text + good[i].taken);
    }
}

static void
anything_else_is_no_number_and_stays(void **state)
{
    static const char *const bad[] = {"", "-1", "+1", " 1", "x", "18446744073709551616"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        const char *text = bad[i];
        uint64_t value;
        assert_false(digits_take(&text, 10, &value));
        assert_ptr_equal(text, bad[i]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(digits_come_off_the_front),
        cmocka_unit_test(anything_else_is_no_number_and_stays),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
