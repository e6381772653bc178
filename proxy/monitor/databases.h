/* databases.h — which databases a side has, as its lead says. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_DATABASES_H
#define TEAL_MONITOR_DATABASES_H

#include <stdbool.h>

#include "monitor/node.h"
#include "net/pq_result.h"

/* What a server is asked for its databases. */
const char *side_databases_sql(void);
/* The answer; true when the list is another one than before. An answer of another form is none. */
bool side_databases_take(struct side_databases *d, const struct pq_result *result);
bool side_databases_have(const struct side_databases *d, const char *name);
void side_databases_fini(struct side_databases *d);

#endif
