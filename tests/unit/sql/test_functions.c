/* test_functions.c — the table of functions and the operator's list. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/functions.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
the_table_is_sorted_and_in_lower_case(void **state)
{
    (void)state;
    uint32_t count = 0;
    const struct function_row *rows = function_rows(&count);
    assert_true(count > 500);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(strlen(rows[i].name) < 64);
        assert_int_equal(strspn(rows[i].name, "abcdefghijklmnopqrstuvwxyz0123456789_"),
                         strlen(rows[i].name));
        assert_true(i == 0 || strcmp(rows[i - 1].name, rows[i].name) < 0);
    }
}

static void
what_leaves_session_state_is_a_write(void **state)
{
    (void)state;
    uint32_t count = 0;
    const struct function_row *rows = function_rows(&count);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(rows[i].pins == SQL_PIN_NONE || rows[i].effect == FUNCTION_EFFECT_WRITE);
    }
}

static void
every_row_is_found_by_its_name(void **state)
{
    (void)state;
    uint32_t count = 0;
    const struct function_row *rows = function_rows(&count);
    for (uint32_t i = 0; i < count; i++) {
        const struct slice name = slice_of_str(rows[i].name);
        assert_ptr_equal(function_find(name, false), &rows[i]);
        assert_ptr_equal(function_find(name, true), &rows[i]);
    }
}

static void
only_unquoted_names_are_folded(void **state)
{
    (void)state;
    assert_non_null(function_find(slice_of_str("LoWeR"), false));
    assert_null(function_find(slice_of_str("LoWeR"), true));
    assert_null(function_find(slice_of_str("lowe"), false));
    assert_null(function_find(slice_of_str("lowerx"), false));
    assert_null(function_find(SLICE_EMPTY, false));
}

static void
a_name_longer_than_the_server_keeps_is_unknown(void **state)
{
    (void)state;
    char name[400];
    memset(name, 'a', sizeof(name));
    struct sql_extra *extra = sql_extra_new("a");
    for (size_t len = 2; len <= sizeof(name); len++) {
        assert_null(function_find(slice_of(name, len), false));
        assert_false(sql_extra_has(extra, slice_of(name, len), slice_of(name, len)));
    }
    sql_extra_free(extra);
}

static void
the_list_takes_commas_and_spaces(void **state)
{
    (void)state;
    struct sql_extra *extra = sql_extra_new(",, zeta\t,Alpha  s.beta,\n");
    const struct slice none = SLICE_EMPTY;
    assert_true(sql_extra_has(extra, none, slice_of_str("alpha")));
    assert_true(sql_extra_has(extra, none, slice_of_str("ZETA")));
    assert_true(sql_extra_has(extra, slice_of_str("S"), slice_of_str("beta")));
    assert_false(sql_extra_has(extra, none, slice_of_str("beta")));
    assert_false(sql_extra_has(extra, slice_of_str("s"), slice_of_str("alpha")));
    assert_false(sql_extra_has(extra, none, slice_of_str("alph")));
    sql_extra_free(extra);
}

static void
an_empty_list_has_nothing(void **state)
{
    (void)state;
    static const char *const lists[] = {NULL, "", " , "};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        struct sql_extra *extra = sql_extra_new(lists[i]);
        assert_false(sql_extra_has(extra, SLICE_EMPTY, slice_of_str("a")));
        sql_extra_free(extra);
    }
    assert_false(sql_extra_has(NULL, SLICE_EMPTY, slice_of_str("a")));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table_is_sorted_and_in_lower_case),
        cmocka_unit_test(what_leaves_session_state_is_a_write),
        cmocka_unit_test(every_row_is_found_by_its_name),
        cmocka_unit_test(only_unquoted_names_are_folded),
        cmocka_unit_test(a_name_longer_than_the_server_keeps_is_unknown),
        cmocka_unit_test(the_list_takes_commas_and_spaces),
        cmocka_unit_test(an_empty_list_has_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
