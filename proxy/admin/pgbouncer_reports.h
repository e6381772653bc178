/* pgbouncer_reports.h — the reports of SHOW that PgBouncer has as well, but for those that the
 * workers tell (session/report.c). Facts in, tables out; the caller owns the table.
 *
 * PgBouncer's columns come first, in its order, so that dashboards and exporters keep working;
 * Teal's own follow. What Teal has nothing of is 0, NULL or a table without rows. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_PGBOUNCER_REPORTS_H
#define TEAL_ADMIN_PGBOUNCER_REPORTS_H

#include "admin/snapshot.h"
#include "base/table.h"

struct table *report_stats(const struct snapshot *snap);
struct table *report_stats_totals(const struct snapshot *snap);
struct table *report_stats_averages(const struct snapshot *snap);
/* Both, a row for each number. */
struct table *report_totals(const struct snapshot *snap);
struct table *report_databases(const struct snapshot *snap);
struct table *report_lists(const struct snapshot *snap);
struct table *report_mem(const struct snapshot *snap);
/* The hosts, and the addresses that their names were last found to be. */
struct table *report_dns_hosts(const struct snapshot *snap);
struct table *report_dns_zones(const struct snapshot *snap);
struct table *report_peers(const struct snapshot *snap);
struct table *report_peer_pools(const struct snapshot *snap);

#endif
