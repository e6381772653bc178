/* held.h — sessions that wait for the release of writes, all of a worker together. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LINK_HELD_H
#define TEAL_SESSION_LINK_HELD_H

#include "session/state/worker.h"

/* Writes of the pair are held from now on: its sessions that wait in a pool of the writer are held
 * instead; those of any pool when all is paused. */
void held_begin(struct worker *w, uint32_t pair);
/* A new view: all of the pair that are held look again, in their order. */
void held_look_again(struct worker *w, uint32_t pair);
/* The side does not answer any more: reads that wait for it look for another. */
void held_leave_dead(struct worker *w, uint32_t pair, enum side side);

#endif
