/* extended.h — the extended query protocol: the messages of a batch. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_EXTENDED_H
#define TEAL_SESSION_QUERY_EXTENDED_H

#include "session/query/batch.h"

size_t extended_parse(struct session *s, const struct input *m);
size_t extended_bind(struct session *s, const struct input *m);
size_t extended_describe(struct session *s, const struct input *m);
size_t extended_close(struct session *s, const struct input *m);
size_t extended_execute(struct session *s, const struct input *m);
size_t extended_sync(struct session *s, const struct input *m);
size_t extended_flush(struct session *s, const struct input *m);

#endif
