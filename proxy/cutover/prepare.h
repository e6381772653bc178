/* prepare.h — setting the replication up before a cutover, and taking it down afterwards.
 *
 * PREPARE creates what a flip needs: the schema teal with its two tables, the publication, and for
 * a logical pair the subscriptions, slots and the guard on the follower. It says what it is going
 * to do before it does it, and does nothing that is already there, so it may be run again. FINISH
 * drops it all, way back included, and leaves the old side fenced. Both are jobs of the machine:
 * cutover_start(CUTOVER_JOB_PREPARE / _FINISH). */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_PREPARE_H
#define TEAL_CUTOVER_PREPARE_H

/* The objects that Teal makes in the databases. */
#define TEAL_SCHEMA "teal"
#define TEAL_PUBLICATION "teal"
/* Subscription on this side and slot on the other, by the side that receives. */
#define TEAL_STREAM_PREFIX "teal_to_"

#endif
