/* test_retry.c — the pause after failures grows, has an end, and is forgotten with a success. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/retry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

enum { NOW_US = 1000000, MAX_US = 5000000 };

static struct opening_failure
failure_of(const char *text)
{
    struct opening_failure f = {.kind = OPENING_UNREACHABLE};
    (void)err_set(&f.err, SQLSTATE_CANNOT_CONNECT_NOW, "%s", text);
    return f;
}

static void
without_a_failure_an_attempt_is_due(void **state)
{
    (void)state;
    const struct retry r = {.failed = false};
    assert_true(retry_is_due(&r, 0));
}

static void
the_pause_doubles_up_to_the_whole(void **state)
{
    (void)state;
    const uint64_t wanted_us[] = {200000, 400000, 800000, 1600000, 3200000, MAX_US, MAX_US, MAX_US};
    const struct opening_failure f = failure_of("down");
    struct retry r = {.failed = false};
    for (size_t i = 0; i < COUNT_OF(wanted_us); i++) {
        retry_note(&r, &f, NOW_US, MAX_US);
        const uint64_t pause_us = r.at_us - NOW_US;
        assert_in_range(pause_us, wanted_us[i] - wanted_us[i] / 5, wanted_us[i]);
        assert_false(retry_is_due(&r, r.at_us - 1));
        assert_true(retry_is_due(&r, r.at_us));
    }
}

static void
the_last_answer_is_kept_until_the_reset(void **state)
{
    (void)state;
    const struct opening_failure first = failure_of("first");
    const struct opening_failure second = failure_of("second");
    struct retry r = {.failed = false};
    retry_note(&r, &first, NOW_US, MAX_US);
    retry_note(&r, &second, NOW_US, MAX_US);
    assert_true(r.failed);
    assert_string_equal(r.last.err.text, "second");
    retry_reset(&r);
    assert_false(r.failed);
    assert_true(retry_is_due(&r, NOW_US));
    retry_note(&r, &first, NOW_US, MAX_US);
    assert_in_range(r.at_us - NOW_US, MAX_US / 25 - MAX_US / 125, MAX_US / 25);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_a_failure_an_attempt_is_due),
        cmocka_unit_test(the_pause_doubles_up_to_the_whole),
        cmocka_unit_test(the_last_answer_is_kept_until_the_reset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
