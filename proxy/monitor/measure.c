/* measure.c — how far the follower is behind the writer. See measure.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/measure.h"

void
measure_forget(struct measure *m, struct monitor_facts *facts)
{
    m->generation++;
    lag_reset(&m->lag);
    for (int side = 0; side < SIDES_COUNT; side++) {
        struct node_facts *node = &facts->side[side].node[0];
        const bool is_writer = facts->writer_known && facts->writer == (enum side)side;
        node->fresh_until_us = 0;
        facts_forget_lag(node);
        if (is_writer && node->up) {
            facts_set_lag(node, 0, 0, (struct lag_limits){0, 0});
        }
    }
}

void
measure_see_stream(struct measure *m, struct monitor_facts *facts)
{
    enum stream_kind stream = STREAM_NONE;
    if (facts->writer_known) {
        const enum side writer = facts->writer;
        stream = facts_stream(facts_lead(facts, writer), facts_lead(facts, side_other(writer)));
    }
    if (stream != m->stream && stream != STREAM_NONE) {
        m->stream = stream;
        measure_forget(m, facts);
    }
}

void
measure_sample(struct measure *m, const struct measure_answer *a)
{
    const struct answer *answer = a->answer;
    CHECK(a->generation <= m->generation);
    if (a->generation != m->generation || answer->in_recovery) {
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
measure_judge(struct measure *m, struct monitor_facts *facts, const struct measure_answer *a,
              const struct measure_terms *terms)
{
    CHECK(facts->writer_known);
    const struct node_facts *writer = facts_lead(facts, facts->writer);
    struct node_facts *follower = &facts->side[side_other(facts->writer)].node[0];
    facts_forget_lag(follower);
    const bool comparable =
        a->generation == m->generation && facts_stream(writer, follower) == m->stream;
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

    follower->fresh_until_us = m->lag.fresh_until_us;
    const bool recent = lag_newest_us(&m->lag) + terms->news_age_max_us >= a->now_us;
    uint64_t bytes;
    if (verdict.known && recent && bytes_behind(m, &verdict, terms, &bytes)) {
        facts_set_lag(follower, bytes, verdict.us, terms->limits);
    }
}
