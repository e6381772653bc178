/* copy.h — COPY data, and messages that go on, or to nobody, without being read. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_COPY_H
#define TEAL_SESSION_QUERY_COPY_H

#include "session/query/batch.h"

/* Outside a COPY the server ignores these, so they need no backend: a client may still be sending
 * after an error (see has_no_effect in frontend.c). */
size_t copy_data(struct session *s, const struct message *m);
size_t copy_end(struct session *s, const struct message *m);

/* The message goes to the server as it is, now and as the rest of it arrives. */
size_t copy_pass(struct session *s, const struct message *m);
/* The message is discarded, now and as the rest of it arrives. */
size_t copy_discard(struct session *s, const struct message *m);

#endif
