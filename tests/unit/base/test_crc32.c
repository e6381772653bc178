/* test_crc32.c — the checksum is the one that everybody calls CRC-32. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/crc32.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
the_check_value_is_that_of_the_standard(void **state)
{
    (void)state;
    assert_int_equal(crc32_of(slice_of_str("123456789")), 0xCBF43926u);
    assert_int_equal(crc32_of(SLICE_EMPTY), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_check_value_is_that_of_the_standard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
