/* test_view.c — a copy of a view shares nothing with the original. */
/* SPDX-License-Identifier: PostgreSQL */
#include "topo/view.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
a_copy_outlives_the_original(void **state)
{
    (void)state;
    char user[] = "app";
    char application[] = "report";
    struct view_rule rules[] = {
        {.user = user, .side = SIDE_GREEN},
        {.application = application, .side = SIDE_BLUE},
    };
    char shop[] = "shop";
    struct view_database databases[] = {{.name = shop, .fresh_until_us = 9}};
    struct view v = {
        .version = 3,
        .epoch = 7,
        .writer = SIDE_GREEN,
        .writes_known = true,
        .reads = READS_BLUE,
        .reads_percent = PERCENT_ALL,
        .rules = rules,
        .rules_count = 2,
        .side[SIDE_BLUE] = {.nodes_count = 2, .lead = 1, .node[1] = {.up = true, .incarnation = 5}},
        .databases = databases,
        .databases_count = 1,
    };
    struct view *copy = view_copy(&v);
    memset(user, 'x', sizeof(user) - 1);
    rules[1] = (struct view_rule){0};
    v.side[SIDE_BLUE].node[1].up = false;
    memset(shop, 'x', sizeof(shop) - 1);
    assert_int_equal(copy->version, 3);
    assert_int_equal(copy->writer, SIDE_GREEN);
    assert_int_equal(copy->rules_count, 2);
    assert_string_equal(copy->rules[0].user, "app");
    assert_null(copy->rules[0].database);
    assert_int_equal(copy->rules[0].side, SIDE_GREEN);
    assert_string_equal(copy->rules[1].application, "report");
    assert_true(view_lead(copy, SIDE_BLUE)->up);
    assert_int_equal(view_lead(copy, SIDE_BLUE)->incarnation, 5);
    assert_string_equal(copy->databases[0].name, "shop");
    assert_int_equal(copy->databases[0].fresh_until_us, 9);
    view_free(copy);
    view_free(NULL);
}

static void
a_view_without_rules_is_copied(void **state)
{
    (void)state;
    const struct view v = {.writes_held = true};
    struct view *copy = view_copy(&v);
    assert_int_equal(copy->rules_count, 0);
    assert_true(copy->writes_held && !copy->writes_known);
    view_free(copy);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_copy_outlives_the_original),
        cmocka_unit_test(a_view_without_rules_is_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
