/* lag.c — from samples of the writer and readings of the follower to lag and freshness. See lag.h.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/lag.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

enum { WAL_HEADER_SHORT = 24, WAL_HEADER_LONG = 40, SAMPLES_MIN = 32 };

void
lag_fini(struct lag *lag)
{
    mem_free(lag->samples);
    *lag = (struct lag){0};
}

void
lag_reset(struct lag *lag)
{
    lag->count = 0;
    lag->gap_us = 0;
    lag->fresh_until_us = 0;
    lag->unflushed = 0;
    lag->unflushed_since_us = 0;
}

/* Drops the first n samples. */
static void
lag_drop(struct lag *lag, size_t n)
{
    CHECK(n <= lag->count);
    lag->count -= n;
    memmove(lag->samples, lag->samples + n, lag->count * sizeof(lag->samples[0]));
    if (lag->count < LAG_SAMPLES_MAX / 4) {
        lag->gap_us = 0;
    }
}

/* Keeps the first and the newest, and of the rest every other one; those to come are kept as far
 * apart. */
static void
lag_thin(struct lag *lag)
{
    const struct lag_sample newest = lag->samples[lag->count - 1];
    size_t kept = 0;
    for (size_t i = 0; i < lag->count - 1; i += 2) {
        lag->samples[kept++] = lag->samples[i];
    }
    lag->samples[kept++] = newest;
    lag->count = kept;
    lag->gap_us = (newest.taken_us - lag->samples[0].taken_us) / kept;
    CHECK(lag->count < LAG_SAMPLES_MAX);
}

/* The newest stands too close behind the one before: it may give its place to a newer one. */
static bool
lag_is_dense(const struct lag *lag)
{
    return lag->count >= 2 &&
           lag->samples[lag->count - 1].taken_us - lag->samples[lag->count - 2].taken_us <
               lag->gap_us;
}

static void
lag_grow(struct lag *lag)
{
    lag->size = lag->size == 0 ? SAMPLES_MIN : lag->size * 2;
    lag->size = lag->size < LAG_SAMPLES_MAX ? lag->size : LAG_SAMPLES_MAX;
    lag->samples = xrealloc(lag->samples, lag->size * sizeof(*lag->samples));
}

static void
lag_see_flush(struct lag *lag, const struct lag_sample *sample)
{
    if (lag->unflushed_since_us != 0 && sample->flushed < lag->unflushed) {
        return;
    }
    const bool all = sample->flushed == sample->position;
    lag->unflushed = all ? 0 : sample->position;
    lag->unflushed_since_us = all ? 0 : sample->taken_us;
}

void
lag_add(struct lag *lag, struct lag_sample sample)
{
    CHECK(sample.taken_us != 0 && sample.taken_us <= sample.answered_us);
    CHECK(sample.flushed <= sample.position);
    if (lag->count > 0) {
        const struct lag_sample *newest = &lag->samples[lag->count - 1];
        CHECK(newest->taken_us <= sample.taken_us);
        if (sample.position < newest->position || sample.flushed < newest->flushed) {
            lag_reset(lag);
        }
    }
    lag_see_flush(lag, &sample);
    if (lag_is_dense(lag)) {
        lag->samples[lag->count - 1] = sample;
        return;
    }
    if (lag->count == LAG_SAMPLES_MAX) {
        lag_thin(lag);
    }
    if (lag->count == lag->size) {
        lag_grow(lag);
    }
    lag->samples[lag->count++] = sample;
}

/* The newest sample whose position was reached stays, for the distance. */
static void
lag_prove_freshness(struct lag *lag, uint64_t reached)
{
    size_t n = 0;
    while (n < lag->count && lag->samples[n].position <= reached) {
        n++;
    }
    if (n == 0) {
        return;
    }
    const uint64_t fresh_us = lag->samples[n - 1].taken_us;
    lag->fresh_until_us = fresh_us > lag->fresh_until_us ? fresh_us : lag->fresh_until_us;
    lag_drop(lag, n - 1);
}

void
lag_read(struct lag *lag, const struct lag_reading *reading, struct lag_verdict *out)
{
    CHECK(reading->asked_us <= reading->now_us);
    *out = (struct lag_verdict){0};
    if (lag->count == 0) {
        return;
    }
    lag_prove_freshness(lag, reading->reached);
    const uint64_t newest = lag->samples[lag->count - 1].flushed;
    out->known = true;
    out->distance = newest > reading->reached ? newest - reading->reached : 0;
    size_t missed_at = 0;
    while (missed_at < lag->count && lag->samples[missed_at].flushed <= reading->reached) {
        missed_at++;
    }
    out->caught_up =
        missed_at == lag->count || lag->samples[missed_at].answered_us > reading->asked_us;
    const uint64_t taken_us = out->caught_up ? reading->now_us : lag->samples[missed_at].taken_us;
    out->us = reading->now_us > taken_us ? reading->now_us - taken_us : 0;
}

uint64_t
lag_newest_us(const struct lag *lag)
{
    return lag->count == 0 ? 0 : lag->samples[lag->count - 1].taken_us;
}

uint64_t
lag_newest_position(const struct lag *lag)
{
    return lag->count == 0 ? 0 : lag->samples[lag->count - 1].position;
}

uint64_t
lag_unflushed_since_us(const struct lag *lag)
{
    return lag->unflushed_since_us;
}

uint64_t
lag_wal_end(uint64_t lsn, uint64_t wal_block_size)
{
    CHECK(wal_block_size > WAL_HEADER_LONG);
    const uint64_t offset = lsn % wal_block_size;
    /* A record of at least 24 bytes that begins on the page ends behind 48, so 24 is the header
     * alone; 40 may also be the tail of a record that began on the page before: nothing ends
     * between that tail and the page's begin, so a standby that has replayed up to the begin has
     * replayed the tail. */
    return offset == WAL_HEADER_SHORT || offset == WAL_HEADER_LONG ? lsn - offset : lsn;
}
