/* test_client_limits.c — counts with a limit, and the address that a peer is counted under. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/login/client_limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static void
over_the_limit_nobody_is_counted(void **state)
{
    (void)state;
    struct client_limits *c = client_limits_new();
    struct client_count *a = client_limits_enter(c, CLIENT_LIMIT_USER, "app", 2);
    struct client_count *b = client_limits_enter(c, CLIENT_LIMIT_USER, "app", 2);
    assert_non_null(a);
    assert_non_null(b);
    assert_null(client_limits_enter(c, CLIENT_LIMIT_USER, "app", 2));
    client_limits_leave(c, a);
    struct client_count *again = client_limits_enter(c, CLIENT_LIMIT_USER, "app", 2);
    assert_non_null(again);
    client_limits_leave(c, b);
    client_limits_leave(c, again);
    client_limits_free(c);
}

static void
names_and_kinds_are_counted_apart(void **state)
{
    (void)state;
    struct client_limits *c = client_limits_new();
    struct client_count *a = client_limits_enter(c, CLIENT_LIMIT_USER, "app", 1);
    struct client_count *b = client_limits_enter(c, CLIENT_LIMIT_USER, "other", 1);
    struct client_count *d = client_limits_enter(c, CLIENT_LIMIT_DATABASE, "app", 1);
    assert_true(a != NULL && b != NULL && d != NULL);
    client_limits_leave(c, a);
    client_limits_leave(c, b);
    client_limits_leave(c, d);
    client_limits_free(c);
}

static void
a_limit_of_0_is_none(void **state)
{
    (void)state;
    struct client_count *held[100];
    struct client_limits *c = client_limits_new();
    for (size_t i = 0; i < 100; i++) {
        held[i] = client_limits_enter(c, CLIENT_LIMIT_SOURCE, "::", 0);
        assert_non_null(held[i]);
    }
    for (size_t i = 0; i < 100; i++) {
        client_limits_leave(c, held[i]);
    }
    client_limits_leave(c, NULL);
    client_limits_free(c);
}

static void
a_peer_is_counted_by_its_address(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"10.0.0.7:5432", "10.0.0.7"},
        {"unix", "unix"},
        {"[::1]:65535", "::1"},
        {"[2001:db8:1:2:3:4:5:6]:1", "2001:db8:1:2::"},
        {"[2001:db8:1:2:ffff::9]:2", "2001:db8:1:2::"},
        {"[2001:db8:1:3::1]:2", "2001:db8:1:3::"},
        {"[::ffff:10.0.0.7]:2", "::ffff:10.0.0.7"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char source[CLIENT_SOURCE_SIZE];
        client_source(cases[i][0], source);
        assert_string_equal(source, cases[i][1]);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(over_the_limit_nobody_is_counted),
        cmocka_unit_test(names_and_kinds_are_counted_apart),
        cmocka_unit_test(a_limit_of_0_is_none),
        cmocka_unit_test(a_peer_is_counted_by_its_address),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
