/* test_cancels.c — limits on CancelRequests, by the second. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/cancels.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { SECOND_US = 1000 * 1000 };

static uint32_t
admitted(struct cancels *c, const char *source, uint64_t now_us, uint32_t asked)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < asked; i++) {
        count += cancels_admit(c, slice_of_str(source), now_us, 20, 8) ? 1 : 0;
    }
    return count;
}

static void
one_source_has_its_share_of_a_second(void **state)
{
    (void)state;
    struct cancels c;
    cancels_init(&c);
    assert_int_equal(admitted(&c, "10.0.0.1", 5 * SECOND_US, 100), 8);
    assert_int_equal(admitted(&c, "10.0.0.1", 6 * SECOND_US - 1, 100), 0);
    assert_int_equal(admitted(&c, "10.0.0.1", 6 * SECOND_US, 100), 8);
    cancels_fini(&c);
}

static void
all_together_have_the_limit_of_all(void **state)
{
    (void)state;
    static const char *const sources[] = {"10.0.0.1", "10.0.0.2", "[::1]", "unix", "10.0.0.3"};
    struct cancels c;
    cancels_init(&c);
    uint32_t count = 0;
    for (size_t i = 0; i < COUNT_OF(sources); i++) {
        count += admitted(&c, sources[i], 5 * SECOND_US, 100);
    }
    /* Two that fall into one place share its limit; five never fall into fewer than one. */
    assert_in_range(count, 8, 20);
    assert_int_equal(c.all, count);
    assert_int_equal(c.dropped, 500 - count);
    cancels_fini(&c);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_source_has_its_share_of_a_second),
        cmocka_unit_test(all_together_have_the_limit_of_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
