/* test_value.c — values from text and back. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/value.h"

#include "conf/fields.h"
#include "model/percent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const struct value_limits none = {0, 0, false};

static const struct {
    enum value_type type;
    const char *text;
    bool ok;
    uint64_t value;
    const char *shown;
} numbers[] = {
    {VALUE_DURATION, "0", true, 0, "0s"},
    {VALUE_DURATION, "15", true, 15000000, "15s"},
    {VALUE_DURATION, "15s", true, 15000000, "15s"},
    {VALUE_DURATION, "15 s", true, 15000000, "15s"},
    {VALUE_DURATION, "100ms", true, 100000, "100ms"},
    {VALUE_DURATION, "1500ms", true, 1500000, "1500ms"},
    {VALUE_DURATION, "7us", true, 7, "7us"},
    {VALUE_DURATION, "2min", true, 120000000, "120s"},
    {VALUE_DURATION, "1h", true, 3600000000, "3600s"},
    {VALUE_DURATION, "1d", true, 86400000000, "86400s"},
    {VALUE_DURATION, "18446744073709551615us", true, UINT64_MAX, "18446744073709551615us"},
    {VALUE_DURATION, "18446744073709551616us", false, 0, ""},
    {VALUE_DURATION, "213503983d", false, 0, ""},
    {VALUE_DURATION, "1m", false, 0, ""},
    {VALUE_DURATION, "1S", false, 0, ""},
    {VALUE_DURATION, "0.5s", false, 0, ""},
    {VALUE_DURATION, "-1", false, 0, ""},
    {VALUE_DURATION, "+1", false, 0, ""},
    {VALUE_DURATION, " 1", false, 0, ""},
    {VALUE_DURATION, "1s ", false, 0, ""},
    {VALUE_DURATION, "", false, 0, ""},
    {VALUE_DURATION, "s", false, 0, ""},
    {VALUE_SIZE, "0", true, 0, "0B"},
    {VALUE_SIZE, "1000", true, 1000, "1000B"},
    {VALUE_SIZE, "64MB", true, 64 << 20, "64MB"},
    {VALUE_SIZE, "64 kB", true, 64 << 10, "64kB"},
    {VALUE_SIZE, "2048MB", true, UINT64_C(2) << 30, "2GB"},
    {VALUE_SIZE, "1B", true, 1, "1B"},
    {VALUE_SIZE, "64mb", false, 0, ""},
    {VALUE_SIZE, "64KB", false, 0, ""},
    {VALUE_SIZE, "17179869184GB", false, 0, ""},
    {VALUE_SIZE, "0x10", false, 0, ""},
};

static void
quantities_have_units_and_no_wrap(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(numbers); i++) {
        uint64_t value = 42;
        struct buf shown;
        buf_init(&shown);
        const bool ok = value_parse(numbers[i].type, &none, numbers[i].text, &value, NULL);
        assert_int_equal(ok, numbers[i].ok);
        assert_int_equal(value, ok ? numbers[i].value : 42);
        if (ok) {
            value_format(numbers[i].type, &value, &shown);
            assert_true(slice_equal_str(buf_slice(&shown), numbers[i].shown));
        }
        buf_fini(&shown);
    }
}

static void
limits_are_named_when_they_are_passed(void **state)
{
    (void)state;
    static const struct value_limits limits = {10000, 60000000, false};
    uint64_t value = 42;
    struct err err;
    assert_true(value_parse(VALUE_DURATION, &limits, "10ms", &value, NULL));
    assert_true(value_parse(VALUE_DURATION, &limits, "60s", &value, NULL));
    assert_false(value_parse(VALUE_DURATION, &limits, "9999us", &value, &err));
    assert_false(value_parse(VALUE_DURATION, &limits, "61s", &value, &err));
    assert_string_equal(err.text, "\"61s\" is outside the limits 10ms to 60s");
    assert_int_equal(value, 60000000);
}

static void
ports_counts_and_modes_are_whole_numbers(void **state)
{
    (void)state;
    static const struct value_limits ports = {1, 65535, false};
    static const struct value_limits modes = {0, 0777, false};
    static const char *const bad[] = {
        "", "0", "65536", "-1", "1x", "1 ", "0x50", "1e3", "99999999999999999999"};
    uint16_t port = 1;
    uint32_t count = 1;
    uint32_t mode = 1;
    assert_true(value_parse(VALUE_PORT, &ports, "65535", &port, NULL));
    assert_true(value_parse(VALUE_COUNT, &ports, "65535", &count, NULL));
    assert_true(value_parse(VALUE_MODE, &modes, "0750", &mode, NULL));
    assert_int_equal(port, 65535);
    assert_int_equal(count, 65535);
    assert_int_equal(mode, 0750);
    assert_false(value_parse(VALUE_MODE, &modes, "0780", &mode, NULL));
    assert_false(value_parse(VALUE_MODE, &modes, "01000", &mode, NULL));
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(value_parse(VALUE_PORT, &ports, bad[i], &port, NULL));
        assert_false(value_parse(VALUE_COUNT, &ports, bad[i], &count, NULL));
    }
}

static void
a_share_is_written_in_whole_percent_and_kept_in_hundredths(void **state)
{
    static const struct value_limits limits = {0, 100, false};
    static const char *const bad[] = {"", "101", "0.5", "5%", "-1"};
    (void)state;
    uint32_t share = 7;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(value_parse(VALUE_PERCENT, &limits, bad[i], &share, NULL));
        assert_int_equal(share, 7);
    }
    struct buf shown;
    buf_init(&shown);
    assert_true(value_parse(VALUE_PERCENT, &limits, "100", &share, NULL));
    assert_int_equal(share, PERCENT_ALL);
    assert_true(value_parse(VALUE_PERCENT, &limits, "25", &share, NULL));
    value_format(VALUE_PERCENT, &share, &shown);
    assert_true(slice_equal_str(buf_slice(&shown), "25"));
    buf_fini(&shown);
}

static void
choices_are_their_words(void **state)
{
    (void)state;
    enum reads reads = READS_FOLLOW;
    bool yes = false;
    struct err err;
    assert_true(value_parse(VALUE_READS, &none, "green", &reads, NULL));
    assert_int_equal(reads, READS_GREEN);
    assert_false(value_parse(VALUE_READS, &none, "Green", &reads, &err));
    assert_string_equal(err.text, "\"Green\" is none of follow|blue|green");
    static const char *const yes_words[] = {"yes", "on", "true", "1"};
    static const char *const no_words[] = {"no", "off", "false", "0"};
    for (size_t i = 0; i < COUNT_OF(yes_words); i++) {
        assert_true(value_parse(VALUE_BOOL, &none, yes_words[i], &yes, NULL));
        assert_true(yes);
        assert_true(value_parse(VALUE_BOOL, &none, no_words[i], &yes, NULL));
        assert_false(yes);
    }
    assert_false(value_parse(VALUE_BOOL, &none, "2", &yes, NULL));
}

/* The words of a choice are its name, with bars between. */
static void
each_word_of_each_choice_is_shown_as_written(void **state)
{
    (void)state;
    for (int type = VALUE_AUTH_TYPE; type < VALUE_TYPES_COUNT; type++) {
        const char *p = value_type_name((enum value_type)type);
        unsigned count = 0;
        for (; *p != '\0'; count++) {
            char word[32] = "";
            unsigned choice = 99;
            const size_t len = strcspn(p, "|");
            struct buf shown;
            buf_init(&shown);
            assert_true(len > 0 && len < sizeof(word));
            memcpy(word, p, len);
            assert_true(value_parse((enum value_type)type, &none, word, &choice, NULL));
            assert_int_equal(choice, count);
            value_format((enum value_type)type, &choice, &shown);
            assert_true(slice_equal_str(buf_slice(&shown), word));
            buf_fini(&shown);
            p += len + (p[len] == '|' ? 1 : 0);
        }
        assert_true(count >= 2);
    }
}

static void
lists_split_at_commas_and_add_up(void **state)
{
    (void)state;
    struct conf_list list = {NULL, 0};
    struct buf shown;
    buf_init(&shown);
    assert_true(value_parse(VALUE_LIST, &none, "", &list, NULL));
    assert_int_equal(list.count, 0);
    assert_true(value_parse(VALUE_LIST, &none, " a , b c,d", &list, NULL));
    assert_true(value_parse(VALUE_LIST, &none, "e", &list, NULL));
    value_format(VALUE_LIST, &list, &shown);
    assert_true(slice_equal_str(buf_slice(&shown), "a, b c, d, e"));
    static const char *const bad[] = {",", "a,", ",a", "a,,b", "a, ,b", "a, "};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(value_parse(VALUE_LIST, &none, bad[i], &list, NULL));
        assert_int_equal(list.count, 4);
    }
    value_fini(VALUE_LIST, &list);
    buf_fini(&shown);
}

/* A copy is a value of its own, which may change without the other. */
static void
copies_are_equal_until_one_changes(void **state)
{
    (void)state;
    static const struct {
        enum value_type type;
        const char *text, *other;
    } cases[] = {
        {VALUE_TEXT, "a", "b"},         {VALUE_SECRET, "a", ""},
        {VALUE_COUNT, "7", "8"},        {VALUE_PORT, "7", "65535"},
        {VALUE_BOOL, "yes", "no"},      {VALUE_DURATION, "1s", "1ms"},
        {VALUE_READS, "blue", "green"}, {VALUE_POOL_MODE, "session", "transaction"},
        {VALUE_LIST, "a, b", "a"},      {VALUE_LIST, "a, b", "a, c"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct value_limits any = {0, 65535000, true};
        const enum value_type type = cases[i].type;
        union {
            char *text;
            struct conf_list list;
            uint64_t number;
        } a, b, c;
        memset(&a, 0, sizeof(a));
        memset(&b, 0, sizeof(b));
        memset(&c, 0, sizeof(c));
        assert_true(value_parse(type, &any, cases[i].text, &a, NULL));
        assert_true(value_parse(type, &any, cases[i].other, &b, NULL));
        value_copy(type, &b, &c);
        assert_true(value_equal(type, &b, &c));
        assert_false(value_equal(type, &a, &c));
        value_copy(type, &a, &c);
        assert_true(value_equal(type, &a, &c));
        value_fini(type, &a);
        assert_false(value_equal(type, &b, &c));
        value_fini(type, &b);
        value_fini(type, &c);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantities_have_units_and_no_wrap),
        cmocka_unit_test(limits_are_named_when_they_are_passed),
        cmocka_unit_test(ports_counts_and_modes_are_whole_numbers),
        cmocka_unit_test(a_share_is_written_in_whole_percent_and_kept_in_hundredths),
        cmocka_unit_test(choices_are_their_words),
        cmocka_unit_test(each_word_of_each_choice_is_shown_as_written),
        cmocka_unit_test(lists_split_at_commas_and_add_up),
        cmocka_unit_test(copies_are_equal_until_one_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
