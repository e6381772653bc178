/* test_traits.c — every class and every pin has a name. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/traits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
each_class_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SQL_CLASS_COUNT; i++) {
        for (unsigned j = 0; j < i; j++) {
            assert_string_not_equal(sql_class_name((enum sql_class)i),
                                    sql_class_name((enum sql_class)j));
        }
    }
    assert_string_equal(sql_class_name(SQL_BEGIN_READ), "begin-read");
}

static void
the_lowest_pin_gives_the_name(void **state)
{
    (void)state;
    assert_string_equal(sql_pin_name(SQL_PIN_NONE), "");
    assert_string_equal(sql_pin_name(SQL_PIN_LISTEN | SQL_PIN_LOAD), "LISTEN");
    assert_string_equal(sql_pin_name(SQL_PIN_REPLICATION), "a walsender");
    for (uint32_t i = 0; i < SQL_PIN_BITS; i++) {
        const char *name = sql_pin_name(1U << i);
        assert_true(strlen(name) > 0);
        assert_string_equal(sql_pin_name(UINT32_MAX << i & ((1U << SQL_PIN_BITS) - 1)), name);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_class_has_a_name_of_its_own),
        cmocka_unit_test(the_lowest_pin_gives_the_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
