/* rates.c — how fast the traffic flows now. See rates.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/rates.h"

#include "base/check.h"
#include "base/mem.h"

void
rates_add(struct rates *r, const struct workers_stats *stats, uint64_t now_us)
{
    CHECK(r->count <= RATES_SAMPLES && r->newest < RATES_SAMPLES);
    r->newest = r->count == 0 ? 0 : (r->newest + 1) % RATES_SAMPLES;
    r->count += r->count < RATES_SAMPLES ? 1 : 0;
    r->samples[r->newest].at_us = now_us;
    r->samples[r->newest].stats = *stats;
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

void
rates_get(const struct rates *r, struct rates_now *out)
{
    *out = (struct rates_now){0};
    if (r->count < 2) {
        return;
    }
    const uint32_t oldest = (r->newest + RATES_SAMPLES - (r->count - 1)) % RATES_SAMPLES;
    CHECK(oldest < RATES_SAMPLES && oldest != r->newest);
    const struct rates_sample *now = &r->samples[r->newest];
    const struct rates_sample *then = &r->samples[oldest];
    const struct workers_stats *a = &now->stats;
    const struct workers_stats *b = &then->stats;
    const uint64_t window_us = difference(now->at_us, then->at_us);
    if (window_us == 0) {
        return;
    }
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
    put_quantiles(&a->latency, &b->latency, out);
}
