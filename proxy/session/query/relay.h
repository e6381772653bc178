/* relay.h — what a server answers, message by message.
 *
 * Every message is checked against the flow before anything of it is sent on: a reply that is not
 * owed ends the backend, and the client is told that its connection broke, never somebody else's
 * rows. Rows and COPY data pass by length; a stretch of them is one send from where it was
 * received. When the backend of a session that serves is lost, a read that is not answered
 * yet is sent again to the writer; otherwise the session ends, and is told when the outcome of a
 * write is unknown. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_RELAY_H
#define TEAL_SESSION_QUERY_RELAY_H

#include "session/state/session.h"

/* The session's backend can be read, or written to. */
void relay_receive(struct session *s);
/* The server does not answer any more, by what the monitor knows: a read that can be sent again is.
 */
void relay_server_is_down(struct session *s);
void relay_flush(struct session *s);
/* Processes what the session's backend has said, as far as it is whole; the number of bytes. For
 * relay_receive and tests. */
size_t relay_consume(struct session *s, struct slice in);

#endif
