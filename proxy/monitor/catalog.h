/* catalog.h — which databases a side has, as its lead says. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_CATALOG_H
#define TEAL_MONITOR_CATALOG_H

#include <stdbool.h>

#include "monitor/node.h"
#include "net/pq_result.h"

/* What a server is asked for its databases. */
const char *catalog_sql(void);
/* The answer; true when the list is another one than before. An answer of another form is none. */
bool catalog_take(struct side_databases *d, const struct pq_result *result);
bool catalog_has(const struct side_databases *d, const char *name);
void catalog_fini(struct side_databases *d);

#endif
