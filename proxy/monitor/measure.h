/* measure.h — how far a follower is behind the writer, as answers of the two come in.
 *
 * Each server that follows the writer has a measure of its own. Answers of the writer are samples,
 * answers of the follower are compared with them (lag.h). Pure: no clock, no connection, no facts.
 * Whenever something changes that makes old samples worthless (another writer, another server,
 * another kind of stream) the measure is of a new generation, and an answer that was asked for in
 * an earlier one does not count. Generations are numbers that only grow, of all measures
 * together. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_MEASURE_H
#define TEAL_MONITOR_MEASURE_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor/lag.h"
#include "monitor/question.h"
#include "monitor/stream.h"

/* All zero is a good beginning. */
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
    uint64_t generation; /* the newest when it was asked for */
};

/* What else the verdict about a follower depends on. */
struct measure_terms {
    uint64_t news_age_max_us; /* the newest sample must not be older */
    bool backlog_known;       /* the bytes that the slot to it has not got confirmed */
    uint64_t backlog;
};

struct measure_verdict {
    bool known; /* bytes and us are */
    uint64_t bytes;
    uint64_t us;
    uint64_t fresh_until_us; /* as in node_facts; not only when known */
};

void measure_fini(struct measure *m);
/* Nothing measured so far counts any more, freshness included. */
void measure_forget(struct measure *m, uint64_t generation);
/* The samples are of one kind: begins anew when the follower follows in another way, which is told
 * by true. A follower that is away for a moment (STREAM_NONE) keeps its samples. */
bool measure_see_stream(struct measure *m, enum stream_kind stream, uint64_t generation);
/* The writer has answered. */
void measure_sample(struct measure *m, const struct measure_answer *a);
/* The follower has answered, and follows in that way now. */
void measure_judge(struct measure *m, enum stream_kind stream, const struct measure_answer *a,
                   const struct measure_terms *terms, struct measure_verdict *out);

#endif
