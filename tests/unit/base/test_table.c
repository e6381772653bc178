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
        table_addf(t, "%d", i * i);
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
    assert_string_equal(table_cell(t, 0, 0), "blue");
    assert_null(table_cell(t, 0, 1));
    assert_string_equal(table_cell(t, 1, 0), "");
    assert_string_equal(table_cell(t, 1, 1), "5 %");
    table_free(t);
}

static void
a_long_formatted_cell_is_cut(void **state)
{
    (void)state;
    struct table *t = table_new(columns, 1);
    table_addf(t, "%4000d", 1);
    assert_int_equal(strlen(table_cell(t, 0, 0)), 511);
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
    assert_string_equal(table_cell(t, 0, 0), "row 0");
    assert_string_equal(table_cell(t, 99, 1), "9801");
    assert_string_equal(table_cell(t, 100, 0), "row 100");
    assert_string_equal(table_cell(t, 299, 1), "89401");
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
