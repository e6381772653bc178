/* test_health.c — when a server serves reads. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/health.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants those before it */
#include <cmocka.h>

/* Answers in order, + good and - bad, and whether reads are served after each. */
static void
a_failure_counts_at_once_and_a_recovery_takes_two(void **state)
{
    (void)state;
    static const struct {
        const char *answers;
        const char *serves;
    } rows[] = {
        {"+", "y"},       {"-+", "nn"},           {"-++", "nny"},
        {"+-++", "ynny"}, {"++-+-++", "yynnnny"}, {"-+++++-", "nnyyyyn"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct health h = {0};
        assert_false(health_serves_reads(&h));
        for (size_t k = 0; rows[i].answers[k] != '\0'; k++) {
            (rows[i].answers[k] == '+' ? health_good : health_bad)(&h);
            assert_int_equal(health_serves_reads(&h), rows[i].serves[k] == 'y');
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_counts_at_once_and_a_recovery_takes_two),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
