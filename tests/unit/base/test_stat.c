/* test_stat.c — a quantile is within 12.5 % of the true one. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/stat.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"

/* Never below the true value, never more than an eighth above it. */
static void
assert_close(uint64_t quantile, uint64_t value)
{
    assert_true(quantile >= value);
    assert_true(quantile - value <= value / 8 + (value < 8 ? 0 : 1));
}

static void
an_empty_histogram_says_0(void **state)
{
    (void)state;
    static struct stat_hist h;
    assert_int_equal(stat_hist_quantile_us(&h, 0.0), 0);
    assert_int_equal(stat_hist_quantile_us(&h, 0.5), 0);
    assert_int_equal(stat_hist_quantile_us(&h, 1.0), 0);
}

static void
counters_add_up(void **state)
{
    (void)state;
    static stat_counter c;
    stat_add(&c, 3);
    stat_add(&c, 0);
    stat_add(&c, UINT64_C(1) << 40);
    assert_true(stat_get(&c) == (UINT64_C(1) << 40) + 3);
}

static void
one_value_is_every_quantile(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 42; bit++) {
        for (int off = -1; off <= 1; off++) {
            static struct stat_hist h;
            memset(&h, 0, sizeof(h));
            const uint64_t value = (UINT64_C(1) << bit) + (uint64_t)(int64_t)off;
            stat_hist_add(&h, value);
            assert_close(stat_hist_quantile_us(&h, 0.0), value);
            assert_close(stat_hist_quantile_us(&h, 0.5), value);
            assert_close(stat_hist_quantile_us(&h, 1.0), value);
            assert_true(stat_get(&h.max_us) == value);
            assert_true(stat_get(&h.sum_us) == value);
            assert_true(stat_get(&h.count) == 1);
        }
    }
}

static void
values_below_8_are_exact(void **state)
{
    (void)state;
    for (uint64_t value = 0; value < 8; value++) {
        static struct stat_hist h;
        memset(&h, 0, sizeof(h));
        stat_hist_add(&h, value);
        assert_int_equal(stat_hist_quantile_us(&h, 0.5), value);
    }
}

static void
a_value_beyond_all_buckets_falls_into_the_last(void **state)
{
    (void)state;
    static struct stat_hist h;
    stat_hist_add(&h, UINT64_MAX);
    stat_hist_add(&h, UINT64_C(1) << 50);
    assert_true(stat_hist_quantile_us(&h, 1.0) == UINT64_C(1) << 42);
    assert_true(stat_get(&h.max_us) == UINT64_MAX);
    assert_true(stat_get(&h.buckets[STAT_HIST_BUCKETS - 1]) == 2);
}

static int
compare(const void *a, const void *b)
{
    const uint64_t x = *(const uint64_t *)a;
    const uint64_t y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static void
quantiles_are_within_an_eighth_of_the_true_ones(void **state)
{
    (void)state;
    enum { COUNT = 20000 };
    static uint64_t values[COUNT];
    static struct stat_hist whole, parts[3], merged;
    static const double quantiles[] = {0.0, 0.01, 0.25, 0.5, 0.9, 0.99, 0.999, 1.0};
    struct dice dice = {5};
    for (size_t i = 0; i < COUNT; i++) {
        /* As many in each power of two: latencies are like that. */
        values[i] = dice_u64(&dice) >> (64 - 1 - dice_below(&dice, 40));
        stat_hist_add(&whole, values[i]);
        stat_hist_add(&parts[dice_below(&dice, 3)], values[i]);
    }
    for (size_t i = 0; i < COUNT_OF(parts); i++) {
        stat_hist_merge(&merged, &parts[i]);
    }
    qsort(values, COUNT, sizeof(values[0]), compare);
    for (size_t i = 0; i < COUNT_OF(quantiles); i++) {
        const uint64_t exact = values[(size_t)(quantiles[i] * (COUNT - 1))];
        assert_close(stat_hist_quantile_us(&whole, quantiles[i]), exact);
        assert_true(stat_hist_quantile_us(&merged, quantiles[i]) ==
                    stat_hist_quantile_us(&whole, quantiles[i]));
    }
    assert_true(stat_get(&merged.count) == COUNT);
    assert_true(stat_get(&merged.sum_us) == stat_get(&whole.sum_us));
    assert_true(stat_get(&merged.max_us) == values[COUNT - 1]);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_empty_histogram_says_0),
        cmocka_unit_test(counters_add_up),
        cmocka_unit_test(one_value_is_every_quantile),
        cmocka_unit_test(values_below_8_are_exact),
        cmocka_unit_test(a_value_beyond_all_buckets_falls_into_the_last),
        cmocka_unit_test(quantiles_are_within_an_eighth_of_the_true_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
