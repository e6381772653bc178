/* simple.h — the simple query protocol: Query and FunctionCall. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_SIMPLE_H
#define TEAL_SESSION_QUERY_SIMPLE_H

#include "session/query/batch.h"

size_t simple_query(struct session *s, const struct input *m);
size_t simple_function(struct session *s, const struct input *m);

#endif
