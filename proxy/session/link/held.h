/* held.h — sessions that wait, and a new view: those that wait for the release of writes, for a new
 * writer, or in a pool where the view does not send them any more. All of a worker together. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LINK_HELD_H
#define TEAL_SESSION_LINK_HELD_H

#include "session/state/worker.h"

/* Sessions of the pair that wait in a pool: those that the view holds, or whose database is paused,
 * are held instead; those that wait for a server which it does not send them to any more look for
 * another. */
void held_sort(struct worker *w, uint32_t pair);
/* All of the pair that are held look again, in their order. */
void held_look_again(struct worker *w, uint32_t pair);

#endif
