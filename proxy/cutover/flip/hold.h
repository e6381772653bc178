/* hold.h — holding the writes and letting them go: gate, hold, drain, release, undo-release.
 *
 * Teal's own part of a flip: it speaks to the workers, not to the databases. The clock of the hold
 * runs from the moment at which the held route is published until the next one lets writes flow. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_HOLD_H
#define TEAL_CUTOVER_FLIP_HOLD_H

#include <stdbool.h>
#include <stdint.h>

#include "cutover/engine/script.h"

struct hold {
    uint64_t since_us;    /* 0: not held now */
    uint64_t took_us;     /* how long it was, once it is over */
    uint64_t deadline_us; /* all states before the commit end here; 0 before the hold */
    bool drain_pushed;    /* the drain policy was applied */
};

void hold_clear(struct cutover *c);
/* How long writes are, or were, held in this flip. */
uint64_t hold_us(const struct cutover *c);

/* Lines. */
#define GATE_SQL_CONNECT "SELECT 1"  /* the connection stands */
line_call_fn hold_call_gate;         /* the lag is small, or wait */
line_call_fn hold_call_publish;      /* the record names the flip; writes are held from here */
line_call_fn hold_call_acked;        /* every worker has the held route */
line_call_fn hold_call_drained;      /* no transaction is open on the old side */
line_call_fn hold_call_release;      /* writes go to the target */
line_call_fn hold_call_undo_release; /* writes go on at the old side */

/* Rows: a drain that takes too long is pushed once, if the operator wants it. */
bool hold_may_push_drain(const struct cutover *c);
void hold_push_drain(struct cutover *c);

#endif
