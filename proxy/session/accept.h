/* accept.h — new clients: the listening sockets, as one worker watches them.
 *
 * All workers watch the same sockets; whichever is awake accepts, and hands the descriptor to the
 * worker with the fewest sessions. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_ACCEPT_H
#define TEAL_SESSION_ACCEPT_H

#include "session/state/worker.h"

void accept_begin(struct worker *w);
void accept_end(struct worker *w);
/* After a pause for want of descriptors or memory. */
void accept_again(struct worker *w);

#endif
