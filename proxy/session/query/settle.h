/* settle.h — what follows when the server owes nothing: the end of a query cycle, and of a
 * transaction. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_SETTLE_H
#define TEAL_SESSION_QUERY_SETTLE_H

#include "session/state/session.h"

/* Of a session that serves: what was tracked takes effect, a read that was refused is sent again,
 * and at the end of a transaction the backend is given back unless the session is pinned. True when
 * something ended, so that more input may be processed. */
bool settle_ready(struct session *s);
/* Of a session whose client has left: the same, and then the session's end when it has had its last
 * answer. */
bool settle_leaving(struct session *s);

/* The client has closed its end: what it asked for and the server has is finished, what still waits
 * is not begun. */
void settle_end_of_input(struct session *s);

#endif
