/* cycle.h — the query cycle of a session: what was sent since the server last owed nothing.
 *
 *      first message -> (batch: more messages) -> sent -> answered
 *
 * A cycle is one simple Query, one function call, or one batch of extended messages up to Sync; a
 * client that pipelines has several under way. A transaction is one or more cycles. Here is only
 * what is known of it; settle.h says what follows from its end. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_CYCLE_H
#define TEAL_SESSION_QUERY_CYCLE_H

#include "session/state/session.h"

/* A message is about to be processed on the session's backend. */
void cycle_begin_message(struct session *s);
/* An extended message: until its Sync, the batch is open. */
void cycle_open_batch(struct session *s);
/* The Sync, or what ends a batch like one: a whole Query or batch is sent. */
void cycle_sent(struct session *s);
/* The Sync that ended the batch went into a COPY: another must come. */
void cycle_reopen_batch(struct session *s);
/* A Query or a function call ends an open batch as a Sync would. */
void cycle_end_batch(struct session *s);
void cycle_wrote(struct session *s);
void cycle_failed(struct session *s);
/* All that was sent is answered; the batch may still be open. */
void cycle_answered(struct session *s);
/* The transaction has ended: whether it wrote. */
bool cycle_end_transaction(struct session *s);
/* What was sent did not happen, and will be sent again. */
void cycle_restart(struct session *s);
/* The session begins to serve: it idles from now on. */
void cycle_init(struct session *s);

/* Nothing is owed in either direction: then COPY data and a Flush have no effect. */
bool cycle_is_idle(const struct session *s);

#endif
