/* test_encoding.c — the bytes of a text, at every place of a word of eight. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/encoding.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

enum { LEN_MAX = 20 };

static void
some_encodings_are_not_read(void **state)
{
    (void)state;
    static const char *const unsafe[] = {"SJIS", "big5", "GBK", "UHC", "JOHAB", "gb18030"};
    static const char *const safe[] = {"UTF8", "LATIN1", "SQL_ASCII", "EUC_JP", "WIN1252"};
    for (size_t i = 0; i < COUNT_OF(unsafe); i++) {
        assert_false(sql_encoding_is_safe(unsafe[i]));
    }
    for (size_t i = 0; i < COUNT_OF(safe); i++) {
        assert_true(sql_encoding_is_safe(safe[i]));
    }
}

static const struct {
    const char *bytes;
    bool utf8;
    bool backslash;
} parts[] = {
    {"a", true, false},
    {"\\", true, true},
    {"\x7f", true, false},
    {"\xc3\xa9", true, false},
    {"\xe2\x82\xac", true, false},
    {"\xf0\x9f\x90\x98", true, false},
    {"\xc3", false, false},             /* cut */
    {"\xe9", false, false},             /* LATIN1 */
    {"\xc0\x80", false, false},         /* over-long */
    {"\xed\xa0\x80", false, false},     /* a surrogate */
    {"\xf4\x90\x80\x80", false, false}, /* beyond U+10FFFF */
    {"\xe9\\", false, true},
};

/* Each part at each place of each length, before the end of the readable memory. */
static void
bytes_are_found_wherever_they_are(void **state)
{
    (void)state;
    struct guard guard = guard_new(LEN_MAX);
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        const size_t part_len = strlen(parts[i].bytes);
        for (size_t len = part_len; len <= LEN_MAX; len++) {
            for (size_t at = 0; at + part_len <= len; at++) {
                char text[LEN_MAX];
                bool utf8;
                bool backslash;
                memset(text, 'x', len);
                memcpy(text + at, parts[i].bytes, part_len);
                const struct slice s = guard_put(&guard, text, len);
                assert_true(sql_text_check(s, &utf8, &backslash));
                assert_int_equal(utf8, parts[i].utf8);
                assert_int_equal(backslash, parts[i].backslash);
                assert_int_equal(sql_is_utf8(s), parts[i].utf8);
            }
        }
    }
    guard_free(&guard);
}

static void
a_nul_is_found_wherever_it_is(void **state)
{
    (void)state;
    struct guard guard = guard_new(LEN_MAX);
    for (size_t len = 1; len <= LEN_MAX; len++) {
        for (size_t at = 0; at < len; at++) {
            char text[LEN_MAX];
            bool utf8;
            bool backslash;
            memset(text, 'x', len);
            text[at] = '\0';
            assert_false(sql_text_check(guard_put(&guard, text, len), &utf8, &backslash));
        }
    }
    guard_free(&guard);
}

static void
nothing_is_utf8(void **state)
{
    (void)state;
    bool utf8;
    bool backslash;
    assert_true(sql_is_utf8(SLICE_EMPTY));
    assert_true(sql_text_check(SLICE_EMPTY, &utf8, &backslash));
    assert_true(utf8 && !backslash);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(some_encodings_are_not_read),
        cmocka_unit_test(bytes_are_found_wherever_they_are),
        cmocka_unit_test(a_nul_is_found_wherever_it_is),
        cmocka_unit_test(nothing_is_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
