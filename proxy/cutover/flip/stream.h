/* stream.h — the streams between the sides, and the way back.
 *
 * A flip turns the direction around. Where both streams run (two-way) there is nothing to turn:
 * that the one back runs is proven. Where one runs at a time (one-way) its slot is moved to the tip
 * while writes are held, and its subscription is switched on behind the release. A promoted standby
 * has neither: its slot is made before any client may write, the subscriptions behind the release.
 *
 * A synchronous write on the target precedes the slot's advance: the slot moves to what is flushed,
 * and applied rows are flushed late. Without it they would be sent back to where they came from. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_STREAM_H
#define TEAL_CUTOVER_FLIP_STREAM_H

#include <stdbool.h>
#include <stdint.h>

#include "cutover/engine/script.h"
#include "cutover/types/kind.h"

struct stream {
    /* of the flip under way */
    bool missing; /* it goes without a way back */
    uint32_t slot_tries;
    /* kept from flip to flip */
    enum cutover_way_back way_back;
    bool given_up; /* by the last flip that committed: what follows it sets none up */
};

void stream_clear(struct cutover *c);
/* The flip that is resumed behind its release: without a way back if it had given it up. */
void stream_clear_after(struct cutover *c);
void stream_released(struct cutover *c);
void stream_set_way_back(struct cutover *c, enum cutover_way_back way_back);
/* "the way back is open": for the line at the end. */
const char *stream_summary(const struct cutover *c);
/* Makes the subscription of the place; with: its options behind slot_name. */
void stream_put_subscription(const struct cutover *c, struct place at, struct buf *sql,
                             const char *with);

/* Lines ahead of the hold: hints, which make the advance that counts a short one. */
line_write_fn stream_write_snapshot;
#define STREAM_SQL_SNAPSHOT_DROP                                                  \
    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE " \
    "slot_name = 'teal_ahead' AND active_pid = pg_backend_pid()"
line_judge_fn stream_judge_hint;

/* Lines of the way back, before the commit. */
line_write_fn stream_write_off, stream_write_flush, stream_write_advance;
line_judge_fn stream_judge_advance;
line_write_fn stream_write_slot_check, stream_write_worker_check;
line_judge_fn stream_judge_runs;

/* Lines of opening a promoted standby. */
line_write_fn stream_write_slot_create;
line_judge_fn stream_judge_slot_create;

/* Lines behind the release. */
line_applies_fn stream_has_way_back, stream_has_physical;
line_wants_fn stream_stands_back, stream_lacks;
line_write_fn stream_write_gone;
line_judge_fn stream_judge_gone;
line_write_fn stream_write_reverse_on, stream_write_subscribe_from, stream_write_slot_from,
    stream_write_subscribe_to;
line_call_fn stream_call_limit;
line_judge_fn stream_judge_up;
#define STREAM_SQL_OLD_SLOTS                                                        \
    "SELECT count(*), string_agg(slot_name, ', ') FROM pg_replication_slots WHERE " \
    "slot_type = 'physical' AND NOT active"
line_judge_fn stream_judge_old_slots;
line_call_fn stream_call_done;

/* Line of the undo. */
line_wants_fn stream_stands;
line_write_fn stream_write_on;

#endif
