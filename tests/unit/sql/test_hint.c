/* test_hint.c — the first hint among the leading comments counts. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/hint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    const char *text;
    enum sql_hint hint;
} cases[] = {
    {"", SQL_HINT_NONE},
    {"SELECT 1", SQL_HINT_NONE},
    {"/* teal: write */ SELECT 1", SQL_HINT_WRITE},
    {"/*teal:read*/SELECT 1", SQL_HINT_READ},
    {" \n/*\tTEAL: Read\t*/ SELECT 1", SQL_HINT_READ},
    {"/* a */ /* teal: write */ SELECT 1", SQL_HINT_WRITE},
    {"/* teal: read */ /* teal: write */ SELECT 1", SQL_HINT_READ},
    {"/* teal: reads */ SELECT 1", SQL_HINT_NONE},
    {"/* teal write */ SELECT 1", SQL_HINT_NONE},
    {"/* teal: */ SELECT 1", SQL_HINT_NONE},
    {"SELECT /* teal: write */ 1", SQL_HINT_NONE},
    {"-- teal: write\nSELECT 1", SQL_HINT_NONE},
    {"/* teal: write", SQL_HINT_NONE},
};

static void
hints_are_found_in_leading_comments(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct lexer lexer;
        lexer_init(&lexer, slice_of_str(cases[i].text));
        assert_int_equal(sql_hint_find(&lexer), cases[i].hint);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(hints_are_found_in_leading_comments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
