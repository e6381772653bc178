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

/* Calls for each row of each section. */
static void
for_each_key(void (*check)(enum conf_section section, const struct conf_key *key))
{
    for (size_t section = 0; section < CONF_SECTIONS_COUNT; section++) {
        size_t count = 0;
        const struct conf_key *keys = conf_section_keys((enum conf_section)section, &count);
        assert_true(count > 0);
        for (size_t i = 0; i < count; i++) {
            check((enum conf_section)section, &keys[i]);
        }
    }
}

static void
default_check(enum conf_section section, const struct conf_key *key)
{
    (void)section;
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

static void
each_default_is_within_limits_and_is_shown_as_written(void **state)
{
    (void)state;
    for_each_key(default_check);
}

static void
name_and_text_check(enum conf_section section, const struct conf_key *key)
{
    const size_t len = strlen(key->text);
    assert_true(len > 10 && key->text[len - 1] == '.');
    assert_true(strlen(key->name) <= 48);                        /* nearest.c relies on it */
    assert_ptr_equal(conf_section_key(section, key->name), key); /* the first of its name is it */
}

static void
each_key_has_a_name_of_its_own_and_a_text(void **state)
{
    (void)state;
    for_each_key(name_and_text_check);
    assert_null(conf_section_key(CONF_SECTION_TEAL, "host"));
    assert_null(conf_section_key(CONF_SECTION_PAIR, ""));
}

static void
entries_are_numbered_without_gaps(void **state)
{
    (void)state;
    const size_t count = conf_entries_count(PAIRS_MAX);
    assert_true(count <= CONF_ENTRIES_MAX);
    for (size_t i = 0; i < count; i++) {
        const struct conf_entry entry = conf_entry_at(i);
        struct conf_entry found;
        assert_int_equal(entry.number, i);
        assert_true(conf_entry_find(entry.section, entry.pair, entry.key->name, &found));
        assert_int_equal(found.number, i);
        assert_int_equal(found.section, entry.section);
        assert_int_equal(found.pair, entry.pair);
    }
    assert_int_equal(conf_entry_at(0).section, CONF_SECTION_TEAL);
    assert_int_equal(conf_entry_at(count - 1).section, CONF_SECTION_GREEN);
    assert_int_equal(conf_entry_at(count - 1).pair, PAIRS_MAX - 1);
    assert_int_equal(conf_entry_at(conf_entries_count(3)).pair, 3);
    assert_int_equal(conf_entry_at(conf_entries_count(3)).section, CONF_SECTION_PAIR);
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
    assert_int_equal(conf_section_of(SIDE_GREEN), CONF_SECTION_GREEN);
    assert_true(conf_section_is_of_pair(CONF_SECTION_BLUE));
    assert_false(conf_section_is_of_pair(CONF_SECTION_DATABASES));
}

/* Two pairs are enough to see that none lies on another. */
static void
fields_do_not_overlap(void **state)
{
    (void)state;
    static struct conf c;
    static struct conf_pair pairs[2];
    c.pairs = pairs;
    c.pairs_count = 2;
    for (size_t i = 0; i < conf_entries_count(2); i++) {
        const struct conf_entry a = conf_entry_at(i);
        for (size_t j = 0; j < i; j++) {
            const struct conf_entry b = conf_entry_at(j);
            assert_ptr_not_equal(conf_field(&c, &a), conf_field(&c, &b));
        }
    }
}

static void
the_same_row_has_a_field_on_each_side_of_each_pair(void **state)
{
    (void)state;
    static struct conf c;
    static struct conf_pair pairs[2];
    struct conf_entry blue;
    struct conf_entry green;
    c.pairs = pairs;
    c.pairs_count = 2;
    assert_true(conf_entry_find(CONF_SECTION_BLUE, 0, "port", &blue));
    assert_true(conf_entry_find(CONF_SECTION_GREEN, 1, "port", &green));
    assert_ptr_equal(blue.key, green.key);
    assert_ptr_equal(conf_field(&c, &blue), &pairs[0].side[SIDE_BLUE].port);
    assert_ptr_equal(conf_field_const(&c, &green), &pairs[1].side[SIDE_GREEN].port);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_default_is_within_limits_and_is_shown_as_written),
        cmocka_unit_test(each_key_has_a_name_of_its_own_and_a_text),
        cmocka_unit_test(entries_are_numbered_without_gaps),
        cmocka_unit_test(sections_are_found_by_their_names),
        cmocka_unit_test(fields_do_not_overlap),
        cmocka_unit_test(the_same_row_has_a_field_on_each_side_of_each_pair),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
