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
    for (size_t i = 0; i < conf_entries_count(); i++) {
        const struct conf_key *key = conf_entry_at(i).key;
        const struct value_limits limits = conf_key_limits(key);
        union field field;
        struct buf shown;
        memset(&field, 0, sizeof(field));
        buf_init(&shown);
        if (key->default_text != NULL) {
            assert_true(value_parse(key->type, &limits, key->default_text, &field, NULL));
            value_format(key->type, &field, &shown);
            assert_true(slice_equal_str(buf_slice(&shown), key->default_text));
        }
        value_fini(key->type, &field);
        buf_fini(&shown);
    }
}

static void
each_key_has_a_name_of_its_own_and_a_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < conf_entries_count(); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        const size_t len = strlen(entry.key->text);
        struct conf_entry found;
        assert_int_equal(entry.number, i);
        assert_true(len > 10 && entry.key->text[len - 1] == '.');
        assert_true(conf_entry_find(entry.section, entry.key->name, &found));
        assert_int_equal(found.number, i);
    }
}

static void
each_entry_is_found_by_the_name_that_it_is_shown_with(void **state)
{
    (void)state;
    struct conf_entry found;
    for (size_t i = 0; i < conf_entries_count(); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        struct buf name;
        buf_init(&name);
        conf_entry_put_shown(&entry, &name);
        buf_put_u8(&name, 0);
        assert_true(conf_entry_find_shown((const char *)buf_slice(&name).p, &found));
        assert_int_equal(found.number, i);
        buf_fini(&name);
    }
    static const char *const bad[] = {"", "host", "blue", "blue.", "green.lag_max", "teal.workers"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(conf_entry_find_shown(bad[i], &found));
    }
}

static void
sections_are_found_by_their_names(void **state)
{
    (void)state;
    enum conf_section section;
    for (size_t i = 0; i < CONF_SECTIONS_COUNT; i++) {
        assert_true(conf_section_find(conf_section_name((enum conf_section)i), &section));
        assert_int_equal(section, i);
        assert_true(strlen(conf_section_text(section)) > 10);
    }
    assert_false(conf_section_find("Teal", &section));
}

static void
fields_do_not_overlap(void **state)
{
    (void)state;
    struct conf c;
    for (size_t i = 0; i < conf_entries_count(); i++) {
        const struct conf_entry a = conf_entry_at(i);
        for (size_t j = 0; j < i; j++) {
            const struct conf_entry b = conf_entry_at(j);
            assert_ptr_not_equal(conf_field(&c, &a), conf_field(&c, &b));
        }
    }
}

static void
the_same_row_has_a_field_on_each_side(void **state)
{
    (void)state;
    struct conf c;
    struct conf_entry blue;
    struct conf_entry green;
    assert_true(conf_entry_find(CONF_SECTION_BLUE, "port", &blue));
    assert_true(conf_entry_find(CONF_SECTION_GREEN, "port", &green));
    assert_ptr_equal(blue.key, green.key);
    assert_ptr_equal(conf_field(&c, &blue), &c.pairs[0].side[SIDE_BLUE].port);
    assert_ptr_equal(conf_field_const(&c, &green), &c.pairs[0].side[SIDE_GREEN].port);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_default_is_within_limits_and_is_shown_as_written),
        cmocka_unit_test(each_key_has_a_name_of_its_own_and_a_text),
        cmocka_unit_test(each_entry_is_found_by_the_name_that_it_is_shown_with),
        cmocka_unit_test(sections_are_found_by_their_names),
        cmocka_unit_test(fields_do_not_overlap),
        cmocka_unit_test(the_same_row_has_a_field_on_each_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
