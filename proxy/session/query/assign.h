/* assign.h — may this message be processed now, and by which backend?
 *
 * When reads and writes end on one side there is nothing to decide and the batch is not looked at
 * first. On the writer a client may pipeline as it likes. On a read-only backend, and while writes
 * are held, one Query or batch is processed at a time: the next may have to go elsewhere. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_ASSIGN_H
#define TEAL_SESSION_QUERY_ASSIGN_H

#include "session/query/batch.h"

/* Whether the message may be processed; begins to look for a backend when there is none. What it
 * finds out about the text stays in the message. */
MUST_CHECK bool assign_admit(struct session *s, struct input *m);

#endif
