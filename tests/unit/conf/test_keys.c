/* test_keys.c — the table of keys agrees with itself. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/keys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* A place that is large enough for any kind of field. */
union field {
    char *text;
    struct conf_list list;
    uint64_t number;
};

static void
each_default_is_within_limits_and_is_shown_as_written(void **state)
{
    (void)state;
    for (size_t i = 0; i < conf_keys_count(); i++) {
        const struct conf_key *key = conf_key_at(i);
        union field field;
        struct buf shown;
        memset(&field, 0, sizeof(field));
        buf_init(&shown);
        if (key->default_text != NULL) {
            assert_true(value_parse(key->kind, &key->limits, key->default_text, &field, NULL));
            value_format(key->kind, &field, &shown);
            assert_true(slice_equal_str(buf_slice(&shown), key->default_text));
        }
        value_fini(key->kind, &field);
        buf_fini(&shown);
    }
}

static void
each_key_has_a_name_of_its_own_and_one_sentence(void **state)
{
    (void)state;
    for (size_t i = 0; i < conf_keys_count(); i++) {
        const struct conf_key *key = conf_key_at(i);
        const size_t len = strlen(key->doc);
        assert_true(len > 10 && key->doc[len - 1] == '.');
        for (size_t s = 0; s < CONF_SECTIONS_COUNT; s++) {
            if (conf_key_in(key, (enum conf_section)s)) {
                assert_int_equal(conf_key_find((enum conf_section)s, key->name), i);
            }
        }
    }
}

static void
misspelt_names_have_a_nearest_one(void **state)
{
    (void)state;
    assert_string_equal(conf_key_nearest(CONF_SECTION_TEAL, "listen_prt"), "listen_port");
    assert_string_equal(conf_key_nearest(CONF_SECTION_TEAL, "max_client_conns"), "max_client_conn");
    assert_string_equal(conf_key_nearest(CONF_SECTION_GREEN, "hosst"), "host");
    assert_null(conf_key_nearest(CONF_SECTION_GREEN, "listen_port"));
    assert_null(conf_key_nearest(CONF_SECTION_TEAL, "zzz"));
    assert_null(conf_key_nearest(CONF_SECTION_TEAL, ""));
    assert_null(conf_key_nearest(CONF_SECTION_TEAL,
                                 "a_name_that_is_longer_than_any_key_could_ever_be"
                                 "_and_then_some"));
    assert_string_equal(conf_section_nearest("gren"), "green");
    assert_null(conf_section_nearest("databases"));
}

static void
the_same_row_has_a_field_on_each_side(void **state)
{
    (void)state;
    struct conf c;
    const struct conf_key *key = conf_key_at(conf_key_find(CONF_SECTION_BLUE, "port"));
    assert_ptr_equal(conf_field(&c, key, CONF_SECTION_BLUE), &c.node[SIDE_BLUE].port);
    assert_ptr_equal(conf_field_const(&c, key, CONF_SECTION_GREEN), &c.node[SIDE_GREEN].port);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_default_is_within_limits_and_is_shown_as_written),
        cmocka_unit_test(each_key_has_a_name_of_its_own_and_one_sentence),
        cmocka_unit_test(misspelt_names_have_a_nearest_one),
        cmocka_unit_test(the_same_row_has_a_field_on_each_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
