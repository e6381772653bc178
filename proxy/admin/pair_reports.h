/* pair_reports.h — what SHOW tells of the pairs: routes, sides, servers, flips. Facts in,
 * tables out; the caller owns the table. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_PAIR_REPORTS_H
#define TEAL_ADMIN_PAIR_REPORTS_H

#include "admin/snapshot.h"
#include "base/table.h"

/* The lines of STATUS. */
struct table *report_status(const struct snapshot *snap);
/* A row a pair, a column for each fact. */
struct table *report_pair(const struct snapshot *snap);
/* PgBouncer's rows of SHOW STATE, then the columns of SHOW PAIR, a row each. */
struct table *report_state(const struct snapshot *snap);
/* What the monitor knows of each server: positions, and where it is in the estate. */
struct table *report_lag(const struct snapshot *snap);
struct table *report_nodes(const struct snapshot *snap);
/* The flip under way, or the last one. */
struct table *report_cutover(const struct snapshot *snap);

#endif
