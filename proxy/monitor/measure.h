/* measure.h — how far the follower is behind the writer, as answers of the two come in.
 *
 * Answers of the writer are samples, answers of the follower are compared with them (lag.h), and
 * the verdict becomes the follower's facts. Pure: no clock, no connection. Whenever something
 * changes that makes old samples worthless (another writer, another server, another kind of stream)
 * the generation grows, and an answer that was asked for in an earlier one does not count. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_MEASURE_H
#define TEAL_MONITOR_MEASURE_H

#include "monitor/facts.h"

struct measure {
    enum stream_kind stream; /* what the samples are of */
    uint64_t generation;
    struct lag lag;
};

/* An answer and when it came. */
struct measure_answer {
    const struct answer *answer; /* borrowed for the call */
    uint64_t asked_us;
    uint64_t now_us;
    uint64_t generation; /* of the measure when it was asked for */
};

/* What else the verdict about a follower depends on. */
struct measure_terms {
    struct lag_limits limits;
    uint64_t news_age_max_us; /* the newest sample must not be older */
    bool backlog_known;       /* the bytes that the slot to it has not got confirmed */
    uint64_t backlog;
};

/* Nothing measured so far counts any more, freshness included. The writer is never behind itself.
 */
void measure_forget(struct measure *m, struct monitor_facts *facts);
/* The samples are of one kind: begins anew when the follower follows in another way. A follower
 * that is away for a moment keeps its samples. */
void measure_see_stream(struct measure *m, struct monitor_facts *facts);
/* The writer has answered. */
void measure_sample(struct measure *m, const struct measure_answer *a);
/* The follower has answered: its lag and freshness become facts, or unknown. */
void measure_judge(struct measure *m, struct monitor_facts *facts, const struct measure_answer *a,
                   const struct measure_terms *terms);

#endif
