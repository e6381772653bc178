/* test_address.c — where a node's name leads. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/address.h"

#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/un.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "base/mem.h"

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
    struct address_list a;
    struct err err;
    assert_true(address_resolve("127.0.0.1", 5432, &a, &err));
    const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)&a.items[0].addr;
    assert_int_equal(in->sin_family, AF_INET);
    assert_int_equal(ntohs(in->sin_port), 5432);
    assert_int_equal(ntohl(in->sin_addr.s_addr), 0x7F000001);
    struct address_list b;
    assert_true(address_resolve("127.0.0.1", 5433, &b, &err));
    assert_false(address_equal(&a.items[0], &b.items[0]));
}

static void
a_directory_is_the_socket_in_it(void **state)
{
    (void)state;
    struct address_list a;
    struct err err;
    assert_true(address_resolve("/tmp", 5432, &a, &err));
    const struct sockaddr_un *un = (const struct sockaddr_un *)(const void *)&a.items[0].addr;
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
    struct address_list a;
    struct err err;
    assert_false(address_resolve(name, 5432, &a, &err));
    assert_int_equal(a.count, 0);
    assert_string_equal(err.sqlstate, SQLSTATE_CONFIG_FILE);
}

static void
a_name_that_leads_nowhere_is_an_error(void **state)
{
    (void)state;
    struct address_list a;
    struct err err;
    assert_false(address_resolve("no such host", 5432, &a, &err));
    assert_string_equal(err.sqlstate, SQLSTATE_CONNECTION_FAILURE);
}

static struct address_list
a_list_of(size_t count, const char *const *hosts)
{
    struct address_list list = {.count = 0};
    for (size_t i = 0; i < count; i++) {
        struct address_list one;
        struct err err;
        assert_true(address_resolve(hosts[i], 5432, &one, &err));
        assert_int_equal(one.count, 1);
        list.items[list.count++] = one.items[0];
    }
    return list;
}

static const char *const three[] = {"::1", "127.0.0.1", "127.0.0.2"};

static void
the_current_address_is_chosen_while_it_is_listed(void **state)
{
    (void)state;
    const struct address_list list = a_list_of(3, three);
    const struct address none = {.len = 0};
    assert_ptr_equal(address_choose(&list, &none), &list.items[0]);
    for (size_t i = 0; i < 3; i++) {
        const struct address current = list.items[i];
        assert_ptr_equal(address_choose(&list, &current), &list.items[i]);
    }
    const struct address_list others = a_list_of(2, three);
    assert_ptr_equal(address_choose(&others, &list.items[2]), &others.items[0]);
}

static void
lists_are_equal_in_order(void **state)
{
    (void)state;
    const struct address_list a = a_list_of(3, three);
    struct address_list b = a;
    assert_true(address_list_equal(&a, &b));
    b.count = 2;
    assert_false(address_list_equal(&a, &b));
    b = a;
    b.items[0] = a.items[1];
    b.items[1] = a.items[0];
    assert_false(address_list_equal(&a, &b));
}

static void
libpq_is_given_every_address_of_a_name(void **state)
{
    (void)state;
    const struct address_list list = a_list_of(3, three);
    char *text = address_conninfo("host='db' port=5432", "db", &list);
    assert_string_equal(text, "host='db' port=5432 host='db,db,db' "
                              "hostaddr='::1,127.0.0.1,127.0.0.2'");
    mem_free(text);
    text = address_conninfo("port=5432", "a'b\\c", &list);
    assert_string_equal(text, "port=5432 host='a\\'b\\\\c,a\\'b\\\\c,a\\'b\\\\c' "
                              "hostaddr='::1,127.0.0.1,127.0.0.2'");
    mem_free(text);
}

static void
libpq_resolves_a_fixed_host_itself(void **state)
{
    (void)state;
    static const char *const fixed[] = {"127.0.0.1", "::1", "/run/postgresql"};
    const struct address_list none = {.count = 0};
    for (size_t i = 0; i < 3; i++) {
        char *text = address_conninfo("host='x'", fixed[i], &none);
        assert_string_equal(text, "host='x'");
        mem_free(text);
    }
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
        cmocka_unit_test(the_current_address_is_chosen_while_it_is_listed),
        cmocka_unit_test(lists_are_equal_in_order),
        cmocka_unit_test(libpq_is_given_every_address_of_a_name),
        cmocka_unit_test(libpq_resolves_a_fixed_host_itself),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
