/* catchup.h — the target has all that the old side has: the marker, and the sequences.
 *
 * A row is written behind the fence and awaited on the target: what arrives behind everything else
 * proves that everything else has arrived. A lag that somebody measured proves nothing. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_CATCHUP_H
#define TEAL_CUTOVER_FLIP_CATCHUP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "cutover/engine/script.h"

enum { CATCHUP_LSN_SIZE = 32 };

struct catchup {
    struct catchup_database {
        /* The marker is known by its number, not by its epoch: an attempt that was undone has left
         * one of the same epoch. */
        uint64_t marker_seq;
        struct buf sequences; /* owned: the rows of VALUES for the target */
        uint64_t sequences_count;
        bool plain; /* the prepared statement is gone: its connection was lost */
    } * of;         /* owned: by database; as many as were asked */
    uint32_t count;
    char lsn[CATCHUP_LSN_SIZE]; /* physical: what the target must have replayed */
    uint64_t sequences_set;     /* in all databases */
};

void catchup_clear(struct cutover *c);
void catchup_fini(struct cutover *c);

/* Lines ahead of the hold: a marker passes through every stream, for the monitor watches the home
 * database alone. The question for the sequences is planned, which takes longer than its answer. */
line_wants_fn catchup_wants_others;
line_write_fn catchup_write_rehearsal, catchup_write_rehearsed;
line_judge_fn catchup_judge_rehearsed;

/* Lines. A standby follows the whole server, so one mark is enough there. Where somebody else
 * drives the servers, external.h has lines of its own. */
line_wants_fn catchup_wants_mark;
bool catchup_has_mark(const struct cutover *c, struct place at); /* it was written there */
line_write_fn catchup_write_mark;
line_judge_fn catchup_judge_mark;
#define CATCHUP_SQL_FLUSH_LSN "SELECT pg_current_wal_flush_lsn()"
line_judge_fn catchup_judge_flush_lsn;
line_write_fn catchup_write_arrived;
line_judge_fn catchup_judge_arrived;
/* The server quotes the names: it knows how. A sequence that nextval was never called on needs
 * nothing. */
#define CATCHUP_SQL_SEQUENCES                                                     \
    "SELECT count(*), string_agg(format('(%L,%L,%s)', schemaname, sequencename, " \
    "last_value), ',') FROM pg_sequences WHERE last_value IS NOT NULL"
#define CATCHUP_SQL_SEQUENCES_PREPARE \
    "DEALLOCATE ALL; PREPARE teal_sequences AS " CATCHUP_SQL_SEQUENCES "; EXECUTE teal_sequences"
line_write_fn catchup_write_sequences;
line_judge_fn catchup_judge_sequences;
line_wants_fn catchup_has_sequences;
line_write_fn catchup_write_set;
line_judge_fn catchup_judge_set;
line_call_fn catchup_sequences_are_set; /* what follows them */

#endif
