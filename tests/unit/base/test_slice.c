/* test_slice.c — readers stop at the end, whatever a length says. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/slice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

static const uint8_t numbers[] = {0x01, 0x02, 0x03, 0x04, 0x80, 0xff, 0x00, 0x7f};

/* A reader of fixed width: its result as 32 bits. */
static bool
take_number(struct slice *in, size_t width, uint32_t *out)
{
    uint8_t byte = 0;
    uint16_t half = 0;
    bool ok = false;
    switch (width) {
    case 1:
        ok = slice_take_u8(in, &byte);
        *out = byte;
        return ok;
    case 2:
        ok = slice_take_u16(in, &half);
        *out = half;
        return ok;
    default:
        return slice_take_u32(in, out);
    }
}

static void
integers_are_big_endian_and_move_the_slice(void **state)
{
    (void)state;
    static const struct {
        size_t at, width;
        uint32_t value;
    } cases[] = {
        {0, 1, 0x01},   {4, 1, 0x80},       {0, 2, 0x0102},     {4, 2, 0x80ff},
        {6, 2, 0x007f}, {0, 4, 0x01020304}, {4, 4, 0x80ff007f}, {3, 4, 0x0480ff00},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice in = slice_of(numbers + cases[i].at, sizeof(numbers) - cases[i].at);
        const struct slice before = in;
        uint32_t value = 0;
        assert_true(take_number(&in, cases[i].width, &value));
        assert_int_equal(value, cases[i].value);
        assert_ptr_equal(in.p, before.p + cases[i].width);
        assert_int_equal(in.len, before.len - cases[i].width);
    }
}

static void
an_integer_that_is_not_all_there_is_not_taken(void **state)
{
    (void)state;
    static const size_t widths[] = {1, 2, 4};
    struct guard guard = guard_new(16);
    for (size_t i = 0; i < COUNT_OF(widths); i++) {
        for (size_t len = 0; len <= widths[i]; len++) {
            struct slice in = guard_put(&guard, numbers, len);
            const struct slice before = in;
            uint32_t value;
            const bool ok = take_number(&in, widths[i], &value);
            assert_int_equal(ok, len == widths[i]);
            assert_ptr_equal(in.p, before.p + (ok ? len : 0));
            assert_int_equal(in.len, ok ? 0 : len);
        }
    }
    guard_free(&guard);
}

static void
a_length_beyond_the_end_takes_nothing(void **state)
{
    (void)state;
    static const size_t too_long[] = {9, 10, SIZE_MAX / 2, SIZE_MAX - 7, SIZE_MAX};
    struct slice in = slice_of(numbers, sizeof(numbers));
    struct slice out = SLICE_EMPTY;
    for (size_t i = 0; i < COUNT_OF(too_long); i++) {
        assert_false(slice_take(&in, too_long[i], &out));
        assert_ptr_equal(in.p, numbers);
        assert_int_equal(in.len, sizeof(numbers));
        assert_null(out.p);
    }
    assert_true(slice_take(&in, 8, &out));
    assert_ptr_equal(out.p, numbers);
    assert_int_equal(out.len, 8);
    assert_int_equal(in.len, 0);
    assert_true(slice_take(&in, 0, &out));
    assert_int_equal(out.len, 0);
}

static void
nothing_can_be_taken_from_nothing(void **state)
{
    (void)state;
    struct slice in = SLICE_EMPTY;
    struct slice out;
    uint32_t value;
    assert_false(take_number(&in, 1, &value));
    assert_false(take_number(&in, 2, &value));
    assert_false(take_number(&in, 4, &value));
    assert_false(slice_take_cstr(&in, &out));
    assert_true(slice_take(&in, 0, &out));
    assert_int_equal(out.len, 0);
    assert_null(in.p);
}

static void
a_string_ends_at_its_nul_or_is_none(void **state)
{
    (void)state;
    static const uint8_t text[] = "ab\0\0c";
    struct guard guard = guard_new(16);
    struct slice in = guard_put(&guard, text, sizeof(text));
    struct slice out;
    static const char *const strings[] = {"ab", "", "c"};
    for (size_t i = 0; i < COUNT_OF(strings); i++) {
        assert_true(slice_take_cstr(&in, &out));
        assert_true(slice_equal_str(out, strings[i]));
        assert_int_equal(out.p[out.len], 0);
    }
    assert_int_equal(in.len, 0);
    assert_false(slice_take_cstr(&in, &out));
    in = guard_put(&guard, "abc", 3);
    assert_false(slice_take_cstr(&in, &out));
    assert_int_equal(in.len, 3);
    guard_free(&guard);
}

static void
what_was_put_is_read_back(void **state)
{
    (void)state;
    static const uint32_t values[] = {0, 1, 0x7f, 0x80, 0xff00, 0x7fffffff, 0x80000000, UINT32_MAX};
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        uint8_t bytes[4];
        be32_put(bytes, values[i]);
        assert_int_equal(be32_at(bytes), values[i]);
        be16_put(bytes, (uint16_t)values[i]);
        assert_int_equal(be16_at(bytes), (uint16_t)values[i]);
    }
}

static void
equality_is_of_length_and_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool same, same_nocase;
    } cases[] = {
        {"", "", true, true},
        {"a", "", false, false},
        {"", "a", false, false},
        {"select", "select", true, true},
        {"SeLeCt", "sElEcT", false, true},
        {"select", "select ", false, false},
        {"[", "{", false, false}, /* not letters, though they differ in the same bit */
        {"@", "`", false, false},
        {"\xc3\x84", "\xc3\xa4", false, false},
        {"Z", "z", false, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct slice a = slice_of_str(cases[i].a);
        assert_int_equal(slice_equal(a, slice_of_str(cases[i].b)), cases[i].same);
        assert_int_equal(slice_equal_str(a, cases[i].b), cases[i].same);
        assert_int_equal(slice_equal_nocase(a, cases[i].b), cases[i].same_nocase);
    }
    assert_true(slice_equal(SLICE_EMPTY, slice_of("x", 0)));
    assert_false(slice_equal_str(slice_of("a\0b", 3), "a"));
}

/* The low bits choose a place in a table: numbers in a row must not all fall together. */
static void
the_hash_depends_on_the_seed_and_spreads(void **state)
{
    (void)state;
    enum { PLACES = 256, KEYS = 4096 };
    static unsigned hits[PLACES];
    for (uint64_t i = 0; i < KEYS; i++) {
        hits[slice_hash(slice_of(&i, sizeof(i)), 1) % PLACES]++;
    }
    for (size_t i = 0; i < PLACES; i++) {
        assert_in_range(hits[i], 1, 4 * KEYS / PLACES);
    }
    const struct slice key = slice_of_str("key");
    assert_true(slice_hash(key, 1) == slice_hash(key, 1));
    assert_true(slice_hash(key, 1) != slice_hash(key, 2));
    assert_true(slice_hash(SLICE_EMPTY, 1) == slice_hash(slice_of("x", 0), 1));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(integers_are_big_endian_and_move_the_slice),
        cmocka_unit_test(an_integer_that_is_not_all_there_is_not_taken),
        cmocka_unit_test(a_length_beyond_the_end_takes_nothing),
        cmocka_unit_test(nothing_can_be_taken_from_nothing),
        cmocka_unit_test(a_string_ends_at_its_nul_or_is_none),
        cmocka_unit_test(what_was_put_is_read_back),
        cmocka_unit_test(equality_is_of_length_and_bytes),
        cmocka_unit_test(the_hash_depends_on_the_seed_and_spreads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
