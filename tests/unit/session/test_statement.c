/* test_statement.c — one object for all who prepared the same, none for nobody. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/prepared/statement.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Parameter types as they stand in a Parse: none; one, int4; and one whose bytes could be text. */
static const struct slice no_types = {(const uint8_t *)"\0", 2};
static const struct slice int4 = {(const uint8_t *)"\0\1\0\0\0\27", 6};

static struct statement *
intern(struct statement_table *t, const char *text, struct slice types)
{
    return statement_intern(t, slice_of_str(text), types, NULL);
}

static void
equal_text_and_types_are_one_object(void **state)
{
    (void)state;
    struct statement_table t;
    char text[] = "SELECT 1";
    statement_table_init(&t, 0);
    struct statement *a = intern(&t, text, no_types);
    text[7] = '2';
    struct statement *other = intern(&t, text, no_types);
    struct statement *again = intern(&t, "SELECT 1", no_types);
    assert_ptr_equal(a, again);
    assert_ptr_not_equal(a, other);
    assert_int_equal(a->refs, 2);
    assert_true(slice_equal_str(statement_text(a), "SELECT 1"));
    assert_true(slice_equal_str(statement_text(other), "SELECT 2"));
    assert_true(slice_equal(statement_types(a), no_types));
    statement_unref(&t, a);
    assert_true(slice_equal_str(statement_text(again), "SELECT 1"));
    statement_unref(&t, again);
    statement_unref(&t, other);
    statement_unref(&t, NULL);
    statement_table_fini(&t);
}

static void
other_types_are_another_statement(void **state)
{
    (void)state;
    struct statement_table t;
    statement_table_init(&t, 0);
    struct statement *a = intern(&t, "SELECT $1", no_types);
    struct statement *b = intern(&t, "SELECT $1", int4);
    assert_ptr_not_equal(a, b);
    assert_true(a->id != b->id);
    assert_true(slice_equal(statement_types(b), int4));
    /* The types may not pass for text, nor the text for types. */
    static const uint8_t types_of_one[] = {0, 1, 'S', 'E', 'L', 'E'};
    struct statement *c = statement_intern(&t, slice_of_str("CT 1"),
                                           slice_of(types_of_one, sizeof(types_of_one)), NULL);
    static const uint8_t text[] = {'S', 'E', 'L', 'E', 'C', 'T', ' ', '1'};
    struct statement *d = statement_intern(&t, slice_of(text, sizeof(text)), no_types, NULL);
    assert_ptr_not_equal(c, d);
    statement_unref(&t, a);
    statement_unref(&t, b);
    statement_unref(&t, c);
    statement_unref(&t, d);
    statement_table_fini(&t);
}

static void
a_number_is_never_used_again(void **state)
{
    (void)state;
    struct statement_table t;
    uint64_t last = 0;
    statement_table_init(&t, 0);
    for (int i = 0; i < 1000; i++) {
        struct statement *s = intern(&t, "SELECT 1", no_types);
        assert_true(s->id > last);
        last = s->id;
        statement_unref(&t, s);
        assert_int_equal(map_count(&t.by_key), 0);
    }
    statement_table_fini(&t);
}

static void
workers_give_different_numbers(void **state)
{
    (void)state;
    struct statement_table one;
    struct statement_table two;
    statement_table_init(&one, 0);
    statement_table_init(&two, 1);
    struct statement *a = intern(&one, "SELECT 1", no_types);
    struct statement *b = intern(&two, "SELECT 1", no_types);
    assert_true(a->id != 0 && b->id != 0);
    assert_true(a->id >> 40 != b->id >> 40);
    statement_unref(&one, a);
    statement_unref(&two, b);
    statement_table_fini(&one);
    statement_table_fini(&two);
}

static void
a_statement_carries_its_class(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum sql_class class;
        uint32_t pins;
    } cases[] = {
        {"SELECT 1", SQL_READ, SQL_PIN_NONE},
        {"INSERT INTO t VALUES (1)", SQL_WRITE, SQL_PIN_NONE},
        {"", SQL_EMPTY, SQL_PIN_NONE},
    };
    struct statement_table t;
    statement_table_init(&t, 0);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct statement *s = intern(&t, cases[i].text, no_types);
        assert_int_equal(s->class, cases[i].class);
        assert_int_equal(s->pins, cases[i].pins);
        statement_unref(&t, s);
    }
    struct statement *pinning = intern(&t, "LISTEN a", no_types);
    assert_true(pinning->pins != SQL_PIN_NONE);
    statement_unref(&t, pinning);
    statement_table_fini(&t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(equal_text_and_types_are_one_object),
        cmocka_unit_test(other_types_are_another_statement),
        cmocka_unit_test(a_number_is_never_used_again),
        cmocka_unit_test(workers_give_different_numbers),
        cmocka_unit_test(a_statement_carries_its_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
