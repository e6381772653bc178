/* cutover.h — the durable state machine that moves the writes of a pair from one side to the other.
 *
 * One object a pair, owned by the control thread. It touches no socket, no clock and no file: it
 * acts through struct cutover_ops and is told what happened through callbacks, one act at a time.
 * What it promises:
 *
 *   - the writer is one side at any time, and it changes only while writes are held;
 *   - before the commit every failure undoes itself and writes go on at the old side;
 *   - after the commit every retry goes forward; while the outcome of the commit is unknown,
 *     writes stay held;
 *   - the record is durable before the act that it announces, so that a crash at any line
 *     resumes on one side (cutover_recover).
 *
 * The states, their steps and the events stand in states.def; the transitions are one table in
 * machine.c.
 *
 * Life: cutover_new, cutover_recover (once, at start: publishes a route as soon as the writer is
 * known), then cutover_start for each command of the operator, cutover_tick each second or so,
 * cutover_free. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_CUTOVER_H
#define TEAL_CUTOVER_CUTOVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "cutover/kind.h"
#include "model/drain.h"
#include "model/side.h"

struct cutover;

enum cutover_state {
#define CUTOVER_STATE(id, name, step, sentence) id,
#include "cutover/states.def"
    CUTOVER_STATES_COUNT,
};

enum cutover_event {
#define CUTOVER_EVENT(id, name, sentence) id,
#include "cutover/states.def"
    CUTOVER_EVENTS_COUNT,
};

/* The steps that the operator sees, in their order. */
enum cutover_step {
#define CUTOVER_STEP(id, name) id,
#include "cutover/states.def"
    CUTOVER_STEPS_COUNT,
};

/* ---- SQL through the ops ---- */

/* The result of one query; mirrors net/pq.h. Valid during the callback only. */
struct cutover_rows {
    bool ok;
    bool unknown;   /* not ok, and whether the query ran is unknown */
    struct err err; /* set when not ok */
    int rows;
    int columns;
    const void *impl; /* for cell */
    /* Row and column from 0; NULL for SQL's NULL. Borrowed during the callback. May be NULL when
     * rows is 0. */
    const char *(*cell)(const void *impl, int row, int column);
};

typedef void cutover_sql_fn(void *arg, const struct cutover_rows *rows);
typedef void cutover_timer_fn(void *arg);

/* ---- what it needs of the world ---- */

/* What the data path is to do; the control thread puts it into the routing view. */
struct cutover_route {
    uint64_t epoch;
    enum side writer;
    bool writes_held;
    bool
        writes_known; /* false until recovery has learnt the writer; then writes are held as well */
};

/* What the monitor knows of a side; only hints and gates, never a proof: proofs are asked by SQL.
 */
struct cutover_facts {
    bool up;
    bool in_recovery;
    int version_num; /* 150008; 0 while unknown */
    bool lag_known;  /* for the follower; the writer's lag is 0 */
    uint64_t lag_bytes;
    uint64_t lag_us;
};

enum cutover_result {
    CUTOVER_OK,
    CUTOVER_WARN,
    CUTOVER_FAIL,
    CUTOVER_SKIP,
    CUTOVER_INFO,
    CUTOVER_SUMMARY, /* the last line of a flip that went well; shown as info */
};

/* One line for the operator, streamed as it happens. */
struct cutover_report {
    enum cutover_result result;
    const char *step;   /* "drain"; for a check its id and name, "B22 prepared-xacts" */
    const char *detail; /* one line: value, limit, hint */
    uint64_t took_us;
    bool took_known; /* false: there is nothing to show */
};

/* Every callback below must be NULL-free but those marked optional. None of them may call back into
 * the machine before it returns: completions come from the loop. Every sql and every timer
 * completes exactly once, unless the machine was freed (see cutover_free). */
struct cutover_ops {
    void *ctx; /* borrowed as long as the machine lives */

    uint64_t (*now_us)(void *ctx); /* monotonic */
    /* Runs SQL (copied) on the operator connection of the side; queries of a side run one at a time
     * in the order asked; the two sides run concurrently. The connection's setup:
     * cutover_connection_setup(). */
    void (*sql)(void *ctx, enum side side, const char *sql, uint64_t timeout_us,
                cutover_sql_fn *done, void *arg);
    /* The same on a brand-new connection without the setup, closed afterwards: what a new client
     * would meet. */
    void (*sql_fresh)(void *ctx, enum side side, const char *sql, uint64_t timeout_us,
                      cutover_sql_fn *done, void *arg);
    /* One shot, at least delay_us from now. */
    void (*timer)(void *ctx, uint64_t delay_us, cutover_timer_fn *fn, void *arg);
    /* Writes the durable record (the whole state file); returns after it is on disk. */
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

/* The statements that the operator connections of ops->sql run after connecting. */
const char *cutover_connection_setup(void);
/* The application_name of the operator's connections and of the monitor's; the fence spares these.
 */
#define CUTOVER_APPLICATION_NAME "teal operator"
#define CUTOVER_MONITOR_APPLICATION_NAME "teal monitor"

/* ---- configuration ---- */

/* Copied by cutover_new, strings included. Times in microseconds. */
struct cutover_config {
    const char *pair;     /* "app" */
    const char *database; /* the application database of the pair */
    enum side initial_writer;
    /* How the OTHER side's subscription reaches this side: a libpq conninfo with host, port, user,
     * password, dbname. */
    const char *replication_conninfo[SIDES_COUNT];
    /* "10.0.0.1:5432", for people. */
    const char *address[SIDES_COUNT];
    uint32_t pool_size; /* connections that Teal may open to a side, for the max_connections check;
                           0 unknown */

    uint64_t hold_timeout_us;
    uint64_t hold_timeout_physical_us;
    uint64_t drain_timeout_us;
    uint64_t fence_timeout_us;
    uint64_t catchup_timeout_us;
    uint64_t sync_timeout_us;
    uint64_t commit_timeout_us;
    uint64_t open_timeout_us;
    uint64_t start_lag_bytes;
    uint64_t start_lag_us;
    enum drain_policy drain_policy;
    bool fence_strict;
    bool require_way_back;
};

/* ---- verbs ---- */

/* Both are copied; the strings of config as well. Nothing runs before cutover_recover. */
struct cutover *cutover_new(const struct cutover_config *config, const struct cutover_ops *ops);
/* Drops what is under way without calling anything. The caller has seen to it that no sql or timer
 * completes afterwards (it frees its connections and timers first). NULL is fine. */
void cutover_free(struct cutover *c);
/* Takes new limits over for the next command; an ongoing flip keeps those it started with (then
 * false). */
bool cutover_reconfigure(struct cutover *c, const struct cutover_config *config);

/* Start-up: record is the state file's bytes (SLICE_EMPTY when there is none). Decides, with what
 * the sides say, which side is the writer and whether an interrupted flip is undone or finished;
 * publishes a route at once with writes_known=false or, when the record is idle and the writer
 * agrees, as soon as the writer has answered. */
void cutover_recover(struct cutover *c, struct slice record);
/* Whether the writer is known and nothing of an interrupted flip is left. */
bool cutover_is_ready(const struct cutover *c);

enum cutover_job {
    CUTOVER_JOB_NONE,
    CUTOVER_JOB_CHECK,   /* the preflight, every finding */
    CUTOVER_JOB_PREPARE, /* sets the replication up */
    CUTOVER_JOB_FLIP,    /* moves the writes to options.to */
    CUTOVER_JOB_FINISH,  /* drops the replication: no way back afterwards */
};

struct cutover_options {
    enum side to;     /* FLIP and CHECK: the side that is to become the writer */
    bool no_way_back; /* FLIP: go even when there is no way back */
    bool dry_run;   /* FLIP: the preflight and the gate only, then the drain and a release without a
                       fence */
    bool drain_set; /* FLIP: drain overrides the configuration */
    enum drain_policy drain;
};

/* Starts a command. False with err when the machine is busy (55006, with what and since when), not
 * ready (57P03), or the writer is already there (55000); then ops->done is not called. */
MUST_CHECK bool cutover_start(struct cutover *c, enum cutover_job job,
                              const struct cutover_options *options, struct err *err);
/* Asks a flip that has not committed to undo itself. False when there is none or it has committed.
 */
bool cutover_abort(struct cutover *c);

/* To be called when a worker has made progress (view taken over, no longer busy): saves a poll. */
void cutover_progress(struct cutover *c);
/* To be called each second or so: keeps the idle direction's slot close to the tip, and watches the
 * fence. */
void cutover_tick(struct cutover *c);

/* ---- what it can tell ---- */

enum cutover_way_back {
    CUTOVER_WAY_BACK_UNKNOWN,
    CUTOVER_WAY_BACK_OPEN,
    CUTOVER_WAY_BACK_MISSING,
};

struct cutover_status {
    enum cutover_state state;
    const char *state_name; /* borrowed for ever */
    const char *step_name;  /* borrowed for ever */
    enum cutover_job job;   /* the command under way */
    const char *job_name;   /* "flip", "none"; borrowed for ever */
    uint64_t state_since_us;
    struct cutover_route route;
    bool flip_known; /* the fields below are of the flip under way, or of the last one */
    enum side from;
    enum side to;
    enum cutover_kind kind;
    const char *kind_name; /* borrowed for ever */
    uint64_t flip_id;
    bool committed;
    bool blocked;       /* after the commit, opening has passed its limit; still trying */
    uint64_t held_us;   /* how long writes were (or have been) held in it */
    struct err failure; /* why the last flip failed; not set when it did not */
    enum cutover_way_back way_back;
};
void cutover_status(const struct cutover *c, struct cutover_status *out);
/* The current route; borrowed, valid until the next event. */
const struct cutover_route *cutover_route(const struct cutover *c);
/* No command, no flip, no recovery under way. */
bool cutover_is_idle(const struct cutover *c);

const char *cutover_state_name(enum cutover_state state);
const char *cutover_event_name(enum cutover_event event);
const char *cutover_step_name(enum cutover_step step);
const char *cutover_result_name(enum cutover_result result);
const char *cutover_job_name(enum cutover_job job);

/* The transition table as a Mermaid state diagram; the documentation shows exactly this. */
void cutover_print_fsm(struct buf *out);

#endif
