/* history.h — whether a logical follower still is the server that its stream was made for.
 *
 * A stream remembers on both sides how far it has come: the slot on the writer, and the origin of
 * the subscription on the follower. When the follower's side fails over, its new primary may lack
 * what the old one had confirmed and the standby had not received yet. The slot has moved past
 * those rows, so PostgreSQL goes on behind them without a word: the new primary then lacks rows for
 * ever, while newer ones, markers among them, arrive.
 *
 * A promotion begins a new timeline. So the follower's own row of teal.local_state keeps the
 * timeline on which its stream began: set by PREPARE behind the first copy, and by a flip on the
 * side that it leaves, which follows from then on. It is a fact of the follower's data, and is
 * carried to its standbys with them; another timeline now says that the side has failed over since,
 * and then no check passes and no read is sent there. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_HISTORY_H
#define TEAL_CUTOVER_FLIP_HISTORY_H

#include <stdbool.h>

#include "base/err.h"
#include "cutover/engine/script.h"

/* The timeline that a primary writes. */
#define HISTORY_SQL_NOW \
    "('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::bigint"
/* Of the row t of teal.local_state: whether it can keep a timeline, the one it keeps, that of now;
 * a Teal before this one made no column for it. */
#define HISTORY_SQL_COLUMNS                                                           \
    "jsonb_exists(to_jsonb(t), 'timeline'), to_jsonb(t)->>'timeline', CASE WHEN NOT " \
    "pg_is_in_recovery() THEN " HISTORY_SQL_NOW " END"

/* Of the target of a logical flip, by the look: false with err when rows may be missing there. */
MUST_CHECK bool history_is_whole(const struct cutover *c, struct err *err);

/* Line of PREPARE: the follower's stream begins, or was made by a Teal that kept no timeline. */
line_write_fn history_write_begin;

/* Appends ", timeline = .." for the side that a flip leaves, where there is a column. */
void history_put_leaving(const struct cutover *c, struct buf *sql);

#endif
