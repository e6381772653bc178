/* explain.h — EXPLAIN ROUTE: where a statement would go now, and why. It is not run. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_EXPLAIN_H
#define TEAL_ADMIN_EXPLAIN_H

#include "admin/snapshot.h"
#include "base/slice.h"
#include "base/table.h"

/* Asks the classifier and the router that the workers ask, for a session that has not written,
 * matches no rule and is inside every share. One row; the caller owns it. */
struct table *report_route(struct slice sql, const struct snapshot *snap);

#endif
