/* refusal.h — what may not run on a backend, and would not fail by itself.
 *
 * The error must come in its order and fail the transaction, so the server is asked for what it
 * cannot do, and its error is replaced by one with the reason. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_REFUSAL_H
#define TEAL_SESSION_QUERY_REFUSAL_H

#include "session/state/session.h"

enum refusal {
    REFUSAL_NONE,
    REFUSAL_TOO_MANY_STATEMENTS,
    REFUSAL_LIFTS_READ_ONLY,
    REFUSAL_SEQUENCE_STATE,
    REFUSAL_STATE_OF_READER,
    REFUSALS_COUNT,
};

/* Why a statement with these pins must be refused on the session's backend. */
enum refusal refusal_of(const struct session *s, uint32_t pins, bool lifts_read_only);
/* Refuses an extended message, or a Query. */
void refusal_in_batch(struct session *s, enum refusal why);
void refusal_of_query(struct session *s, enum refusal why);
/* The server has failed as asked: the error with the reason. */
void refusal_tell(enum refusal why, struct err *err);

#endif
