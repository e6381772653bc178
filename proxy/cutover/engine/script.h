/* script.h — runs the lines of a state, one act at a time.
 *
 * A script is a static array of lines: each is an SQL statement on one side, a call, or the run of
 * a hook, which is alone and about the pair, not about a database. Lines marked TOGETHER start with
 * the line behind them and are waited for together, so that the two sides work at the same time. A
 * line marked EACH runs in every database, at the same time; each database is asked, polled and
 * judged for itself, and the script goes on when all are done. The others run in the home database.
 * An answer belongs to the turn in which it was asked: when the state was left meanwhile (a
 * deadline, an abort), the answer is dropped in script.c and nowhere else.
 *
 * The runner knows no state and no SQL. Whose lines they are (struct cutover) it only hands on, and
 * what it must ask upward it asks through struct script_env. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_ENGINE_SCRIPT_H
#define TEAL_CUTOVER_ENGINE_SCRIPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "cutover/engine/calls.h"
#include "cutover/engine/report.h"
#include "cutover/types/rows.h"
#include "cutover/types/states.h"

struct cutover; /* opaque here: what the lines work on */

enum {
    POLL_FAST_US = 2000,            /* while writes are held */
    POLL_SLOW_US = 100 * 1000,      /* while they flow */
    SQL_LONG_US = 60 * 1000 * 1000, /* a slot waits for open transactions */
};

enum line_side { LINE_FROM, LINE_TO, LINE_BLUE, LINE_GREEN };

enum line_flag {
    LINE_FRESH = 1u << 0,     /* on a brand-new connection */
    LINE_TOGETHER = 1u << 1,  /* starts together with the line behind it */
    LINE_JUDGE_ALL = 1u << 2, /* judge wants failures too */
    LINE_REPORT = 1u << 3,    /* the operator sees it as a line of its own */
    LINE_LONG = 1u << 4,      /* may take SQL_LONG_US */
    LINE_SLOW = 1u << 5,      /* asked again at the slow pace */
    LINE_HOUR = 1u << 6,      /* may take an hour */
    LINE_EACH = 1u << 7,      /* in every database, at the same time */
    LINE_FEW = 1u << 8, /* of EACH: in at most LINE_FEW_MAX databases at a time; it is alone */
};

enum { LINE_FEW_MAX = 4 };

typedef bool line_applies_fn(const struct cutover *c);
typedef bool line_wants_fn(const struct cutover *c, struct place at);
typedef void line_write_fn(const struct cutover *c, struct place at, struct buf *sql);
typedef enum cutover_event line_judge_fn(struct cutover *c, struct place at,
                                         const struct cutover_rows *rows);
typedef enum cutover_event line_call_fn(struct cutover *c);
typedef enum cutover_event line_answer_fn(struct cutover *c, const struct hook_answer *answer);

/* A line that runs a hook. */
struct line_hook {
    enum hook hook;
    line_answer_fn *judge; /* as that of a statement */
};

/* A statement (sql or write, then judge), a call or a hook. Its name is the fault point, the tag in
 * front of the SQL, and the step of its report. Lines must be safe to repeat: a crash or a retry
 * runs them again. */
struct line {
    const char *name;
    enum line_side side;
    unsigned flags;
    line_applies_fn *applies; /* NULL: always */
    line_wants_fn *wants;     /* of EACH: in which databases; NULL: in all */
    const char *sql;          /* a statement that is always the same, or NULL */
    line_write_fn *write;     /* appends the statement, or NULL */
    /* What the answer means: OK next line, AGAIN ask again, anything else ends the script. NULL: OK
     * when it ran. */
    line_judge_fn *judge;
    line_call_fn *call; /* instead of a statement; means the same */
    const struct line_hook
        *hook; /* instead of both; borrowed for ever. Never together with others */
};

struct script_def {
    const struct line *lines;
    size_t count;
    uint64_t poll_us; /* between two tries of a line that says AGAIN */
    /* Goes on when the script has ended with OK: its event is the script's. It may start another
     * script, and return what that returns. NULL: OK. */
    enum cutover_event (*then)(struct cutover *c);
};

/* What the runner asks upward; given at creation. */
struct script_env {
    struct cutover *cutover; /* borrowed: handed to the lines */
    /* Which side a line is meant for. */
    enum side (*line_side)(const struct cutover *c, enum line_side side);
    uint32_t (*databases)(const struct cutover *c);
    const char *(*database_name)(const struct cutover *c, uint32_t database);
    struct machine *machine; /* borrowed: handed to the two below */
    /* How long a plain statement may take now. */
    uint64_t (*statement_limit_us)(const struct machine *m);
    /* What a hook is about, and how long it may take now. May be NULL where no line has one. */
    void (*hook_about)(const struct cutover *c, enum hook hook, struct hook_about *out);
    uint64_t (*hook_limit_us)(const struct machine *m);
    /* The script has ended with the event. Never called from within script_start. */
    void (*ended)(struct machine *m, enum cutover_event event);
};

struct script {
    struct script_env env;
    struct calls *calls;          /* borrowed */
    struct report *report;        /* borrowed */
    const struct script_def *def; /* borrowed for ever; NULL while none has run */
    const struct line *waiting;   /* the last that said AGAIN, until it is asked again */
    uint32_t waiting_database;    /* where it said so */
    size_t at;                    /* the next line to start */
    uint32_t pending;             /* questions and calls of the group that are not done yet */
    uint32_t few_next;            /* of a line that is FEW: the next database to start */
    uint32_t turn;                /* grows with each start and leave: an older answer is stale */
    enum cutover_event outcome;   /* of the group under way: the first that was not OK */
    uint64_t line_since_us;
    uint64_t wait_until_us; /* see script_wait */
};

void script_init(struct script *s, const struct script_env *env, struct calls *calls,
                 struct report *report);
/* Leaves what runs and starts the script. The event when it has ended at once, or CUT_EV_NONE. */
enum cutover_event script_start(struct script *s, const struct script_def *def);
/* Answers that are still to come are dropped. */
void script_leave(struct script *s);
/* Polls the calls at once that wait for their next poll. */
void script_nudge(struct script *s);

/* For lines that wait for something the state has no limit for: how long, from now. */
void script_wait(struct script *s, uint64_t limit_us);
/* That time is over; only after script_wait. */
bool script_waited(const struct script *s);

#endif
