/* rates.h — how fast the traffic flows now: differences of the workers' counters over the last
 * seconds; of all, and of each database. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_RATES_H
#define TEAL_ADMIN_RATES_H

#include <stdint.h>

#include "base/map.h"
#include "session/workers.h"

/* One sample a second, so the window is ten seconds. */
enum { RATES_SAMPLES = 11 };

/* The counters that rates are made of; a histogram would be much for each of many databases. */
struct rates_counts {
    uint64_t logins, xacts, queries, bytes_received, bytes_sent;
    uint64_t xact_time_us, query_time_us, wait_time_us;
    uint64_t assignments, client_parses, server_parses, binds;
};

/* The last samples: a ring. */
struct rates_ring {
    uint64_t at_us[RATES_SAMPLES];
    struct rates_counts counts[RATES_SAMPLES];
    uint32_t count;
    uint32_t newest;
};

struct rates {
    struct rates_ring ring;
    struct stat_hist latency[RATES_SAMPLES]; /* in the places of the ring */
    struct map databases; /* what clients say -> struct rates_ring, owned; never fewer */
};

/* Means over the window; all 0 before there are two samples. Times in microseconds. */
struct rates_now {
    uint64_t window_us;
    uint64_t xacts_per_s, queries_per_s, logins_per_s;
    uint64_t assignments_per_s, client_parses_per_s, server_parses_per_s, binds_per_s;
    uint64_t received_per_s, sent_per_s;
    uint64_t xact_time_us, query_time_us; /* a transaction, a query */
    uint64_t wait_time_per_s;
    /* Of transactions; max is since the start. Not of single databases. */
    uint64_t p50_us, p99_us, max_us;
};

void rates_init(struct rates *r);
void rates_fini(struct rates *r);

void rates_add(struct rates *r, const struct workers_stats *stats, uint64_t now_us);
void rates_add_database(struct rates *r, const struct workers_database *database, uint64_t now_us);
void rates_get(const struct rates *r, struct rates_now *out);
/* All 0 when nothing is known of it. */
void rates_get_database(const struct rates *r, const char *alias, struct rates_now *out);

#endif
