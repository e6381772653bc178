/* rates.c — how fast the traffic flows now. See rates.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/rates.h"

#include "base/check.h"
#include "base/mem.h"
#include "base/rand.h"

void
rates_init(struct rates *r)
{
    *r = (struct rates){.ring = {.count = 0}};
    map_init(&r->databases, rand_u64());
}

void
rates_fini(struct rates *r)
{
    size_t at = 0;
    for (void *ring = map_next(&r->databases, &at); ring != NULL;
         ring = map_next(&r->databases, &at)) {
        mem_free(ring);
    }
    map_fini(&r->databases);
}

static void
ring_add(struct rates_ring *r, const struct workers_stats *stats, uint64_t now_us)
{
    CHECK(r->count <= RATES_SAMPLES && r->newest < RATES_SAMPLES);
    r->newest = r->count == 0 ? 0 : (r->newest + 1) % RATES_SAMPLES;
    r->count += r->count < RATES_SAMPLES ? 1 : 0;
    r->at_us[r->newest] = now_us;
    r->counts[r->newest] = (struct rates_counts){
        .logins = stats->logins,
        .xacts = stats->xacts,
        .queries = stats->queries,
        .bytes_received = stats->bytes_received,
        .bytes_sent = stats->bytes_sent,
        .xact_time_us = stats->xact_time_us,
        .query_time_us = stats->query_time_us,
        .wait_time_us = stats->wait_time_us,
        .assignments = stats->assignments,
        .client_parses = stats->client_parses,
        .server_parses = stats->server_parses,
        .binds = stats->binds,
    };
}

void
rates_add(struct rates *r, const struct workers_stats *stats, uint64_t now_us)
{
    ring_add(&r->ring, stats, now_us);
    r->latency[r->ring.newest] = stats->latency;
}

void
rates_add_database(struct rates *r, const struct workers_database *database, uint64_t now_us)
{
    struct rates_ring *ring = map_get(&r->databases, slice_of_str(database->alias));
    if (ring == NULL) {
        ring = xcalloc(1, sizeof(*ring));
        CHECK(map_put(&r->databases, slice_of_str(database->alias), ring) == NULL);
    }
    ring_add(ring, &database->stats, now_us);
}

static uint64_t
difference(uint64_t now, uint64_t before)
{
    return now > before ? now - before : 0;
}

static uint64_t
per_second(uint64_t now, uint64_t before, uint64_t window_us)
{
    CHECK(window_us > 0);
    const double seconds = (double)window_us / 1e6;
    return (uint64_t)((double)difference(now, before) / seconds + 0.5);
}

static uint64_t
mean(uint64_t sum_now, uint64_t sum_before, uint64_t count_now, uint64_t count_before)
{
    const uint64_t count = difference(count_now, count_before);
    return count == 0 ? 0 : difference(sum_now, sum_before) / count;
}

/* The histogram of the window alone. */
static void
put_quantiles(const struct stat_hist *now, const struct stat_hist *before, struct rates_now *out)
{
    struct stat_hist *window = xcalloc(1, sizeof(*window));
    for (uint32_t i = 0; i < STAT_HIST_BUCKETS; i++) {
        stat_add(&window->buckets[i],
                 difference(stat_get(&now->buckets[i]), stat_get(&before->buckets[i])));
    }
    out->p50_us = stat_hist_quantile_us(window, 0.5);
    out->p99_us = stat_hist_quantile_us(window, 0.99);
    out->max_us = stat_get(&now->max_us);
    mem_free(window);
}

/* The place of the oldest sample, when there are two that are apart. */
static bool
oldest_of(const struct rates_ring *r, uint32_t *out)
{
    if (r->count < 2) {
        return false;
    }
    *out = (r->newest + RATES_SAMPLES - (r->count - 1)) % RATES_SAMPLES;
    CHECK(*out < RATES_SAMPLES && *out != r->newest);
    return r->at_us[r->newest] > r->at_us[*out];
}

static void
ring_get(const struct rates_ring *r, uint32_t oldest, struct rates_now *out)
{
    const struct rates_counts *a = &r->counts[r->newest];
    const struct rates_counts *b = &r->counts[oldest];
    const uint64_t window_us = difference(r->at_us[r->newest], r->at_us[oldest]);
    out->window_us = window_us;
    out->xacts_per_s = per_second(a->xacts, b->xacts, window_us);
    out->queries_per_s = per_second(a->queries, b->queries, window_us);
    out->assignments_per_s = per_second(a->assignments, b->assignments, window_us);
    out->client_parses_per_s = per_second(a->client_parses, b->client_parses, window_us);
    out->server_parses_per_s = per_second(a->server_parses, b->server_parses, window_us);
    out->binds_per_s = per_second(a->binds, b->binds, window_us);
    out->logins_per_s = per_second(a->logins, b->logins, window_us);
    out->received_per_s = per_second(a->bytes_received, b->bytes_received, window_us);
    out->sent_per_s = per_second(a->bytes_sent, b->bytes_sent, window_us);
    out->wait_time_per_s = per_second(a->wait_time_us, b->wait_time_us, window_us);
    out->xact_time_us = mean(a->xact_time_us, b->xact_time_us, a->xacts, b->xacts);
    out->query_time_us = mean(a->query_time_us, b->query_time_us, a->queries, b->queries);
}

void
rates_get(const struct rates *r, struct rates_now *out)
{
    uint32_t oldest;
    *out = (struct rates_now){0};
    if (oldest_of(&r->ring, &oldest)) {
        ring_get(&r->ring, oldest, out);
        put_quantiles(&r->latency[r->ring.newest], &r->latency[oldest], out);
    }
}

void
rates_get_database(const struct rates *r, const char *alias, struct rates_now *out)
{
    const struct rates_ring *ring = map_get(&r->databases, slice_of_str(alias));
    uint32_t oldest;
    *out = (struct rates_now){0};
    if (ring != NULL && oldest_of(ring, &oldest)) {
        ring_get(ring, oldest, out);
    }
}
