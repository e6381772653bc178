/* rates.h — how fast the traffic flows now: differences of the workers' counters over the last
 * seconds. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_RATES_H
#define TEAL_ADMIN_RATES_H

#include <stdint.h>

#include "session/workers.h"

/* One sample a second, so the window is ten seconds. */
enum { RATES_SAMPLES = 11 };

struct rates_sample {
    uint64_t at_us;
    struct workers_stats stats;
};

struct rates {
    struct rates_sample samples[RATES_SAMPLES]; /* a ring */
    uint32_t count;
    uint32_t newest;
};

/* Means over the window; all 0 before there are two samples. Times in microseconds. */
struct rates_now {
    uint64_t window_us;
    uint64_t xacts_per_s, queries_per_s, logins_per_s;
    uint64_t assignments_per_s, client_parses_per_s, server_parses_per_s, binds_per_s;
    uint64_t received_per_s, sent_per_s;
    uint64_t xact_time_us, query_time_us; /* a transaction, a query */
    uint64_t wait_time_per_s;
    uint64_t p50_us, p99_us, max_us; /* of transactions; max is since the start */
};

void rates_add(struct rates *r, const struct workers_stats *stats, uint64_t now_us);
void rates_get(const struct rates *r, struct rates_now *out);

#endif
