/* stat.h — counters and a latency histogram that one thread writes and any thread reads.
 *
 * A counter is a relaxed atomic with a single writer: an increment is a plain load and store, no
 * lock prefix. The histogram has 8 buckets for each power of two of microseconds, so a quantile is
 * within 12.5 %. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_STAT_H
#define TEAL_BASE_STAT_H

#include <stdatomic.h>
#include <stdint.h>

typedef _Atomic uint64_t stat_counter;

void stat_add(stat_counter *c, uint64_t n);
uint64_t stat_get(const stat_counter *c);

enum { STAT_HIST_BUCKETS = 8 * 40 };

struct stat_hist {
    stat_counter buckets[STAT_HIST_BUCKETS];
    stat_counter count;
    stat_counter sum_us;
    stat_counter max_us;
};

void stat_hist_add(struct stat_hist *h, uint64_t us);
/* Adds what from holds to sum, so that workers' histograms become one. */
void stat_hist_merge(struct stat_hist *sum, const struct stat_hist *from);
/* The upper bound of the bucket that holds the quantile q (0..1), in microseconds; 0 when empty. */
uint64_t stat_hist_quantile_us(const struct stat_hist *h, double q);

#endif
