/* test_errors.c — what clients were told went wrong, counted. */
/* SPDX-License-Identifier: PostgreSQL */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session/state/errors.h"

enum { SOURCE, SQLSTATE, SEVERITY, COUNT, LAST };

static void
note(struct errors *e, const char *sqlstate, const char *text)
{
    struct err err;
    (void)err_set(&err, sqlstate, "%s", text);
    errors_note_ours(e, &err, true);
}

static void
kinds_are_told_apart_and_the_last_text_of_ours_is_kept(void **state)
{
    (void)state;
    static struct errors e;
    note(&e, "53300", "first");
    note(&e, "53300", "second");
    errors_note_server(&e, slice_of_str("53300"), true);
    errors_note_server(&e, slice_of_str("23505"), false);
    errors_note_server(&e, slice_of_str("no SQLSTATE at all"), false);
    struct table *t = errors_table(&e);
    assert_int_equal(table_rows(t), 4);
    assert_string_equal(table_text(t, 0, SOURCE), "teal");
    assert_int_equal(table_number(t, 0, COUNT), 2);
    assert_string_equal(table_text(t, 0, LAST), "second");
    assert_string_equal(table_text(t, 1, SOURCE), "server");
    assert_string_equal(table_text(t, 1, LAST), "");
    assert_string_equal(table_text(t, 2, SEVERITY), "ERROR");
    assert_string_equal(table_text(t, 3, SQLSTATE), "");
    table_free(t);
}

/* A hostile server may think of any number of SQLSTATEs. */
static void
more_kinds_than_rows_are_counted_together(void **state)
{
    (void)state;
    static struct errors e;
    const int kinds = ERROR_ROWS_MAX + 100;
    for (int i = 0; i < kinds; i++) {
        char sqlstate[8];
        (void)snprintf(sqlstate, sizeof(sqlstate), "%05d", i);
        errors_note_server(&e, slice_of_str(sqlstate), false);
    }
    struct table *t = errors_table(&e);
    assert_int_equal(table_rows(t), ERROR_ROWS_MAX);
    assert_string_equal(table_text(t, ERROR_ROWS_MAX - 1, SQLSTATE), "");
    assert_int_equal(table_number(t, ERROR_ROWS_MAX - 1, COUNT), 101);
    assert_int_equal(table_number(t, 0, COUNT), 1);
    table_free(t);
}

static void
the_rows_of_two_workers_are_merged(void **state)
{
    (void)state;
    static struct errors a;
    static struct errors b;
    note(&a, "57P01", "here");
    note(&b, "08P01", "there");
    note(&b, "57P01", "there");
    struct table *t = errors_table(&a);
    errors_merge(t, errors_table(&b));
    assert_int_equal(table_rows(t), 2);
    assert_int_equal(table_number(t, 0, COUNT), 2);
    assert_string_equal(table_text(t, 1, SQLSTATE), "08P01");
    table_free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kinds_are_told_apart_and_the_last_text_of_ours_is_kept),
        cmocka_unit_test(more_kinds_than_rows_are_counted_together),
        cmocka_unit_test(the_rows_of_two_workers_are_merged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
