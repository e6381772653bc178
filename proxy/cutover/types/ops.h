/* ops.h — what a cutover needs of the world: a struct of functions, and the facts that pass through
 * it.
 *
 * The machine touches no socket, no clock and no file. It acts through these functions and is told
 * what happened through the callbacks that it passes along. A test puts a model of two servers
 * behind them. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_TYPES_OPS_H
#define TEAL_CUTOVER_TYPES_OPS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "cutover/types/hook.h"
#include "cutover/types/place.h"
#include "cutover/types/rows.h"
#include "model/side.h"

typedef void cutover_sql_fn(void *arg, const struct cutover_rows *rows);
typedef void cutover_timer_fn(void *arg);
typedef void cutover_hook_fn(void *arg, const struct hook_answer *answer);

/* What the data path is to do; the control thread puts it into the routing view. */
struct cutover_route {
    uint64_t epoch;
    enum side writer;
    bool writes_held;
    /* False until recovery has learnt the writer; writes are held as long. */
    bool writes_known;
};

/* What the monitor knows of a side; only hints and gates, never a proof: proofs are asked by SQL.
 */
enum { CUTOVER_AMISS_SIZE = 512 };

struct cutover_facts {
    bool up;
    bool in_recovery;
    int version_num; /* 150008; 0 while unknown */
    bool lag_known;  /* for the follower; the writer's lag is 0 */
    uint64_t lag_bytes;
    uint64_t lag_us;
    /* Why one of its servers that answers is not used: it is of another cluster, or a second
     * primary; NULL when there is none. Borrowed until the next turn of the loop. */
    const char *misfit;
    /* It receives the stream and takes writes of others: its guard has been lost. */
    bool is_unguarded;
    bool is_other_side; /* the server that stands for the other side is this very one */
    /* Servers of the side that are not there or not used, and why; "" for none. */
    char amiss[CUTOVER_AMISS_SIZE];
};

enum cutover_result {
    CUTOVER_OK,
    CUTOVER_WARN,
    CUTOVER_FAIL,
    CUTOVER_SKIP,
    CUTOVER_INFO,
    CUTOVER_SUMMARY, /* the last line of a flip that went well; shown as info */
};

/* "ok", "warn", "fail", "skip", "info"; borrowed for ever. */
const char *cutover_result_name(enum cutover_result result);

/* One line for the operator, streamed as it happens. */
struct cutover_report {
    enum cutover_result result;
    const char *step;   /* "drain"; for a check its id and name, "B22 prepared-xacts" */
    const char *detail; /* one line: value, limit, hint */
    uint64_t took_us;
    bool took_known; /* false: there is nothing to show */
};

/* What the state file may hold. */
enum { CUTOVER_RECORD_SIZE_MAX = 4096 };

/* Every callback below must be NULL-free but those marked optional. None of them may call back into
 * the machine before it returns: completions come from the loop. Every sql, hook and timer
 * completes exactly once, unless the machine was freed (see cutover_free). */
struct cutover_ops {
    void *ctx; /* borrowed as long as the machine lives */

    uint64_t (*now_us)(void *ctx); /* monotonic */
    /* Runs SQL (copied) on the operator connection of that side and database; queries of one
     * connection run one at a time in the order asked; different connections run concurrently. A
     * connection is made for its first query and stays at least until the machine is idle. Its
     * setup: cutover_connection_setup(). */
    void (*sql)(void *ctx, const struct cutover_where *where, const char *sql, uint64_t timeout_us,
                cutover_sql_fn *done, void *arg);
    /* The same on a brand-new connection without the setup, closed afterwards: what a new client
     * would meet. */
    void (*sql_fresh)(void *ctx, const struct cutover_where *where, const char *sql,
                      uint64_t timeout_us, cutover_sql_fn *done, void *arg);
    /* Runs a hook of the pair; optional (may be NULL) where the configuration has none. One that is
     * asked for while another runs ends that one first: whoever asked for it has left it. */
    void (*hook)(void *ctx, const struct hook_about *about, uint64_t timeout_us,
                 cutover_hook_fn *done, void *arg);
    /* One shot, at least delay_us from now. */
    void (*timer)(void *ctx, uint64_t delay_us, cutover_timer_fn *fn, void *arg);
    /* Writes the durable record, at most CUTOVER_RECORD_SIZE_MAX bytes, as the whole state file;
     * returns after it is on disk. */
    bool (*record_write)(void *ctx, struct slice bytes, struct err *err);

    /* Publishes the route to the workers. */
    void (*publish)(void *ctx, const struct cutover_route *route);
    /* Every worker runs the route published last. */
    bool (*view_acked)(void *ctx);
    /* Backends of the workers that do something for a session on the side; exact once view_acked.
     */
    uint32_t (*busy)(void *ctx, enum side side);
    uint32_t (*waiting)(void *ctx);  /* transactions now waiting for the hold to end */
    uint32_t (*sessions)(void *ctx); /* client sessions; for the report only */
    uint32_t (*pinned)(void *ctx);   /* sessions that cannot move */
    void (*cancel_busy)(void *ctx, enum side side);
    void (*terminate_busy)(void *ctx, enum side side);
    void (*leave_side)(void *ctx, enum side side);
    /* Turns the monitor's heartbeat (its update of teal.marker) on or off. */
    void (*heartbeat)(void *ctx, bool on);
    void (*facts)(void *ctx, enum side side, struct cutover_facts *out);
    /* Optional (may be NULL): server process ids on the side of connections of Teal that cannot
     * write (its read-only backends), comma-separated, appended to out; the fence leaves them
     * alone. The operator's and the monitor's connections need not be in it: they are known by user
     * and application_name. */
    void (*harmless_pids)(void *ctx, enum side side, struct buf *out);

    /* A line for whoever runs the command; also while no command runs (recovery): then it goes to
     * the log only. */
    void (*report)(void *ctx, const struct cutover_report *row);
    /* The command given to cutover_start has ended; err is set when not ok. Called once for each
     * start. It may end before the machine is idle again: after the commit, when opening takes
     * longer than its limit, the command ends with an error and the machine goes on trying. */
    void (*done)(void *ctx, bool ok, const struct err *err);
    /* Optional (may be NULL): a fault point, before or after a step ("commit", "before"). */
    void (*point)(void *ctx, const char *step, const char *when);
};

/* A place where a test may stop the process: does nothing when the world has no fault points. */
void cutover_ops_point(const struct cutover_ops *ops, const char *name, const char *when);

/* The statements that the operator connections of ops->sql run after connecting. */
const char *cutover_connection_setup(void);
/* A setting of such a session: where its default_transaction_read_only came from when it began, in
 * the words of pg_settings.source. */
#define CUTOVER_SETTING_BORN "teal.born"
/* The application_name of the operator's connections and of the monitor's; the fence spares these.
 */
#define CUTOVER_APPLICATION_NAME "teal operator"
#define CUTOVER_MONITOR_APPLICATION_NAME "teal monitor"

#endif
