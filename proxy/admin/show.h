/* show.h — what SHOW answers: a command and a snapshot in, a table out. The caller owns the table.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_SHOW_H
#define TEAL_ADMIN_SHOW_H

#include "admin/grammar.h"
#include "admin/snapshot.h"
#include "base/table.h"

/* The report of a command whose reply is a table. */
struct table *show_table(const struct command *c, const struct snapshot *snap);
/* SHOW SESSIONS PINNED from SHOW CLIENTS: the rows that have a reason to be pinned. */
struct table *show_pinned(const struct table *clients);

#endif
