/* turn.h — a session's turn: everything that follows from an event, in one fixed order.
 *
 *      gather      the event's own bytes are received and decoded; nothing is decided
 *      deliver     what the server said goes to the client, from where it was received
 *      process     the client's messages, as far as they may be processed; they go to the server
 *      settle      what the server has answered ends; if so, process again
 *      leave       a client that has closed its end, and needs nothing more, ends
 *      deliver     what was made on the way, to either end
 *      arm, check  what both streams wait for; what must hold
 *      release     of a session that has ended: everything that it holds is given back
 *
 * Handlers do their own part and return; none of them does any of this. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_TURN_H
#define TEAL_SESSION_TURN_H

#include "session/state/session.h"

/* A new client; takes the descriptor. It owns itself from here on, and may have ended already. */
void session_begin(struct worker *w, int fd, const char *peer, bool is_local);
/* Something has happened to it. */
void session_turn(struct session *s);
/* Ends it from outside of its turn; as session_fail. */
void session_close(struct session *s, const struct err *err);
/* A CancelRequest for it: its query is cancelled at the server, or taken out of the queue. */
void session_cancel(struct session *s);

/* The callbacks of a worker's backends: their stream is the session's while they are linked. */
extern const struct pool_ops session_pool_ops;

#endif
