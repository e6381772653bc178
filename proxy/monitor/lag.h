/* lag.h — from samples of the writer and readings of the follower to lag and freshness.
 *
 * A sample says: the question was sent to the writer at taken_us, and the writer's position was
 * then at least `position`, of which `flushed` was on its disk. Every commit that was acknowledged
 * before taken_us lies at or before `position`, also one with synchronous_commit=off, which may lie
 * behind `flushed`; but only what is flushed is sent to a standby. So freshness is judged by the
 * one and lag by the other: a session that is idle in a transaction after a write keeps the two
 * apart for as long as it likes, and the follower is not to blame. A reading says how far the
 * follower had come. Positions are LSNs for a standby, the number of the heartbeat (twice) for a
 * logical follower; the arithmetic is the same.
 *
 *     samples   t1/p1/f1   t2/p2/f2   t3/p3/f3   t4/p4/f4      (all only grow, f <= p)
 *     reading   reached = p2, which is before f3
 *     verdict   fresh until t2; behind by now - t3, the age of the first sample not reached
 *
 * That the writer will have flushed `position` some time later is no proof: its disk may stall for
 * as long as it likes. So freshness waits for the follower to show `position` itself, and a caller
 * that wants it to move on makes the writer flush (lag_unflushed_since_us).
 *
 * No clock of another machine takes part, and an idle writer shows 0: its newest position is
 * reached. Samples that were answered after the follower was asked do not count as missed, for the
 * follower could not know of them. Seconds are measured from the first sample on: of a follower
 * that was behind before, they show only the time watched, while the bytes are right from the
 * start.
 *
 * Pure: no clock, no socket. Memory is bounded; when a follower stays behind for long, the older
 * samples are thinned out, never the oldest, so that freshness errs to the earlier side, and the
 * age by no more than the distance between two samples that were kept. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_LAG_H
#define TEAL_MONITOR_LAG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { LAG_SAMPLES_MAX = 4096 };

struct lag_sample {
    uint64_t taken_us;    /* before the question was sent to the writer */
    uint64_t answered_us; /* when the answer was here */
    uint64_t position;    /* everything acknowledged before taken_us is in it */
    uint64_t flushed;     /* at most position: what a follower can have been sent */
};

/* Invariant: samples are in order of taken_us, of position and of flushed; those before the newest
 * one whose position was reached are gone. All zero is a good beginning. */
struct lag {
    struct lag_sample *samples; /* owned; grows with what is needed, NULL at the beginning */
    size_t size;
    size_t count;
    uint64_t gap_us; /* the newest may be replaced while it is closer to the one before; 0: all are
                        kept */
    uint64_t fresh_until_us; /* 0: nothing is proven */
    /* The first position that was seen not flushed, while none behind it is known to be. */
    uint64_t unflushed;
    uint64_t unflushed_since_us; /* when its sample was taken; 0: all seen is flushed */
};

struct lag_reading {
    uint64_t asked_us; /* before the question was sent to the follower */
    uint64_t now_us;
    uint64_t reached; /* the follower's position */
};

struct lag_verdict {
    bool known;     /* false: there is no sample to compare with; the rest is then 0 */
    bool caught_up; /* no sample that counts is missed */
    uint64_t us;
    uint64_t distance; /* newest flushed minus reached; 0 when reached is not behind */
};

void lag_fini(struct lag *lag);
/* Forgets everything, freshness included: another writer, or another or a restarted follower. */
void lag_reset(struct lag *lag);
/* A sample that goes back in a position (the writer is another one than before) forgets everything
 * first. */
void lag_add(struct lag *lag, struct lag_sample sample);
void lag_read(struct lag *lag, const struct lag_reading *reading, struct lag_verdict *out);
/* When the newest sample was taken, and its position; 0 when there is none. */
uint64_t lag_newest_us(const struct lag *lag);
uint64_t lag_newest_position(const struct lag *lag);
/* Since when the writer has left something unflushed, as far as the samples tell; 0 when all they
 * saw is flushed. A busy writer shows the small age of what it inserted last. */
uint64_t lag_unflushed_since_us(const struct lag *lag);

/* The end of the last record for an insert position; a flushed one stays the place it is. Where a
 * page begins, the insert position already stands behind the page header (24 bytes, 40 on the first
 * page of a segment), but a standby's replay position stays in front of it until a record follows:
 * without this an idle pair could look behind without end. */
uint64_t lag_wal_end(uint64_t lsn, uint64_t wal_block_size);

#endif
