/* batch.h — what the messages that wait will do, as far as they have arrived.
 *
 * The decision where a transaction goes falls at its first message, on all of its batch that has
 * arrived, up to Sync. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_BATCH_H
#define TEAL_SESSION_QUERY_BATCH_H

#include "session/query/input.h"

/* The class of the Query, or of the batch, that begins with the message. False when its end has not
 * arrived and could still change it. */
MUST_CHECK bool batch_classify(const struct session *s, struct input *m, enum sql_class *class);

#endif
