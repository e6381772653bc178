/* test_base64.c — base64 has one spelling for each sequence of bytes. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* RFC 4648, section 10, and bytes that need + and /. */
static const struct {
    const char *bytes;
    const char *text;
} vectors[] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
};

static void
vectors_go_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vectors); i++) {
        struct buf text;
        uint8_t bytes[8];
        size_t len = 99;
        buf_init(&text);
        base64_put(&text, slice_of_str(vectors[i].bytes));
        assert_true(slice_equal_str(buf_slice(&text), vectors[i].text));
        assert_int_equal(BASE64_LEN(strlen(vectors[i].bytes)), strlen(vectors[i].text));
        assert_true(base64_decode(slice_of_str(vectors[i].text), bytes, sizeof(bytes), &len));
        assert_true(slice_equal_str(slice_of(bytes, len), vectors[i].bytes));
        buf_fini(&text);
    }
}

static void
other_spellings_are_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "Zg",   "Zg=",  "Z===", "====", "=",     "Zg==Zg==", "Zm9v ", " Zm9v",   "Zm9v\n",
        "Zm9-", "Zm9_", "Zh==", "Zm9=", "Zm9vY", "Z=9v",     "Zm=v",  "\x80m9v",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        uint8_t bytes[16];
        size_t len = 99;
        assert_false(base64_decode(slice_of_str(texts[i]), bytes, sizeof(bytes), &len));
        assert_int_equal(len, 0);
    }
}

static void
what_does_not_fit_is_refused(void **state)
{
    (void)state;
    uint8_t bytes[5];
    size_t len = 0;
    assert_false(base64_decode(slice_of_str("Zm9vYmFy"), bytes, sizeof(bytes), &len));
    assert_true(base64_decode(slice_of_str("Zm9vYmE="), bytes, sizeof(bytes), &len));
    assert_int_equal(len, 5);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_go_both_ways),
        cmocka_unit_test(other_spellings_are_refused),
        cmocka_unit_test(what_does_not_fit_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
