/* show.h — what SHOW answers: facts in, tables out.
 *
 * A snapshot is gathered by the control thread for one statement; the functions here only lay it
 * out. Reports that PgBouncer has as well carry its columns first, in its order, so that dashboards
 * and exporters keep working. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_SHOW_H
#define TEAL_ADMIN_SHOW_H

#include <stdint.h>

#include "admin/grammar.h"
#include "admin/rates.h"
#include "base/buf.h"
#include "base/table.h"
#include "conf/conf.h"
#include "cutover/cutover.h"
#include "monitor/monitor.h"
#include "session/workers.h"
#include "topo/view.h"

/* Everything that a report may need. All pointers are borrowed for the call. */
struct snapshot {
    uint64_t now_us;
    const struct conf *conf;
    const struct view *view; /* as published last */
    const struct monitor_facts *facts;
    const struct workers_stats *stats;
    struct cutover_status cutover;
    struct rates_now rates;
    uint32_t busy;                      /* backends that do something for a session */
    uint64_t page_size, pages_resident; /* of the process */
    uint64_t users, pools;              /* known by name; of all workers */
    uint32_t servers;                   /* backends open or opening */
    uint32_t sessions;
    uint32_t waiting;       /* transactions that wait for a hold to end */
    uint64_t hold_until_us; /* of the operator's HOLD; 0 for none */
    const char
        *runner; /* who runs the command under way: "uid 1000, 3 s ago: CUTOVER"; NULL for none */
};

/* The report of a command whose reply is a table. The caller owns it. */
struct table *show_table(const struct statement *s, const struct snapshot *snap);
/* SHOW SESSIONS PINNED from SHOW CLIENTS: takes the table, gives the rows that have a reason to be
 * pinned. */
struct table *show_pinned(struct table *clients);
/* The text of STATUS, as in the operator's story: lines with their ends. */
void show_status(const struct snapshot *snap, struct buf *out);

/* How far the side is behind the writer: "12 kB, 40 ms behind", "lag unknown". */
void show_lag_text(const struct node_facts *node, char *out, size_t size);

#endif
