/* finish.h — FINISH: takes the replication down after a cutover.
 *
 * It drops the streams, way back included; the schema stays. The old side stays fenced. A follower
 * that does not answer keeps what Teal made there. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_SETUP_FINISH_H
#define TEAL_CUTOVER_SETUP_FINISH_H

#include "cutover/engine/script.h"
#include "cutover/flip/sql.h"

/* What the job starts with, and what follows the look. */
enum cutover_event finish_begin(struct cutover *c);
enum cutover_event finish_looked(struct cutover *c);

/* Lines. FROM is the writer, TO the follower; each slot is on the other side than its stream. */
line_wants_fn finish_is_there; /* the database, on a side that answers and is no standby */
line_write_fn finish_write_drop_stream_to, finish_write_drop_stream_from, finish_write_drop_slot_to,
    finish_write_drop_slot_from;
line_judge_fn finish_judge_dropped;
#define FINISH_SQL_DROP_PUBLICATION "DROP PUBLICATION IF EXISTS " TEAL_PUBLICATION
line_call_fn finish_call_done;

#endif
