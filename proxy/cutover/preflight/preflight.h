/* preflight.h — the preflight: what must hold before writes may move, asked in plain SQL.
 *
 * One row a check: id, name, what it blocks, to which kinds and sides it applies, the SQL, the
 * evaluation, and how to mend it. All findings are reported at once, with value and limit. A flip
 * runs the same rows and refuses when one that blocks has failed. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_PREFLIGHT_H
#define TEAL_CUTOVER_PREFLIGHT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "cutover/cutover.h"
#include "topo/side.h"

/* For the machine: starts the preflight, as a job and as the first step of a flip. The event that
 * it ends with comes at once, or later through cutover_fire, and then it is CUT_EV_NONE here. */
enum cutover_event check_begin(struct cutover *c);

/* The two below are also for the set-up, which compares the same texts. */

/* Puts the lines of a that are not in b into out, at most ten of them; their number. Cuts both
 * texts up. */
size_t check_missing(char *a, char *b, struct buf *out);
/* Keeps the answer's first cell, or the error, as the side's check_value. */
enum cutover_event check_take_value(struct cutover *c, enum side side,
                                    const struct cutover_rows *rows);

#endif
