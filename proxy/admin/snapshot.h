/* snapshot.h — everything that a report of the console may need, gathered for one command.
 *
 * Filled by the control thread (console_ops.snapshot); who lays reports out reads it and asks
 * nobody else. All pointers are borrowed until the next turn of the loop. A header only: it is a
 * value. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_SNAPSHOT_H
#define TEAL_ADMIN_SNAPSHOT_H

#include <stdint.h>

#include "admin/rates.h"
#include "conf/conf.h"
#include "cutover/cutover.h"
#include "model/estate.h"
#include "monitor/monitor.h"
#include "session/workers.h"
#include "topo/view.h"

enum { SNAPSHOT_RUNNER_SIZE = 320 };

/* What is done in a database, by the name that clients say. */
struct database_use {
    uint32_t servers; /* open or opening */
    uint32_t clients;
    struct workers_stats stats; /* all 0 when nobody has logged in to it */
    struct rates_now rates;
};

struct snapshot_pair {
    const struct conf_pair *conf;
    const struct view *view; /* as published last */
    const struct monitor_facts *facts;
    struct cutover_status cutover;
    uint32_t waiting;       /* transactions that wait for a hold to end */
    uint64_t hold_until_us; /* of the operator's HOLD; 0 for none */
    /* The long command under way and who runs it: "CUTOVER", started 3 s ago by uid 1000; "" for
     * none. Set by the console itself. */
    char runner[SNAPSHOT_RUNNER_SIZE];
};

struct snapshot {
    uint64_t now_us;
    const struct conf *conf;
    const struct conf *conf_file; /* the same as the file has it, without what was SET */
    struct snapshot_pair pairs[PAIRS_MAX];
    uint32_t pairs_count;
    /* Those that the command is about, from first to before end: all, or one. Set by the console.
     */
    uint32_t first, end;
    const struct workers_stats *stats;
    struct rates_now rates;
    uint32_t busy;                      /* backends that do something for a session */
    uint64_t page_size, pages_resident; /* of the process */
    uint64_t users, pools;              /* known by name; of all workers */
    uint32_t servers;                   /* backends open or opening */
    uint32_t sessions;
    const struct workers_database *served; /* those that clients have logged in to */
    size_t served_count;
    void *ctx; /* borrowed: of the next */
    void (*use_of)(void *ctx, const char *alias, struct database_use *out);
};

#endif
