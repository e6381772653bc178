/* test_settings.c — what a client set comes to the server as it was set, whatever is in it. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

/* The draft as "name=value|name=value". */
static void
assert_draft(const struct settings_draft *d, const char *expected)
{
    char text[512];
    size_t len = 0;
    struct slice in = buf_slice(&d->text);
    struct slice name;
    struct slice value;
    while (slice_take_cstr(&in, &name) && slice_take_cstr(&in, &value)) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s=%s", len == 0 ? "" : "|",
                                (const char *)name.p, (const char *)value.p);
        assert_true(len < sizeof(text));
    }
    assert_int_equal(in.len, 0);
    text[len] = '\0';
    assert_string_equal(text, expected);
}

static void
set(struct settings_draft *d, const char *name, const char *value)
{
    settings_draft_set(d, slice_of_str(name), slice_of_str(value));
}

static void
a_later_value_of_a_name_wins(void **state)
{
    (void)state;
    struct settings_draft d;
    struct slice value;
    settings_draft_init(&d);
    set(&d, "TimeZone", "UTC");
    set(&d, "work_mem", "4MB");
    set(&d, "TIMEZONE", "CET");
    assert_draft(&d, "work_mem=4MB|timezone=CET");
    assert_true(settings_draft_get(&d, "timezone", &value));
    assert_true(slice_equal_str(value, "CET"));
    assert_false(settings_draft_get(&d, "time", &value));
    settings_draft_remove(&d, "work_mem");
    settings_draft_remove(&d, "not_there");
    assert_draft(&d, "timezone=CET");
    set(&d, "timezone", "");
    assert_draft(&d, "timezone=");
    settings_draft_remove(&d, "timezone");
    assert_draft(&d, "");
    settings_draft_fini(&d);
}

/* A value that reads like a name must not be taken for one. */
static void
names_and_values_are_not_mixed_up(void **state)
{
    (void)state;
    struct settings_draft d;
    struct slice value;
    settings_draft_init(&d);
    set(&d, "a", "b");
    set(&d, "c", "d");
    assert_false(settings_draft_get(&d, "b", &value));
    settings_draft_remove(&d, "b");
    settings_draft_remove(&d, "d");
    assert_draft(&d, "a=b|c=d");
    settings_draft_fini(&d);
}

/* clang-format off */
static const struct {
    const char *options;
    const char *sqlstate; /* "": good */
    const char *draft;
} options[] = {
    {"", "", ""},
    {"   \t\n", "", ""},
    {"-c a=b", "", "a=b"},
    {"-ca=b", "", "a=b"},
    {"--a=b", "", "a=b"},
    {"  -c  a=b  --c=d\t-ce=f ", "", "a=b|c=d|e=f"},
    {"-c\ta=b\n-c\vc=d\f", "", "a=b|c=d"},
    {"-c a=", "", "a="},
    {"-c a=b=c", "", "a=b=c"},
    {"--search_path=a,\\ b", "", "search_path=a, b"},
    {"-c a=\\\\", "", "a=\\"},
    {"-c a=x\\\\\\ y", "", "a=x\\ y"},
    {"-c a=b\\", "", "a=b"},
    {"-c a=b\\c", "", "a=bc"},
    {"-c a='b c'", SQLSTATE_FEATURE_NOT_SUPPORTED, "a='b"}, /* quotes mean nothing */
    {"-c my-name=b-c", "", "my_name=b-c"},
    {"--Work-Mem=4MB -c WORK_MEM=8MB", "", "work_mem=8MB"},
    {"-c a", SQLSTATE_SYNTAX_ERROR, ""},
    {"-c =b", "", "=b"}, /* the server does not know it */
    {"-c", SQLSTATE_SYNTAX_ERROR, ""},
    {"-c a=b -c", SQLSTATE_SYNTAX_ERROR, "a=b"},
    {"-c a=b -c \t", SQLSTATE_SYNTAX_ERROR, "a=b"},
    {"--a", SQLSTATE_SYNTAX_ERROR, ""},
    {"--", SQLSTATE_FEATURE_NOT_SUPPORTED, ""},
    {"-", SQLSTATE_FEATURE_NOT_SUPPORTED, ""},
    {"\\", SQLSTATE_FEATURE_NOT_SUPPORTED, ""},
    {"a=b", SQLSTATE_FEATURE_NOT_SUPPORTED, ""},
    {"-d 5", SQLSTATE_FEATURE_NOT_SUPPORTED, ""},
    {"-C a=b", SQLSTATE_FEATURE_NOT_SUPPORTED, ""},
    {"-c a=b -x", SQLSTATE_FEATURE_NOT_SUPPORTED, "a=b"},
};
/* clang-format on */

static void
options_are_split_as_the_server_does(void **state)
{
    (void)state;
    struct guard guard = guard_new(64);
    for (size_t i = 0; i < COUNT_OF(options); i++) {
        struct settings_draft d;
        struct err err;
        err_clear(&err);
        settings_draft_init(&d);
        const struct slice text = guard_put(&guard, options[i].options, strlen(options[i].options));
        const bool ok = settings_draft_options(&d, text, &err);
        assert_int_equal(ok, options[i].sqlstate[0] == '\0');
        assert_string_equal(err.sqlstate, options[i].sqlstate);
        assert_draft(&d, options[i].draft);
        settings_draft_fini(&d);
    }
    guard_free(&guard);
}

static struct settings *
interned(struct settings_table *t, const char *text, size_t len)
{
    return settings_intern(t, slice_of(text, len));
}

#define INTERN(t, text) interned(t, text, sizeof(text) - 1)

static void
equal_settings_are_one_object(void **state)
{
    (void)state;
    struct settings_table t;
    settings_table_init(&t);
    struct settings *a = INTERN(&t, "a\0001\0");
    struct settings *again = INTERN(&t, "a\0001\0");
    struct settings *b = INTERN(&t, "a\0002\0");
    struct settings *none = INTERN(&t, "");
    assert_ptr_equal(a, again);
    assert_ptr_not_equal(a, b);
    assert_int_equal(a->refs, 2);
    assert_int_equal(settings_text(none).len, 0);
    assert_int_equal(settings_text(a).len, 4);
    settings_unref(&t, a);
    assert_ptr_equal(INTERN(&t, "a\0001\0"), again);
    settings_unref(&t, again);
    settings_unref(&t, again);
    settings_unref(&t, b);
    settings_unref(&t, none);
    settings_unref(&t, NULL);
    assert_int_equal(map_count(&t.by_text), 0);
    settings_table_fini(&t);
}

static void
assert_sql(struct slice from_text, struct slice to_text, const char *expected)
{
    struct settings_table t;
    struct buf sql;
    settings_table_init(&t);
    buf_init(&sql);
    struct settings *from = settings_intern(&t, from_text);
    struct settings *to = settings_intern(&t, to_text);
    settings_put_sql(&sql, from, to);
    buf_put_u8(&sql, 0);
    assert_string_equal((const char *)buf_slice(&sql).p, expected);
    settings_unref(&t, from);
    settings_unref(&t, to);
    buf_fini(&sql);
    settings_table_fini(&t);
}

#define SQL(from, to, expected) \
    assert_sql(slice_of(from, sizeof(from) - 1), slice_of(to, sizeof(to) - 1), expected)

static void
the_way_from_one_to_another_resets_and_sets(void **state)
{
    (void)state;
    SQL("", "", "");
    SQL("", "a\0x\0", "SELECT pg_catalog.set_config(E'a', E'x', false)");
    SQL("", "a\0x\0b\0\0",
        "SELECT pg_catalog.set_config(E'a', E'x', false), pg_catalog.set_config(E'b', E'', false)");
    SQL("a\0x\0b\0y\0", "", "RESET \"a\";RESET \"b\";");
    SQL("a\0x\0b\0y\0", "b\0z\0", "RESET \"a\";SELECT pg_catalog.set_config(E'b', E'z', false)");
    SQL("b\0y\0", "a\0b\0", "RESET \"b\";SELECT pg_catalog.set_config(E'a', E'b', false)");
}

/* The text is ASCII, and nothing in a value ends its literal: not in any encoding. */
static void
no_value_leaves_its_literal(void **state)
{
    (void)state;
    SQL("", "a\0it's\0", "SELECT pg_catalog.set_config(E'a', E'it''s', false)");
    SQL("", "a\0\\';--\0", "SELECT pg_catalog.set_config(E'a', E'\\\\'';--', false)");
    SQL("", "a'\\\0x\0", "SELECT pg_catalog.set_config(E'a''\\\\', E'x', false)");
    SQL("", "a\0J\xc3\xb6rg\0", "SELECT pg_catalog.set_config(E'a', E'J\\xc3\\xb6rg', false)");
    SQL("", "a\0\x83\\';--\0", "SELECT pg_catalog.set_config(E'a', E'\\x83\\\\'';--', false)");
    SQL("",
        "a\0\xff"
        "1\0",
        "SELECT pg_catalog.set_config(E'a', E'\\xff1', false)");
    SQL("", "a\0x\ny\0", "SELECT pg_catalog.set_config(E'a', E'x\ny', false)");
    SQL("a\"b\0x\0", "", "RESET \"a\"\"b\";");
    SQL("a\";DROP TABLE t;--\0x\0", "", "RESET \"a\"\";DROP TABLE t;--\";");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_later_value_of_a_name_wins),
        cmocka_unit_test(names_and_values_are_not_mixed_up),
        cmocka_unit_test(options_are_split_as_the_server_does),
        cmocka_unit_test(equal_settings_are_one_object),
        cmocka_unit_test(the_way_from_one_to_another_resets_and_sets),
        cmocka_unit_test(no_value_leaves_its_literal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
