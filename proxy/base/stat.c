/* stat.c — counters and a latency histogram. See stat.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/stat.h"

#include <stddef.h>

#include "base/check.h"

void
stat_add(stat_counter *c, uint64_t n)
{
    const uint64_t before = atomic_load_explicit(c, memory_order_relaxed);
    atomic_store_explicit(c, before + n, memory_order_relaxed);
}

uint64_t
stat_get(const stat_counter *c)
{
    return atomic_load_explicit(c, memory_order_relaxed);
}

/* Values below 8 have a bucket each; above, 3 bits behind the highest one choose the bucket. */
static size_t
bucket_of(uint64_t us)
{
    if (us < 8) {
        return (size_t)us;
    }
    const unsigned high = 63U - (unsigned)__builtin_clzll(us);
    const size_t bucket = (size_t)(high - 2) * 8 + (size_t)(us >> (high - 3) & 7);
    return bucket < STAT_HIST_BUCKETS ? bucket : STAT_HIST_BUCKETS - 1;
}

static uint64_t
bucket_upper_us(size_t bucket)
{
    if (bucket < 8) {
        return bucket;
    }
    const unsigned high = (unsigned)(bucket / 8) + 2;
    return ((uint64_t)(8 + bucket % 8) + 1) << (high - 3);
}

void
stat_hist_add(struct stat_hist *h, uint64_t us)
{
    stat_add(&h->buckets[bucket_of(us)], 1);
    stat_add(&h->count, 1);
    stat_add(&h->sum_us, us);
    if (us > stat_get(&h->max_us)) {
        atomic_store_explicit(&h->max_us, us, memory_order_relaxed);
    }
}

void
stat_hist_merge(struct stat_hist *sum, const struct stat_hist *from)
{
    for (size_t i = 0; i < STAT_HIST_BUCKETS; i++) {
        stat_add(&sum->buckets[i], stat_get(&from->buckets[i]));
    }
    stat_add(&sum->count, stat_get(&from->count));
    stat_add(&sum->sum_us, stat_get(&from->sum_us));
    if (stat_get(&from->max_us) > stat_get(&sum->max_us)) {
        atomic_store_explicit(&sum->max_us, stat_get(&from->max_us), memory_order_relaxed);
    }
}

uint64_t
stat_hist_quantile_us(const struct stat_hist *h, double q)
{
    CHECK(q >= 0.0 && q <= 1.0);
    uint64_t total = 0;
    for (size_t i = 0; i < STAT_HIST_BUCKETS; i++) {
        total += stat_get(&h->buckets[i]);
    }
    if (total == 0) {
        return 0;
    }
    const uint64_t rank = (uint64_t)(q * (double)(total - 1)) + 1;
    uint64_t seen = 0;
    for (size_t i = 0; i < STAT_HIST_BUCKETS; i++) {
        seen += stat_get(&h->buckets[i]);
        if (seen >= rank) {
            return bucket_upper_us(i);
        }
    }
    UNREACHABLE();
}
