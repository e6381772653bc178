/* test_table.c — cells stand where they were put. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const char *const columns[] = {"name", "value"};

static struct table *
a_table_of(int from, int to)
{
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (int i = from; i < to; i++) {
        table_addf(t, "row %d", i);
        table_add_number(t, (uint64_t)i * (uint64_t)i);
    }
    return t;
}

static void
a_new_table_has_no_rows(void **state)
{
    (void)state;
    struct table *t = table_new(columns, COUNT_OF(columns));
    assert_int_equal(table_rows(t), 0);
    table_free(t);
    table_free(NULL);
}

static void
cells_are_copied_and_may_be_null(void **state)
{
    (void)state;
    char text[] = "blue";
    struct table *t = table_new(columns, COUNT_OF(columns));
    table_add(t, text);
    table_add(t, NULL);
    text[0] = 'X';
    table_add(t, "");
    table_addf(t, "%d %%", 5);
    assert_int_equal(table_rows(t), 2);
    assert_string_equal(table_text(t, 0, 0), "blue");
    assert_null(table_text(t, 0, 1));
    assert_string_equal(table_text(t, 1, 0), "");
    assert_string_equal(table_text(t, 1, 1), "5 %");
    table_free(t);
}

static void
a_long_formatted_cell_is_cut(void **state)
{
    (void)state;
    struct table *t = table_new(columns, 1);
    table_addf(t, "%4000d", 1);
    assert_int_equal(strlen(table_text(t, 0, 0)), 511);
    table_free(t);
}

static void
appending_moves_the_rows_behind(void **state)
{
    (void)state;
    struct table *t = a_table_of(0, 100);
    table_append(t, a_table_of(100, 300));
    table_append(t, a_table_of(300, 300));
    assert_int_equal(table_rows(t), 300);
    assert_string_equal(table_text(t, 0, 0), "row 0");
    assert_int_equal(table_number(t, 99, 1), 9801);
    assert_string_equal(table_text(t, 100, 0), "row 100");
    assert_int_equal(table_number(t, 299, 1), 89401);
    table_free(t);
}

static void
assert_shown(const struct cell *cell, const char *expected)
{
    char space[CELL_TEXT_SIZE];
    const char *text = cell_print(cell, space);
    if (expected == NULL) {
        assert_null(text);
    } else {
        assert_string_equal(text, expected);
    }
}

static void
each_kind_is_shown_in_its_way(void **state)
{
    (void)state;
    static const struct {
        struct cell cell;
        const char *expected;
    } cases[] = {
        {{.kind = CELL_NULL}, NULL},
        {{.kind = CELL_INTEGER, .number = UINT64_MAX}, "18446744073709551615"},
        {{.kind = CELL_BOOLEAN, .number = 1}, "yes"},
        {{.kind = CELL_BOOLEAN, .number = 0}, "no"},
        {{.kind = CELL_TIME, .unit = CELL_IN_US, .number = 7654321}, "7654321"},
        {{.kind = CELL_TIME, .unit = CELL_IN_MS, .number = 7654321}, "7654"},
        {{.kind = CELL_TIME, .unit = CELL_IN_S, .number = 7654321}, "7"},
        {{.kind = CELL_TIME, .unit = CELL_US_BEYOND_S, .number = 7654321}, "654321"},
        {{.kind = CELL_MOMENT, .number = 0}, ""},
        {{.kind = CELL_MOMENT, .number = 1700000000123456}, "2023-11-14 22:13:20.123 UTC"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_shown(&cases[i].cell, cases[i].expected);
    }
}

static void
numbers_are_changed_in_place(void **state)
{
    (void)state;
    struct table *t = table_new(columns, COUNT_OF(columns));
    table_add_number(t, 1);
    table_add_time(t, 1500000, CELL_IN_S);
    table_set_number(t, 0, table_column(t, "name"), 41 + table_number(t, 0, 0));
    table_set_number(t, 0, table_column(t, "value"), 9000000);
    assert_shown(table_cell(t, 0, 0), "42");
    assert_shown(table_cell(t, 0, 1), "9");
    table_free(t);
}

static void
a_copied_row_is_equal_and_its_own(void **state)
{
    (void)state;
    struct table *from = table_new(columns, COUNT_OF(columns));
    struct table *t = table_new(columns, COUNT_OF(columns));
    table_add(from, "blue");
    table_add_bool(from, true);
    table_add_row(t, from, 0);
    assert_true(cell_equal(table_cell(t, 0, 0), table_cell(from, 0, 0)));
    assert_true(cell_equal(table_cell(t, 0, 1), table_cell(from, 0, 1)));
    assert_false(cell_equal(table_cell(t, 0, 0), table_cell(t, 0, 1)));
    table_free(from);
    assert_string_equal(table_text(t, 0, 0), "blue");
    table_free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_table_has_no_rows),
        cmocka_unit_test(cells_are_copied_and_may_be_null),
        cmocka_unit_test(a_long_formatted_cell_is_cut),
        cmocka_unit_test(appending_moves_the_rows_behind),
        cmocka_unit_test(each_kind_is_shown_in_its_way),
        cmocka_unit_test(numbers_are_changed_in_place),
        cmocka_unit_test(a_copied_row_is_equal_and_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
