/* test_conf.c — references, SHOW CONFIG, and what a reload may change. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/conf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "conf/change.h"
#include "conf/databases.h"
#include "conf/load.h"

static struct conf *
conf_of(const char *text)
{
    struct conf_mistakes mistakes = {NULL, 0};
    struct conf *c = conf_load_string(text, "t.ini", &mistakes);
    assert_non_null(c);
    return c;
}

#define SIDES "[blue]\nhost = b\npassword = hunter2\n[green]\nhost = g\n"

/* The cell of a key's row. */
static const char *
cell(const struct table *t, const char *key, size_t column)
{
    for (size_t row = 0; row < table_rows(t); row++) {
        if (strcmp(table_text(t, row, 0), key) == 0) {
            return table_text(t, row, column);
        }
    }
    fail_msg("SHOW CONFIG has no row of %s", key);
    return NULL;
}

static void
show_has_value_default_and_whether_it_may_change(void **state)
{
    (void)state;
    struct conf *c = conf_of("[teal]\nserver_lifetime = 1h\nmax_client_conn = 7\n" SIDES);
    struct table *t = conf_show(c);
    assert_string_equal(cell(t, "max_client_conn", 1), "7");
    assert_string_equal(cell(t, "max_client_conn", 2), "1000");
    assert_string_equal(cell(t, "max_client_conn", 3), "yes");
    assert_string_equal(cell(t, "server_lifetime", 1), "3600s");
    assert_string_equal(cell(t, "listen_port", 3), "no");
    assert_string_equal(cell(t, "blue.host", 1), "b");
    assert_null(cell(t, "blue.host", 2));
    assert_string_equal(cell(t, "green.replication_host", 1), "");
    assert_string_equal(cell(t, "logfile", 1), "");
    table_free(t);
    conf_unref(c);
}

static void
show_never_has_a_secret(void **state)
{
    (void)state;
    struct conf *c = conf_of(SIDES);
    struct table *t = conf_show(c);
    assert_string_equal(cell(t, "blue.password", 1), "********");
    assert_string_equal(cell(t, "blue.replication_password", 1), "********");
    assert_string_equal(cell(t, "green.password", 1), "");
    for (size_t row = 0; row < table_rows(t); row++) {
        assert_null(strstr(table_text(t, row, 1), "hunter2"));
    }
    table_free(t);
    conf_unref(c);
}

/* What the reload check says of a change. */
static void
assert_reload(const char *before, const char *after, const char *names)
{
    struct conf *a = conf_of(before);
    struct conf *b = conf_of(after);
    struct buf out;
    buf_init(&out);
    assert_int_equal(conf_reload_check(a, b, &out), names[0] == '\0');
    assert_true(slice_equal_str(buf_slice(&out), names));
    buf_fini(&out);
    conf_unref(a);
    conf_unref(b);
}

static void
reload_names_the_keys_that_need_a_restart(void **state)
{
    (void)state;
    assert_reload(SIDES, SIDES, "");
    assert_reload(SIDES, "[teal]\nlisten_port = 6432\n" SIDES, ""); /* the default, spelt out */
    assert_reload(SIDES, "[teal]\nmax_client_conn = 5\nlog_level = debug\n" SIDES, "");
    assert_reload(SIDES, "[teal]\nlisten_port = 5\nworkers = 3\n" SIDES, "listen_port, workers");
    assert_reload(SIDES, SIDES "port = 5\n[pair]\ndatabase = d\n", "database, green.port");
    assert_reload(SIDES, SIDES "password = x\n", "green.password, green.replication_password");
    assert_reload(SIDES, "[teal]\nlisten_addr = 127.0.0.1, ::1\n" SIDES, "listen_addr");
}

#define PAIR(name)                                                                            \
    "[pair " name "]\n"                                                                       \
    "databases = " name "\n[blue " name "]\nhost = " name "b\n[green " name "]\nhost = " name \
    "g\n"

static void
reload_compares_pair_by_pair(void **state)
{
    (void)state;
    assert_reload(PAIR("a") PAIR("b"), PAIR("a") PAIR("b"), "");
    assert_reload(PAIR("a") PAIR("b"), PAIR("a") PAIR("b") "port = 7\n", "b.green.port");
    assert_reload(PAIR("a"), PAIR("a") PAIR("b"), "[pair b] (added)");
    assert_reload(PAIR("a") PAIR("b"), PAIR("b"), "[pair a] (removed)");
    assert_reload("[teal]\nworkers = 1\n" PAIR("a"), PAIR("b"),
                  "[pair a] (removed), [pair b] (added), workers");
    assert_reload(PAIR("a") PAIR("b"), PAIR("b") PAIR("a"), "the order of the pairs");
    assert_reload("[pair]\nname = x\n" SIDES, "[pair]\nname = y\n" SIDES, "name");
}

static void
databases_come_and_go_with_a_reload(void **state)
{
    (void)state;
    assert_reload(SIDES, SIDES "[databases]\nx = pool_size=1\n", "");
    assert_reload("[pair]\ndatabases = app, a\n" SIDES, "[pair]\ndatabases = app, b\n" SIDES, "");
    assert_reload("[pair]\ndatabases = a, b\n" SIDES, "[pair]\ndatabases = b, a\n" SIDES,
                  "database"); /* the home was left to the list */
}

static void
keys_of_named_pairs_have_the_name_before_them(void **state)
{
    (void)state;
    struct err err;
    struct conf *c = conf_of(PAIR("shop") PAIR("bills"));
    struct table *t = conf_show(c);
    assert_string_equal(cell(t, "shop.lag_max", 1), "1s");
    assert_string_equal(cell(t, "bills.green.host", 1), "billsg");
    for (size_t row = 0; row < table_rows(t); row++) {
        assert_string_not_equal(table_text(t, row, 0), "lag_max");
    }
    table_free(t);
    struct conf *d = conf_with(c, "bills.lag_max", "7s", &err);
    assert_non_null(d);
    assert_int_equal(d->pairs[0].lag_max_us, 1000000);
    assert_int_equal(d->pairs[1].lag_max_us, 7000000);
    assert_string_equal(d->pairs[1].name, "bills");
    static const char *const bad[] = {"lag_max",
                                      "bills.",
                                      "bills",
                                      "bill.lag_max",
                                      "blue.lag_max",
                                      "bills.blue.green.host",
                                      "shop.bills.lag_max",
                                      "bills.workers"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_null(conf_with(c, bad[i], "7s", &err));
        assert_string_equal(err.sqlstate, SQLSTATE_UNDEFINED_OBJECT);
    }
    conf_unref(c);
    conf_unref(d);
}

static void
set_keeps_databases_in_order(void **state)
{
    (void)state;
    struct err err;
    struct conf *c =
        conf_of("[pair]\ndatabases = a, b\n" SIDES
                "[databases]\nx = dbname=b pool_size=3 password=hunter2\n* = pool_size=4\n");
    struct conf *d = conf_with(c, "databases", "b, a, c", &err);
    assert_non_null(d);
    assert_string_equal(d->pairs[0].database, "a");
    assert_int_equal(conf_database_find(d, "x")->pool_size, 3);
    assert_string_equal(conf_database_find(d, "x")->password, "hunter2");
    assert_int_equal(conf_database_find(d, "c")->pool_size, 4);
    assert_null(conf_database_find(c, "c"));
    assert_null(conf_with(d, "databases", "a, c", &err)); /* x means b */
    assert_string_equal(err.sqlstate, SQLSTATE_INVALID_PARAMETER);
    assert_string_equal(err.text,
                        "databases: database \"x\": \"b\" is not among the databases of [pair]");
    assert_null(conf_with(d, "databases", "b, c", &err));
    assert_string_equal(err.text,
                        "databases: the home database, database = a, is not among databases");
    conf_unref(c);
    conf_unref(d);
}

static void
last_reference_frees(void **state)
{
    (void)state;
    struct conf *c = conf_of(SIDES);
    assert_ptr_equal(conf_ref(c), c);
    conf_unref(c);
    assert_string_equal(c->pairs[0].side[SIDE_BLUE].host, "b");
    conf_unref(c);
    conf_unref(NULL);
}

static void
keys_are_compared_by_prefix(void **state)
{
    (void)state;
    struct conf_mistakes mistakes = {0};
    struct conf *a = conf_load_string("[blue]\nhost = a\n[green]\nhost = b\n", "a", &mistakes);
    struct conf *b = conf_load_string("[teal]\nserver_tls_sslmode = require\n[blue]\nhost = a\n"
                                      "[green]\nhost = b\n",
                                      "b", &mistakes);
    assert_non_null(a);
    assert_non_null(b);
    assert_true(conf_equal(a, a, "server_tls_"));
    assert_false(conf_equal(a, b, "server_tls_"));
    assert_true(conf_equal(a, b, "client_tls_"));
    conf_unref(a);
    conf_unref(b);
}

static const char whole[] = "[teal]\nlisten_addr = 127.0.0.1, ::1\nread_functions = f, g\n"
                            "[pair]\nlag_max = 3s\n[blue]\nhost = a\npassword = hunter2\n"
                            "[green]\nhost = b\nport = 5433\n";

/* SET makes a copy of everything, and changes one value in it. */
static void
a_copy_differs_in_the_one_value(void **state)
{
    (void)state;
    struct err err;
    struct conf *a = conf_of(whole);
    struct conf *b = conf_with(a, "read_functions", "h", &err);
    assert_non_null(b);
    struct table *before = conf_show(a);
    struct table *after = conf_show(b);
    for (size_t row = 0; row < table_rows(before); row++) {
        const char *key = table_text(before, row, 0);
        if (strcmp(key, "read_functions") != 0) {
            assert_string_equal(table_text(before, row, 1), cell(after, key, 1));
        }
    }
    assert_string_equal(cell(after, "read_functions", 1), "h");
    assert_string_equal(b->pairs[0].side[SIDE_BLUE].password, "hunter2");
    assert_string_equal(b->path, a->path);
    assert_int_equal(b->listen_addr.count, 2);
    table_free(before);
    table_free(after);
    conf_unref(a);
    conf_unref(b);
}

static void
what_set_refuses_is_refused_with_its_sqlstate(void **state)
{
    (void)state;
    static const struct {
        const char *key, *value, *sqlstate;
    } cases[] = {
        {"no_such_key", "1", SQLSTATE_UNDEFINED_OBJECT},
        {"host", "x", SQLSTATE_UNDEFINED_OBJECT},
        {"blue", "x", SQLSTATE_UNDEFINED_OBJECT},
        {"blue.", "x", SQLSTATE_UNDEFINED_OBJECT},
        {"blue.lag_max", "1s", SQLSTATE_UNDEFINED_OBJECT},
        {"blue.host", "x", SQLSTATE_CANNOT_CHANGE_NOW},
        {"listen_port", "1", SQLSTATE_CANNOT_CHANGE_NOW},
        {"lag_max", "", SQLSTATE_INVALID_PARAMETER},
        {"lag_max", "0", SQLSTATE_INVALID_PARAMETER},
        {"max_client_conn", "many", SQLSTATE_INVALID_PARAMETER},
    };
    struct conf *a = conf_of(whole);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct err err;
        err_clear(&err);
        assert_null(conf_with(a, cases[i].key, cases[i].value, &err));
        assert_string_equal(err.sqlstate, cases[i].sqlstate);
    }
    conf_unref(a);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_are_compared_by_prefix),
        cmocka_unit_test(show_has_value_default_and_whether_it_may_change),
        cmocka_unit_test(show_never_has_a_secret),
        cmocka_unit_test(reload_names_the_keys_that_need_a_restart),
        cmocka_unit_test(reload_compares_pair_by_pair),
        cmocka_unit_test(databases_come_and_go_with_a_reload),
        cmocka_unit_test(keys_of_named_pairs_have_the_name_before_them),
        cmocka_unit_test(set_keeps_databases_in_order),
        cmocka_unit_test(last_reference_frees),
        cmocka_unit_test(a_copy_differs_in_the_one_value),
        cmocka_unit_test(what_set_refuses_is_refused_with_its_sqlstate),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
