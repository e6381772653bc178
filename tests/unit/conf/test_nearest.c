/* test_nearest.c — a misspelt name is near to one, or to none. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/nearest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
misspelt_names_have_a_nearest_one(void **state)
{
    (void)state;
    assert_string_equal(nearest_key(CONF_SECTION_TEAL, "listen_prt"), "listen_port");
    assert_string_equal(nearest_key(CONF_SECTION_TEAL, "max_client_conns"), "max_client_conn");
    assert_string_equal(nearest_key(CONF_SECTION_GREEN, "hosst"), "host");
    assert_string_equal(nearest_section("gren"), "green");
    assert_string_equal(nearest_section("database"), "databases");
    assert_string_equal(nearest_key(CONF_SECTION_DATABASES, "pol_size"), "pool_size");
}

static void
other_names_have_none(void **state)
{
    (void)state;
    assert_null(nearest_key(CONF_SECTION_GREEN, "listen_port"));
    assert_null(nearest_key(CONF_SECTION_TEAL, "zzz"));
    assert_null(nearest_key(CONF_SECTION_TEAL, ""));
    assert_null(nearest_key(CONF_SECTION_TEAL, "a_name_that_is_longer_than_any_key_could_ever_be"
                                               "_and_then_some"));
    assert_null(nearest_section("users"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(misspelt_names_have_a_nearest_one),
        cmocka_unit_test(other_names_have_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
