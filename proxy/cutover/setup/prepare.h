/* prepare.h — setting the replication up before a cutover, and taking it down afterwards.
 *
 * PREPARE creates what a flip needs: the schema teal with its two tables, the publication, and for
 * a logical pair the subscriptions, slots and the guard on the follower. It says what it is going
 * to do before it does it, and does nothing that is already there, so it may be run again. FINISH
 * drops the streams, way back included (the schema stays), and leaves the old side fenced. Both are
 * jobs of the machine: cutover_start(CUTOVER_JOB_PREPARE / _FINISH), which comes to the two
 * functions below; they are for the machine alone. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_PREPARE_H
#define TEAL_CUTOVER_PREPARE_H

#include "cutover/cutover.h"

/* Start the job; the event that it ends with comes at once, or later through cutover_fire, and then
 * it is CUT_EV_NONE here. */
enum cutover_event prepare_begin(struct cutover *c);
enum cutover_event finish_begin(struct cutover *c);

#endif
