/* stats.h — what is counted of a database at one worker.
 *
 * One writer, the worker; any thread may read. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_STATE_STATS_H
#define TEAL_SESSION_STATE_STATS_H

#include "base/stat.h"
#include "model/side.h"

struct worker_stats {
    stat_counter logins, xacts, queries, bytes_received, bytes_sent;
    stat_counter xact_time_us, query_time_us, wait_time_us;
    stat_counter reads_by_side[SIDES_COUNT], writes_by_side[SIDES_COUNT];
    stat_counter assignments; /* of a backend to a transaction */
    stat_counter client_parses, server_parses, binds;
    stat_counter replays, client_errors, outcome_unknown;
    struct stat_hist latency;
    struct stat_hist held;
};

#endif
