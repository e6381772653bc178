/* test_address.c — where a node's name leads. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/address.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
/* cmocka wants those before it */
#include <cmocka.h>

static void
numbers_and_directories_need_no_resolver(void **state)
{
    (void)state;
    static const char *const fixed[] = {"127.0.0.1", "::1", "fe80::1", "/run/postgresql"};
    static const char *const names[] = {"localhost", "db.example", "127.0.0.1.example", "1234"};
    for (size_t i = 0; i < 4; i++) {
        assert_true(address_is_fixed(fixed[i]));
        assert_false(address_is_fixed(names[i]));
    }
}

static void
a_number_resolves_to_itself(void **state)
{
    (void)state;
    const struct address none = {.len = 0};
    struct address a;
    struct err err;
    assert_true(address_resolve("127.0.0.1", 5432, &none, &a, &err));
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&a.addr;
    assert_int_equal(in->sin_family, AF_INET);
    assert_int_equal(ntohs(in->sin_port), 5432);
    assert_int_equal(ntohl(in->sin_addr.s_addr), 0x7F000001);
    struct address b;
    assert_true(address_resolve("127.0.0.1", 5433, &a, &b, &err));
    assert_false(address_equal(&a, &b));
}

static void
a_directory_is_the_socket_in_it(void **state)
{
    (void)state;
    const struct address none = {.len = 0};
    struct address a;
    struct err err;
    assert_true(address_resolve("/tmp", 5432, &none, &a, &err));
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)&a.addr;
    assert_int_equal(un->sun_family, AF_UNIX);
    assert_string_equal(un->sun_path, "/tmp/.s.PGSQL.5432");
}

static void
a_directory_of_too_long_a_name_is_refused(void **state)
{
    (void)state;
    char name[200];
    memset(name, 'a', sizeof(name));
    name[0] = '/';
    name[sizeof(name) - 1] = '\0';
    const struct address none = {.len = 0};
    struct address a;
    struct err err;
    assert_false(address_resolve(name, 5432, &none, &a, &err));
    assert_int_equal(a.len, 0);
    assert_string_equal(err.sqlstate, SQLSTATE_CONFIG_FILE);
}

static void
a_name_that_leads_nowhere_is_an_error(void **state)
{
    (void)state;
    const struct address none = {.len = 0};
    struct address a;
    struct err err;
    assert_false(address_resolve("no such host", 5432, &none, &a, &err));
    assert_string_equal(err.sqlstate, SQLSTATE_CONNECTION_FAILURE);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_and_directories_need_no_resolver),
        cmocka_unit_test(a_number_resolves_to_itself),
        cmocka_unit_test(a_directory_is_the_socket_in_it),
        cmocka_unit_test(a_directory_of_too_long_a_name_is_refused),
        cmocka_unit_test(a_name_that_leads_nowhere_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
