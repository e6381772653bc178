/* workers.h — the threads of the data path, as the control thread sees them.
 *
 * A worker (state/worker.h) has a loop, sessions and backends of its own, and nothing in it is
 * locked. So the control thread only orders and reads: after the start, each function below posts a
 * message to the workers' mailboxes, or reads what is atomic or under the lock of the pools'
 * registry. Tables come back by a message to the caller's mailbox. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_WORKERS_H
#define TEAL_SESSION_WORKERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/stat.h"
#include "base/table.h"
#include "conf/conf.h"
#include "net/loop.h"
#include "session/state/upcalls.h"
#include "topo/view.h"

struct worker;
struct workers; /* all of them: what they share */

/* Makes the workers (conf->workers of them) with their threads running; conf is copied by reference
 * count. */
/* views: one of each pair of conf, by number. */
struct workers *workers_start(struct conf *conf, const struct view *const *views,
                              uint32_t views_count, const struct workers_ops *ops);
/* Ends all sessions with 57P01, joins the threads, frees everything. */
void workers_stop(struct workers *workers);

/* Publishes the view of a pair to every worker (each gets a copy). */
void workers_publish(struct workers *workers, const struct view *view);
/* Whether every worker runs the pair's view of this version or a later one. */
bool workers_have_view(const struct workers *workers, uint32_t pair, uint64_t version);
/* Backends on the side that are doing something for a session: a transaction or an unanswered
 * message. Pinned sessions that are idle between transactions do not count. Exact once
 * workers_have_view(held view). */
uint32_t workers_busy(const struct workers *workers, uint32_t pair, enum side side);
/* Appends the server process ids of read-only backends on the server, separated by commas: a fence
 * spares them. */
void workers_readers(const struct workers *workers, const struct node_id *node, struct buf *out);
/* Transactions of the pair now waiting in Teal because writes are held. */
uint32_t workers_waiting(const struct workers *workers, uint32_t pair);
/* ... of all pairs. */
uint32_t workers_waiting_in_all(const struct workers *workers);
/* Sends CancelRequests for (cancel) or closes (terminate, 57P01) what is still busy on the side. */
void workers_cancel_busy(struct workers *workers, uint32_t pair, enum side side);
void workers_terminate_busy(struct workers *workers, uint32_t pair, enum side side);
/* Closes idle backends on the side, and pinned sessions that sit on it (57P01: they cannot move).
 */
void workers_leave_side(struct workers *workers, uint32_t pair, enum side side);

/* The next three are about the database that clients name so; NULL: about all. */

/* Ends every session (57P01) and closes every backend. Publish a paused view first, or they come
 * back. */
void workers_kill_all(struct workers *workers, const char *alias);
/* Closes idle backends, and each of the others when it is released. */
void workers_reconnect(struct workers *workers, const char *alias);
/* Backends open or opening. Exact once workers_have_view(paused view): then it only falls. */
uint32_t workers_servers(const struct workers *workers, const char *alias);
/* The same of a pair. */
uint32_t workers_servers_of_pair(const struct workers *workers, uint32_t pair);

/* Clients that have logged in to the database that they name so. */
uint32_t workers_clients(const struct workers *workers, const char *alias);
/* Sessions of the pair that cannot move. */
uint32_t workers_pinned(const struct workers *workers, uint32_t pair);

/* How many users are known by name, and how many pools there are. */
void workers_lists(const struct workers *workers, uint64_t *users, uint64_t *pools);

/* Statistics since start, summed over workers. All times in microseconds. */
struct workers_stats {
    uint64_t sessions, sessions_pinned, logins, xacts, queries, bytes_received, bytes_sent;
    uint64_t xact_time_us, query_time_us, wait_time_us;
    uint64_t reads_by_side[SIDES_COUNT], writes_by_side[SIDES_COUNT];
    uint64_t assignments; /* of a backend to a transaction */
    uint64_t client_parses, server_parses, binds;
    uint64_t replays, client_errors, outcome_unknown;
    struct stat_hist latency; /* of transactions, first byte in to ReadyForQuery out */
    struct stat_hist held;    /* time that held transactions waited */
};
void workers_stats(const struct workers *workers, struct workers_stats *out);

/* The same of one database. Its sums are without sessions and sessions_pinned, and without what
 * clients did before they had logged in. */
struct workers_database {
    uint32_t pair;
    const char *alias; /* what clients say; borrowed from the workers */
    const char *name;  /* on the servers; borrowed from the workers */
    struct workers_stats stats;
};
/* Those that clients have logged in to, in no order; the caller frees the array (mem_free). */
struct workers_database *workers_databases(const struct workers *workers, size_t *count);

/* Tables for SHOW, gathered from all workers. done is called on the thread of reply_to; it owns the
 * table. */
typedef void workers_report_fn(void *arg, struct table *table);
void workers_report(struct workers *workers, enum worker_report what, struct mailbox *reply_to,
                    workers_report_fn *done, void *arg);

/* A new configuration, with the files that it names: workers take it over; sessions keep what they
 * have. False with err, and nothing has changed, when there is a mistake in one of the files. */
MUST_CHECK bool workers_reconfigure(struct workers *workers, struct conf *conf, struct err *err);
/* Stops listening. Sessions go on; with wait_for_clients they end by themselves, else each ends
 * with 57P01 when its transaction has. workers_sessions tells how many are left. */
void workers_drain(struct workers *workers, bool wait_for_clients);
uint32_t workers_sessions(const struct workers *workers);
/* Ends one session by the id of SHOW CLIENTS with 57P01. */
void workers_kill_session(struct workers *workers, uint64_t session_id);

#endif
