/* record.h — the durable record: what the state file holds.
 *
 * Text lines, one fact each, the last line a CRC-32 of all before it. Written whole before each act
 * that a restart must know of, so a reader finds the old or the new one; a file that is torn,
 * edited or of another version is corrupt, and a corrupt record says nothing: recovery then asks
 * the databases. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_ENGINE_RECORD_H
#define TEAL_CUTOVER_ENGINE_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"
#include "cutover/types/kind.h"
#include "model/side.h"

/* How far a flip had come. The order matters: later phases know more. */
enum record_phase {
    RECORD_IDLE,   /* no flip: writer is the writer */
    RECORD_FLIP,   /* a flip may have touched the databases; it has not committed */
    RECORD_COMMIT, /* the commit is about to be sent, or was sent */
    RECORD_AFTER,  /* released on the target; the way back is not set up yet */
    RECORD_UNDONE, /* undone and released on the old side; the subscription may be still off */
};
enum { RECORD_PHASES_COUNT = 5 };

struct record {
    uint64_t epoch;   /* of the last committed route */
    enum side writer; /* of that route */
    enum record_phase phase;
    /* Of the flip, when phase is not idle; otherwise of the last one, or zero. */
    uint64_t flip_id;
    enum side from;
    enum side to;
    enum cutover_kind kind;
    bool fence_strict;
    bool ha_paused; /* whoever fails over by itself was told to keep still, and not to go on yet */
};

enum record_result { RECORD_OK, RECORD_MISSING, RECORD_CORRUPT };

void record_encode(const struct record *r, struct buf *out);
/* Empty bytes are RECORD_MISSING. *out is zeroed unless RECORD_OK. */
enum record_result record_decode(struct slice bytes, struct record *out);

#endif
