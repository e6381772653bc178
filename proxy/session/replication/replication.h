/* replication.h — a replication connection: one client, one walsender, bytes in both directions.
 *
 * Streaming replication has messages in either direction at any time (COPY BOTH), so nothing here
 * asks who owes whom: the walsender belongs to this client alone, from its login to its end, and is
 * closed with it. Whatever either end says wrong can hurt nobody else. Both directions are framed
 * all the same: a client's message is held to the limits of any client's, and an error of Teal's
 * own must not stand in the middle of a message.
 *
 * It is no work that a cutover would have to wait for: when the writes move it ends with 57P01, as
 * every session that cannot move. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_REPLICATION_REPLICATION_H
#define TEAL_SESSION_REPLICATION_REPLICATION_H

#include "session/state/session.h"

/* Its walsender is there, and its client was welcomed. */
void replication_begin(struct session *s);
/* Client to server; as any phase's consume. */
size_t replication_consume(struct session *s, struct slice in);
/* The walsender can be read, or written to. */
void replication_receive(struct session *s);
void replication_flush(struct session *s);

#endif
