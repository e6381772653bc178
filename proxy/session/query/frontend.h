/* frontend.h — what a client asks for, message by message.
 *
 * One table: the handler of each type. A message that may be processed (assign.h) is sent on from
 * where it lies, changed where a pooled backend needs it changed, and leaves an entry in the
 * backend's flow when it will be answered. Long messages that nobody needs to see (COPY data, a 1
 * GB parameter) go on as they arrive. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_FRONTEND_H
#define TEAL_SESSION_QUERY_FRONTEND_H

#include "session/state/session.h"

/* Processes one message at the front of in, or the part of it that is here; the number of bytes, 0
 * when more is needed or it must wait. */
size_t frontend_consume(struct session *s, struct slice in);

#endif
