/* cutover_internal.h — what the files of the cutover share: the machine's data, the script runner,
 * the tables.
 *
 * Not for other layers. The parts:
 *
 *     machine.c    states, transitions, deadlines, reports        (decides what comes next)
 *     script.c     runs the lines of a state, one act at a time   (does it)
 *     flip.c       the lines of a flip: hold ... release, undo    (says what to do)
 *     look.c       asks both sides who they are
 *     preflight.c  the preflight           prepare.c  the set-up
 *     recover.c    the start-up            record.c   the durable record
 *     cutover.c    the public verbs
 *
 * Here are the data, and the verbs of machine, script, flip, look and recover; the preflight, the
 * set-up and the record have headers of their own. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_CUTOVER_INTERNAL_H
#define TEAL_CUTOVER_CUTOVER_INTERNAL_H

#include "base/list.h"
#include "cutover/cutover.h"
#include "cutover/engine/record.h"

enum {
    POLL_FAST_US = 2000,            /* while writes are held */
    POLL_SLOW_US = 100 * 1000,      /* while they flow */
    RETRY_US = 200 * 1000,          /* after a failure that must not be given up */
    RECOVER_US = 1000 * 1000,       /* between two looks at start-up */
    SQL_TIMEOUT_US = 2000 * 1000,   /* one statement after the commit, and while nothing is held */
    SQL_TIMEOUT_MIN_US = 10 * 1000, /* even when the step is nearly over */
    SQL_CHECK_US = 5000 * 1000,     /* one query of the preflight */
    SQL_LONG_US = 60 * 1000 * 1000, /* set-up: a slot waits for open transactions */
    GATE_CLOSE_US = 50 * 1000,
    GATE_PATIENCE_US = 2000 * 1000,
    GATE_TIMEOUT_US = 10 * 1000 * 1000,
    STREAM_TIMEOUT_US = 10 * 1000 * 1000,
    UNDO_TIMEOUT_US = 5 * 1000 * 1000,
    AFTER_TRIES_MAX = 25, /* times RETRY_US; then the command ends and the tick goes on trying */
    SLOT_TRIES_MAX = 5,
    DETAIL_MAX = 1024,
    PHASE_MAX = 32,
    STAMP_MAX = 40,
    VALUE_MAX = 32,
};

/* ---- scripts ---- */

enum line_side { LINE_FROM, LINE_TO, LINE_BLUE, LINE_GREEN };

enum line_flag {
    LINE_FRESH = 1u << 0,     /* on a brand-new connection */
    LINE_TOGETHER = 1u << 1,  /* starts together with the line behind it */
    LINE_JUDGE_ALL = 1u << 2, /* judge wants failures too */
    LINE_REPORT = 1u << 3,    /* the operator sees it as a line of its own */
    LINE_LONG = 1u << 4,      /* may take SQL_LONG_US */
    LINE_HOUR = 1u << 6,      /* may take an hour */
    LINE_SLOW = 1u << 5,      /* asked again at the slow pace */
};

/* One act of a script: an SQL statement on one side, or a call. Its name is the fault point, the
 * tag in front of the SQL, and the step of its report. Acts must be safe to repeat. */
struct line {
    const char *name;
    enum line_side side;
    unsigned flags;
    bool (*applies)(const struct cutover *c);          /* NULL: always */
    void (*write)(struct cutover *c, struct buf *sql); /* appends the statement; NULL for an act */
    /* What the answer means: OK next line, AGAIN ask again, anything else ends the script. NULL: OK
     * when it ran. */
    enum cutover_event (*judge)(struct cutover *c, enum side side, const struct cutover_rows *rows);
    enum cutover_event (*act)(struct cutover *c); /* instead of write and judge */
};

struct script {
    const struct line *lines; /* borrowed for ever; NULL while none runs */
    size_t count;
    size_t at;                  /* the next line to start */
    uint32_t pending;           /* lines under way */
    uint32_t turn;              /* answers of an older turn are of a script that was left */
    enum cutover_event outcome; /* the first that was not OK */
    uint64_t poll_us;
    uint64_t line_since_us;
};

/* ---- the machine ---- */

/* What a side says about itself. */
struct look {
    bool answered;
    bool in_recovery;
    bool prepared; /* has the schema */
    bool fenced;   /* default_transaction_read_only is on for new sessions */
    int version_num;
    int connection_limit; /* of the database; -1 for none */
    bool stream_exists;   /* the subscription that it receives by */
    bool stream_enabled;
    char system_id[VALUE_MAX];
    char wal_level[VALUE_MAX];
    /* Its own row; epoch 0 when there is none. */
    uint64_t epoch;
    bool writer_known;
    enum side writer;
    uint64_t flip_id;
    char phase[PHASE_MAX];
};

struct flip {
    uint64_t epoch; /* the old one; the flip makes epoch + 1 */
    uint64_t flip_id;
    enum side from;
    enum side to;
    enum cutover_kind kind;
    enum cutover_drain drain;
    bool strict;
    bool way_back_wanted;
    bool dry_run;
    bool drain_pushed;   /* the drain policy was applied */
    bool fence_touched;  /* something on the databases may have changed */
    bool promote_maybe;  /* a promotion may have been asked for */
    bool target_guarded; /* the target has the guard on and must be opened */
    bool committed;
    bool blocked;
    bool way_back_missing;
    bool undo_clean; /* the undo began before anything was touched */
    uint64_t held_since_us;
    uint64_t held_us;
    uint64_t hold_deadline_us;
    uint64_t marker_seq;
    uint32_t after_tries;
    uint32_t slot_tries;
    char lsn[VALUE_MAX];       /* physical: what the target must have replayed */
    char fenced_at[STAMP_MAX]; /* the old side's clock when the fence was seen */
    struct buf sequences;      /* owned: the rows of VALUES for the target */
    uint64_t sequences_count;
};

struct cutover {
    struct cutover_config config; /* strings owned */
    struct cutover_ops ops;
    struct cutover_route route;
    struct record record; /* as last written, or to be written next */
    enum cutover_state state;
    uint64_t state_since_us;
    uint64_t step_since_us;
    uint64_t deadline_us; /* 0: none */
    uint32_t deadline_turn;
    struct script script;
    /* Goes on when the script has ended with OK; taken once. NULL: the state has done what it is
     * for. */
    enum cutover_event (*script_then)(struct cutover *c);
    struct list calls; /* struct call, owned: asked, not answered */

    enum cutover_job job;
    struct cutover_options options;
    uint64_t job_since_us;
    bool job_told;      /* ops->done has been called for it */
    struct err err;     /* why the state failed */
    struct err failure; /* why the last flip failed */
    char detail[DETAIL_MAX];

    bool flip_known;
    struct flip flip;
    struct look look[SIDES_COUNT];
    bool recovered;
    uint32_t recover_looks;
    bool look_one; /* look at look_side only */
    enum side look_side;
    enum cutover_way_back way_back;
    uint64_t undone_at_us;  /* when the last undo ended; 0 never */
    bool way_back_given_up; /* by the last flip that committed: what follows it sets none up */
    bool tick_pending;

    /* preflight.c */
    size_t check_at;
    size_t check_ran;
    size_t check_failed;
    size_t check_warned;
    struct check_value {
        bool known;
        char *text; /* owned */
    } check_value[SIDES_COUNT];
    uint64_t prepare_progress; /* of the copy, as reported last */
    /* Until when a line waits for something that the whole step has no limit for. */
    uint64_t prepare_deadline_us;
};

/* machine.c */
void cutover_fire(struct cutover *c, enum cutover_event event);
bool cutover_takes(const struct cutover *c, enum cutover_event event);
void cutover_assert(const struct cutover *c);
void cutover_report(struct cutover *c, enum cutover_result result, const char *step,
                    const char *detail);
void cutover_report_took(struct cutover *c, enum cutover_result result, const char *step,
                         const char *detail, uint64_t took_us);
void cutover_detail(struct cutover *c, const char *fmt, ...) PRINTF_LIKE(2, 3);
uint64_t cutover_now(const struct cutover *c);
bool cutover_record(struct cutover *c, enum record_phase phase, struct err *err);
void cutover_publish(struct cutover *c, bool held);
void cutover_end_job(struct cutover *c, bool ok);
bool cutover_is_held_state(enum cutover_state state);

/* script.c */
enum cutover_event script_start(struct cutover *c, const struct line *lines, size_t count,
                                uint64_t poll_us);
void script_leave(struct cutover *c);
/* Fires the event after a while, unless the state was left before. */
void script_later(struct cutover *c, uint64_t delay_us, enum cutover_event event);
/* Polls at once what waits for its next poll. */
void script_nudge(struct cutover *c);
/* SQL outside the script; judge may be NULL; answers come whatever state the machine is in. */
typedef void call_fn(struct cutover *c, enum side side, const struct cutover_rows *rows);
void call_sql(struct cutover *c, enum side side, const char *sql, uint64_t timeout_us, call_fn *fn);
void calls_free(struct cutover *c);
/* A place where a test may stop the process. */
void cutover_point(const struct cutover *c, const char *name, const char *when);
void deadline_arm(struct cutover *c, uint64_t deadline_us);
enum side line_side(const struct cutover *c, enum line_side side);

/* Cells: NULL and absence give "" / 0 / false. */
const char *rows_text(const struct cutover_rows *rows, int row, int column);
uint64_t rows_u64(const struct cutover_rows *rows, int row, int column);
bool rows_bool(const struct cutover_rows *rows, int row, int column);
/* OK, FAIL or UNKNOWN with c->err set. */
enum cutover_event rows_event(struct cutover *c, const struct cutover_rows *rows);
/* 'text' as an SQL literal, "text" as an identifier. */
void put_literal(struct buf *b, const char *text);
void put_identifier(struct buf *b, const char *text);

/* flip.c: the lines of each state */
struct lines {
    const struct line *lines;
    size_t count;
};
struct lines flip_lines(enum cutover_state state);
bool flip_is_physical(const struct cutover *c);
bool flip_is_logical(const struct cutover *c);
bool flip_is_one_way(const struct cutover *c);
void flip_begin(struct cutover *c, enum side to);
void put_create_subscription(const struct cutover *c, struct buf *sql, enum side side,
                             const char *with);

/* look.c */
struct lines look_lines(void);
void look_clear(struct cutover *c);
/* Asks both sides, then goes on with then. */
enum cutover_event look_then(struct cutover *c, enum cutover_event (*then)(struct cutover *c));
enum cutover_kind look_kind(const struct cutover *c, enum side to);

/* recover.c */
enum cutover_event recover_begin(struct cutover *c);

#endif
