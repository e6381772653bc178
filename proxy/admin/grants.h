/* grants.h — GRANTS: the SQL that gives a role the rights of Teal's operator, for psql.
 *
 * Teal may not be able to connect yet: then it knows of the databases what the configuration says,
 * and the lines say that there may be more. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_GRANTS_H
#define TEAL_ADMIN_GRANTS_H

#include "admin/grammar.h"
#include "admin/snapshot.h"
#include "base/table.h"

/* A row a line: of the pairs that the snapshot is about, and of each the side that the command
 * names, or both. */
struct table *report_grants(const struct command *c, const struct snapshot *snap);

#endif
