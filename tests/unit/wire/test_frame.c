/* test_frame.c — a frame is a type, a length that counts itself, and a body. */
/* SPDX-License-Identifier: PostgreSQL */
#include "wire/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

static const struct {
    uint32_t len;
    uint64_t total_max;
    enum wire_result result;
} cases[] = {
    {0, UINT64_MAX, WIRE_BAD},
    {1, UINT64_MAX, WIRE_BAD},
    {3, UINT64_MAX, WIRE_BAD},
    {4, UINT64_MAX, WIRE_OK},
    {5, 6, WIRE_OK},
    {5, 5, WIRE_BAD},
    {4, 5, WIRE_OK},
    {4, 4, WIRE_BAD},
    {4, 0, WIRE_BAD},
    {0x7fffffff, UINT64_MAX, WIRE_OK},
    {0x80000000, UINT64_MAX, WIRE_OK},
    {0x80000000, 0x80000000, WIRE_BAD},
    {UINT32_MAX, UINT64_MAX, WIRE_OK},
    {UINT32_MAX, (uint64_t)UINT32_MAX + 1, WIRE_OK},
    {UINT32_MAX, UINT32_MAX, WIRE_BAD},
};

static void
a_length_is_within_its_limits_or_bad(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (unsigned byte = 0; byte < 256; byte += 51) {
            uint8_t header[WIRE_HEADER_LEN] = {(uint8_t)byte};
            be32_put(header + 1, cases[i].len);
            uint8_t type = 'x';
            uint64_t total = 42;
            const enum wire_result r =
                wire_peek(slice_of(header, sizeof(header)), cases[i].total_max, &type, &total);
            assert_int_equal(r, cases[i].result);
            assert_int_equal(type, r == WIRE_OK ? byte : 'x');
            assert_true(total == (r == WIRE_OK ? (uint64_t)cases[i].len + 1 : 42));
        }
    }
}

static void
less_than_a_header_is_not_enough(void **state)
{
    (void)state;
    static const uint8_t frame[] = {'Q', 0, 0, 0, 6, 'x', 0};
    struct guard guard = guard_new(16);
    for (size_t len = 0; len <= sizeof(frame); len++) {
        uint8_t type = 'x';
        uint64_t total = 42;
        const enum wire_result r = wire_peek(guard_put(&guard, frame, len), 100, &type, &total);
        assert_int_equal(r, len < WIRE_HEADER_LEN ? WIRE_MORE : WIRE_OK);
        assert_int_equal(type, r == WIRE_OK ? 'Q' : 'x');
        assert_int_equal(total, r == WIRE_OK ? sizeof(frame) : 42);
    }
    guard_free(&guard);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_length_is_within_its_limits_or_bad),
        cmocka_unit_test(less_than_a_header_is_not_enough),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
