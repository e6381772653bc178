/* measure.c — how far a follower is behind the writer. See measure.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/measure.h"

#include "base/check.h"

void
measure_fini(struct measure *m)
{
    lag_fini(&m->lag);
}

void
measure_forget(struct measure *m, uint64_t generation)
{
    CHECK(generation >= m->generation);
    m->generation = generation;
    lag_reset(&m->lag);
}

bool
measure_see_stream(struct measure *m, enum stream_kind stream, uint64_t generation)
{
    if (stream == m->stream || stream == STREAM_NONE) {
        return false;
    }
    m->stream = stream;
    measure_forget(m, generation);
    return true;
}

void
measure_sample(struct measure *m, const struct measure_answer *a)
{
    const struct answer *answer = a->answer;
    if (a->generation < m->generation || answer->in_recovery) {
        return;
    }
    if (m->stream == STREAM_PHYSICAL) {
        lag_add(&m->lag, (struct lag_sample){a->asked_us, a->now_us, answer->lsn, answer->flushed});
    } else if (m->stream == STREAM_LOGICAL && answer->beat_known) {
        lag_add(&m->lag, (struct lag_sample){a->asked_us, a->now_us, answer->beat, answer->beat});
    }
}

/* The bytes behind, when they are known. A logical follower that shows the newest heartbeat has
 * all; what its slot has confirmed comes late and is only looked at when it has not. */
static bool
bytes_behind(const struct measure *m, const struct lag_verdict *verdict,
             const struct measure_terms *terms, uint64_t *out)
{
    *out = 0;
    if (m->stream == STREAM_PHYSICAL) {
        *out = verdict->distance;
        return true;
    }
    if (verdict->caught_up) {
        return true;
    }
    *out = terms->backlog;
    return terms->backlog_known;
}

/* A heartbeat that the writer is not known to have sent, such as one of a marker that was made anew
 * since, proves nothing. */
static bool
may_be_read(const struct measure *m, const struct answer *answer)
{
    return m->stream == STREAM_PHYSICAL ||
           (answer->heard_known && answer->heard <= lag_newest_position(&m->lag));
}

void
measure_judge(struct measure *m, enum stream_kind stream, const struct measure_answer *a,
              const struct measure_terms *terms, struct measure_verdict *out)
{
    *out = (struct measure_verdict){.fresh_until_us = m->lag.fresh_until_us};
    const bool comparable = a->generation >= m->generation && stream == m->stream;
    if (!comparable || m->stream == STREAM_NONE || !may_be_read(m, a->answer)) {
        return;
    }
    const struct lag_reading reading = {
        .asked_us = a->asked_us,
        .now_us = a->now_us,
        .reached = m->stream == STREAM_PHYSICAL ? a->answer->lsn : a->answer->heard,
    };
    struct lag_verdict verdict;
    lag_read(&m->lag, &reading, &verdict);
    const bool recent = lag_newest_us(&m->lag) + terms->news_age_max_us >= a->now_us;
    out->fresh_until_us = m->lag.fresh_until_us;
    out->known = verdict.known && recent && bytes_behind(m, &verdict, terms, &out->bytes);
    out->bytes = out->known ? out->bytes : 0;
    out->us = out->known ? verdict.us : 0;
}
