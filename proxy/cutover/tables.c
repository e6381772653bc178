/* tables.c — the whole cutover in tables. See tables.h.
 *
 * Three of them: the states (what runs in each, and for how long), the rows (which event leads
 * where), and the lines of every script, with the names by which their SQL is found in the logs of
 * a server. The files that the functions are named after do the work and explain it: hold, fence,
 * catchup, stream, commit, look; preflight; prepare, finish; recover. Nothing includes this file
 * but cutover.c, so none of them knows what comes before or after it.
 *
 * Three rules can be read off the rows:
 *
 *   - left of the commit, FAIL, UNKNOWN, LATE and ABORT lead to undo;
 *   - a commit that is not confirmed leads to resolve or promote-ask, which know no other way
 *     out than a decision;
 *   - right of the commit there is no way back into undo, only the same state again. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/tables.h"

#include "base/clock.h"
#include "cutover/ending.h"
#include "cutover/engine/machine.h"
#include "cutover/flip/fence_database.h"
#include "cutover/flip/history.h"
#include "cutover/flip/parts.h"
#include "cutover/flip/sql.h"
#include "cutover/invariants.h"
#include "cutover/limits.h"
#include "cutover/preflight/preflight.h"
#include "cutover/recover.h"
#include "cutover/setup/finish.h"
#include "cutover/setup/prepare.h"
#include "cutover/types/scripts.h"

/* clang-format off */

/* ---- the states: what they begin with, the limit of a statement, the limit of the state ---- */

static enum cutover_event job_begin(struct cutover *c);

static const struct machine_state states[CUTOVER_STATES_COUNT] = {
    [CUT_IDLE] = {.unlimited = "nothing is under way"},
    [CUT_RECOVER] = {.begin = recover_begin, .statement = STATEMENT_SHORT,
                     .unlimited = "it asks until the writer is known: nothing may begin before"},
    [CUT_JOB] = {.begin = job_begin, .statement = STATEMENT_CHECK, .limit_us = limit_job},
    [CUT_CHECK] = {.begin = preflight_begin, .statement = STATEMENT_CHECK, .limit_us = limit_check},
    [CUT_GATE] = {SCRIPT_GATE, .statement = STATEMENT_SHORT, .limit_us = limit_gate},
    [CUT_HOLD] = {SCRIPT_HOLD, .statement = STATEMENT_SHORT, .limit_us = limit_drain},
    [CUT_DRAIN] = {SCRIPT_DRAIN, .statement = STATEMENT_LEFT, .limit_us = limit_drain},
    [CUT_FENCE] = {SCRIPT_FENCE, .statement = STATEMENT_LEFT, .limit_us = limit_fence},
    [CUT_CATCHUP] = {SCRIPT_CATCHUP, .statement = STATEMENT_LEFT, .limit_us = limit_catchup},
    [CUT_SEQUENCES] = {SCRIPT_SEQUENCES, .statement = STATEMENT_LEFT, .limit_us = limit_sync},
    [CUT_WAY_BACK] = {SCRIPT_WAY_BACK, .statement = STATEMENT_LEFT, .limit_us = limit_sync},
    [CUT_COMMIT] = {SCRIPT_COMMIT, .statement = STATEMENT_WHOLE, .limit_us = limit_commit},
    [CUT_RESOLVE] = {SCRIPT_RESOLVE, .statement = STATEMENT_LEFT, .limit_us = limit_commit},
    [CUT_PROMOTE] = {SCRIPT_PROMOTE, .statement = STATEMENT_LEFT, .limit_us = limit_commit},
    [CUT_PROMOTE_ASK] = {SCRIPT_PROMOTE_ASK, .statement = STATEMENT_LEFT, .limit_us = limit_commit},
    [CUT_OPEN] = {SCRIPT_OPEN, .statement = STATEMENT_LEFT, .limit_us = limit_open},
    [CUT_RELEASE] = {SCRIPT_RELEASE, .statement = STATEMENT_SHORT,
                     .unlimited = "a call that ends at once"},
    [CUT_AFTER] = {SCRIPT_AFTER, .statement = STATEMENT_SHORT, .limit_us = limit_after},
    [CUT_RESUME_HA] = {SCRIPT_RESUME_HA, .statement = STATEMENT_SHORT, .limit_us = limit_resume_ha},
    [CUT_UNDO] = {SCRIPT_UNDO, .statement = STATEMENT_SHORT, .limit_us = limit_undo},
    [CUT_UNDO_RELEASE] = {SCRIPT_UNDO_RELEASE, .statement = STATEMENT_SHORT,
                          .unlimited = "a call that ends at once"},
    [CUT_UNDO_AFTER] = {SCRIPT_UNDO_AFTER, .statement = STATEMENT_SHORT,
                        .unlimited = "writes flow, it waits for nothing, and its tries are counted"},
};

static const struct machine_step steps[CUTOVER_STEPS_COUNT] = {
    [CUT_STEP_NONE] = {STEP_SILENT, NULL},
    [CUT_STEP_RECOVER] = {STEP_SILENT, NULL},
    [CUT_STEP_JOB] = {STEP_SILENT, NULL},
    [CUT_STEP_CHECK] = {STEP_ALL, NULL},
    [CUT_STEP_GATE] = {STEP_ALL, "see SHOW LAG; the follower must be close before writes are held"},
    [CUT_STEP_HOLD] = {STEP_ALL, NULL},
    [CUT_STEP_DRAIN] = {STEP_ALL, "see SHOW CLIENTS for what runs long; or use CUTOVER DRAIN CANCEL"},
    [CUT_STEP_FENCE] = {STEP_ALL, "see pg_stat_activity and pg_prepared_xacts on the old side"},
    [CUT_STEP_CATCHUP] = {STEP_ALL, "see SHOW LAG, and the log of the target for apply errors or locks"},
    [CUT_STEP_SEQUENCES] = {STEP_ALL, "see the log of the target; both sides need the same sequences"},
    [CUT_STEP_WAY_BACK] = {STEP_ALL, "run CHECK; or use NO ROLLBACK to go without a way back"},
    [CUT_STEP_COMMIT] = {STEP_ALL, NULL},
    [CUT_STEP_OPEN] = {STEP_ALL, NULL},
    [CUT_STEP_RELEASE] = {STEP_OK, NULL},
    [CUT_STEP_AFTER] = {STEP_OK, NULL},
    [CUT_STEP_UNDO] = {STEP_OK, NULL},
    [CUT_STEP_RESUME_HA] = {STEP_OK, NULL},
};

/* What the operator asked for: CUT_JOB is all of them. */
static line_call_fn *const jobs[CUTOVER_JOBS_COUNT] = {
    [CUTOVER_JOB_CHECK] = preflight_begin,
    [CUTOVER_JOB_PREPARE] = prepare_begin,
    [CUTOVER_JOB_FINISH] = finish_begin,
};

/* ---- the rows: state, event, guard, next, wait, on leaving, on entering, reason ---- */

#define RETRY_US CLOCK_MS(200)
#define LOOK_AGAIN_US CLOCK_SECONDS(1)

/* Writes still flow: nothing to undo. */
#define REFUSED_AT(state) \
    {state, CUT_EV_FAIL, NULL, CUT_IDLE, 0, NULL, ending_refused, "nothing was touched"}, \
    {state, CUT_EV_UNKNOWN, NULL, CUT_IDLE, 0, NULL, ending_refused, "nothing was touched"}, \
    {state, CUT_EV_LATE, NULL, CUT_IDLE, 0, NULL, ending_refused, "nothing was touched"}, \
    {state, CUT_EV_NO, NULL, CUT_IDLE, 0, NULL, ending_refused, "nothing was touched"}, \
    {state, CUT_EV_ABORT, NULL, CUT_IDLE, 0, NULL, ending_refused, "called off"}
/* The same where failover may be paused already. */
#define RESUMED_AT(state) \
    {state, CUT_EV_FAIL, ha_is_paused, CUT_RESUME_HA, 0, NULL, ending_refused_later, "failover is to go on"}, \
    {state, CUT_EV_UNKNOWN, ha_is_paused, CUT_RESUME_HA, 0, NULL, ending_refused_later, "failover is to go on"}, \
    {state, CUT_EV_LATE, ha_is_paused, CUT_RESUME_HA, 0, NULL, ending_refused_later, "failover is to go on"}, \
    {state, CUT_EV_NO, ha_is_paused, CUT_RESUME_HA, 0, NULL, ending_refused_later, "failover is to go on"}, \
    {state, CUT_EV_ABORT, ha_is_paused, CUT_RESUME_HA, 0, NULL, ending_refused_later, "failover is to go on"}
/* Before the commit. */
#define UNDONE_AT(state, undo) \
    {state, CUT_EV_FAIL, NULL, undo, 0, NULL, NULL, "it failed"}, \
    {state, CUT_EV_UNKNOWN, NULL, undo, 0, NULL, NULL, "a connection was lost"}, \
    {state, CUT_EV_LATE, NULL, undo, 0, NULL, NULL, "its time is over"}, \
    {state, CUT_EV_ABORT, NULL, undo, 0, NULL, NULL, "called off"}
/* Where there is only one direction. */
#define REPEATED_AT(state) \
    {state, CUT_EV_AGAIN, NULL, state, 0, NULL, NULL, "try again"}, \
    {state, CUT_EV_FAIL, NULL, state, RETRY_US, NULL, NULL, "it failed: try again"}, \
    {state, CUT_EV_UNKNOWN, NULL, state, RETRY_US, NULL, NULL, "a connection was lost: try again"}, \
    {state, CUT_EV_LATE, NULL, state, 0, NULL, effort_blocked, "it takes too long: say so and go on"}

static const struct machine_row rows[] = {
    {CUT_IDLE, CUT_EV_RECOVER, NULL, CUT_RECOVER, 0, NULL, NULL, "the process has started"},
    {CUT_IDLE, CUT_EV_JOB, NULL, CUT_JOB, 0, NULL, NULL, "the operator asked"},
    {CUT_IDLE, CUT_EV_FLIP, NULL, CUT_CHECK, 0, NULL, NULL, "the operator asked"},
    {CUT_IDLE, CUT_EV_AFTER, NULL, CUT_AFTER, 0, NULL, NULL, "the way back is not set up yet"},
    {CUT_IDLE, CUT_EV_UNDO_AFTER, NULL, CUT_UNDO_AFTER, 0, NULL, NULL, "the stream is not on again yet"},
    {CUT_IDLE, CUT_EV_RESUME_HA, NULL, CUT_RESUME_HA, 0, NULL, NULL, "failover is still paused"},
    {CUT_IDLE, CUT_EV_UNDO, NULL, CUT_UNDO, 0, NULL, NULL, "the writer was found fenced after an undo"},

    {CUT_RECOVER, CUT_EV_OK, NULL, CUT_IDLE, 0, NULL, ending_recovered, "the writer is known"},
    {CUT_RECOVER, CUT_EV_AGAIN, NULL, CUT_RECOVER, 0, NULL, NULL, "look again"},
    {CUT_RECOVER, CUT_EV_FAIL, NULL, CUT_RECOVER, LOOK_AGAIN_US, NULL, NULL, "the writer is not known yet"},
    {CUT_RECOVER, CUT_EV_UNKNOWN, NULL, CUT_RECOVER, LOOK_AGAIN_US, NULL, NULL, "the writer is not known yet"},
    {CUT_RECOVER, CUT_EV_UNDO, NULL, CUT_UNDO, 0, NULL, NULL, "the flip had not committed"},
    {CUT_RECOVER, CUT_EV_RESOLVE, NULL, CUT_RESOLVE, 0, NULL, NULL, "the commit may have been sent"},
    {CUT_RECOVER, CUT_EV_PROMOTE, NULL, CUT_PROMOTE, 0, NULL, commit_promote_maybe, "the promotion was decided"},
    {CUT_RECOVER, CUT_EV_FORWARD, NULL, CUT_OPEN, 0, commit_done, NULL, "the flip had committed"},
    {CUT_RECOVER, CUT_EV_AFTER, NULL, CUT_RELEASE, 0, commit_done, NULL, "the target had been opened"},
    {CUT_RECOVER, CUT_EV_UNDO_AFTER, NULL, CUT_UNDO_RELEASE, 0, NULL, NULL, "the flip had been undone"},

    {CUT_JOB, CUT_EV_OK, NULL, CUT_IDLE, 0, NULL, ending_job, "done"},
    REFUSED_AT(CUT_JOB),

    {CUT_CHECK, CUT_EV_OK, NULL, CUT_GATE, 0, NULL, NULL, "no finding blocks"},
    REFUSED_AT(CUT_CHECK),

    {CUT_GATE, CUT_EV_OK, NULL, CUT_HOLD, 0, NULL, NULL, "the lag is small"},
    RESUMED_AT(CUT_GATE),
    REFUSED_AT(CUT_GATE),

    {CUT_HOLD, CUT_EV_OK, NULL, CUT_DRAIN, 0, NULL, NULL, "every worker holds writes"},
    UNDONE_AT(CUT_HOLD, CUT_UNDO_RELEASE),

    {CUT_DRAIN, CUT_EV_OK, flip_is_dry_run, CUT_UNDO_RELEASE, 0, NULL, NULL, "a dry run ends here"},
    {CUT_DRAIN, CUT_EV_OK, NULL, CUT_FENCE, 0, NULL, NULL, "no transaction is open on the old side"},
    {CUT_DRAIN, CUT_EV_LATE, hold_may_push_drain, CUT_DRAIN, 0, NULL, hold_push_drain, "transactions are pushed"},
    UNDONE_AT(CUT_DRAIN, CUT_UNDO_RELEASE),

    {CUT_FENCE, CUT_EV_OK, NULL, CUT_CATCHUP, 0, NULL, NULL, "the old side refuses writes"},
    UNDONE_AT(CUT_FENCE, CUT_UNDO),

    {CUT_CATCHUP, CUT_EV_OK, flip_is_promoted, CUT_PROMOTE, 0, NULL, NULL, "the target has everything"},
    {CUT_CATCHUP, CUT_EV_OK, NULL, CUT_SEQUENCES, 0, NULL, NULL, "the marker has arrived"},
    UNDONE_AT(CUT_CATCHUP, CUT_UNDO),

    {CUT_SEQUENCES, CUT_EV_OK, NULL, CUT_WAY_BACK, 0, NULL, NULL, "the sequences are set"},
    UNDONE_AT(CUT_SEQUENCES, CUT_UNDO),

    {CUT_WAY_BACK, CUT_EV_OK, NULL, CUT_COMMIT, 0, NULL, NULL, "the reverse stream is ready"},
    UNDONE_AT(CUT_WAY_BACK, CUT_UNDO),

    {CUT_COMMIT, CUT_EV_OK, NULL, CUT_OPEN, 0, commit_done, NULL, "the decision row is written"},
    {CUT_COMMIT, CUT_EV_FAIL, NULL, CUT_RESOLVE, 0, NULL, NULL, "the decision row was not written"},
    {CUT_COMMIT, CUT_EV_UNKNOWN, NULL, CUT_RESOLVE, 0, NULL, NULL, "the outcome is unknown"},
    {CUT_COMMIT, CUT_EV_LATE, NULL, CUT_RESOLVE, 0, NULL, NULL, "no answer in time"},

    {CUT_RESOLVE, CUT_EV_OK, NULL, CUT_OPEN, 0, commit_done, NULL, "it had committed"},
    {CUT_RESOLVE, CUT_EV_NO, NULL, CUT_UNDO, 0, NULL, NULL, "it had not, and now it cannot"},
    REPEATED_AT(CUT_RESOLVE),

    {CUT_PROMOTE, CUT_EV_OK, NULL, CUT_OPEN, 0, commit_done, NULL, "the promotion has been asked for"},
    {CUT_PROMOTE, CUT_EV_AGAIN, NULL, CUT_PROMOTE, 0, NULL, NULL, "ask again for the promotion"},
    {CUT_PROMOTE, CUT_EV_FAIL, NULL, CUT_PROMOTE_ASK, 0, NULL, NULL, "it failed"},
    {CUT_PROMOTE, CUT_EV_UNKNOWN, NULL, CUT_PROMOTE_ASK, 0, NULL, commit_promote_maybe, "the outcome is unknown"},
    {CUT_PROMOTE, CUT_EV_LATE, commit_may_promote, CUT_PROMOTE_ASK, 0, NULL, effort_blocked, "say so and go on"},
    {CUT_PROMOTE, CUT_EV_LATE, NULL, CUT_PROMOTE_ASK, 0, NULL, commit_promote_maybe, "no answer in time"},

    {CUT_PROMOTE_ASK, CUT_EV_OK, NULL, CUT_OPEN, 0, commit_done, NULL, "it is out of recovery"},
    {CUT_PROMOTE_ASK, CUT_EV_NO, commit_may_promote, CUT_PROMOTE, RETRY_US, NULL, NULL, "it may be under way: ask again"},
    {CUT_PROMOTE_ASK, CUT_EV_NO, NULL, CUT_UNDO, 0, NULL, NULL, "it was refused"},
    {CUT_PROMOTE_ASK, CUT_EV_LATE, commit_may_promote, CUT_PROMOTE_ASK, 0, NULL, effort_blocked, "say so and go on"},
    {CUT_PROMOTE_ASK, CUT_EV_LATE, NULL, CUT_UNDO, 0, NULL, NULL, "it was never asked for"},
    {CUT_PROMOTE_ASK, CUT_EV_AGAIN, NULL, CUT_PROMOTE_ASK, 0, NULL, NULL, "ask again"},
    {CUT_PROMOTE_ASK, CUT_EV_FAIL, NULL, CUT_PROMOTE_ASK, RETRY_US, NULL, NULL, "it does not answer"},
    {CUT_PROMOTE_ASK, CUT_EV_UNKNOWN, NULL, CUT_PROMOTE_ASK, RETRY_US, NULL, NULL, "it does not answer"},

    {CUT_OPEN, CUT_EV_OK, NULL, CUT_RELEASE, 0, NULL, NULL, "the target accepts writes"},
    REPEATED_AT(CUT_OPEN),

    {CUT_RELEASE, CUT_EV_OK, NULL, CUT_AFTER, 0, NULL, NULL, "writes flow on the target"},

    {CUT_AFTER, CUT_EV_OK, ha_is_paused, CUT_RESUME_HA, 0, NULL, ending_flip_later, "done, and failover is to go on"},
    {CUT_AFTER, CUT_EV_OK, NULL, CUT_IDLE, 0, NULL, ending_flip, "done"},
    {CUT_AFTER, CUT_EV_AGAIN, NULL, CUT_AFTER, 0, NULL, NULL, "try again"},
    {CUT_AFTER, CUT_EV_FAIL, effort_is_left, CUT_AFTER, RETRY_US, NULL, effort_try, "it failed: try again"},
    {CUT_AFTER, CUT_EV_FAIL, NULL, CUT_IDLE, 0, NULL, ending_after_failed, "leave it to the tick"},
    {CUT_AFTER, CUT_EV_UNKNOWN, effort_is_left, CUT_AFTER, RETRY_US, NULL, effort_try, "try again"},
    {CUT_AFTER, CUT_EV_UNKNOWN, NULL, CUT_IDLE, 0, NULL, ending_after_failed, "leave it to the tick"},
    {CUT_AFTER, CUT_EV_LATE, NULL, CUT_IDLE, 0, NULL, ending_after_failed, "leave it to the tick"},

    {CUT_RESUME_HA, CUT_EV_OK, NULL, CUT_IDLE, 0, NULL, ending_resumed, "failover goes on"},
    {CUT_RESUME_HA, CUT_EV_FAIL, NULL, CUT_IDLE, 0, NULL, ending_not_resumed, "leave it to the tick"},
    {CUT_RESUME_HA, CUT_EV_UNKNOWN, NULL, CUT_IDLE, 0, NULL, ending_not_resumed, "leave it to the tick"},
    {CUT_RESUME_HA, CUT_EV_LATE, NULL, CUT_IDLE, 0, NULL, ending_not_resumed, "leave it to the tick"},

    {CUT_UNDO, CUT_EV_OK, NULL, CUT_UNDO_RELEASE, 0, NULL, NULL, "the old side accepts writes"},
    REPEATED_AT(CUT_UNDO),

    {CUT_UNDO_RELEASE, CUT_EV_OK, ending_untouched_later, CUT_RESUME_HA, 0, NULL, ending_undone_later, "failover is to go on"},
    {CUT_UNDO_RELEASE, CUT_EV_OK, fence_is_untouched, CUT_IDLE, 0, NULL, ending_undone, "the databases were not touched"},
    {CUT_UNDO_RELEASE, CUT_EV_OK, NULL, CUT_UNDO_AFTER, 0, NULL, NULL, "writes flow on the old side"},

    {CUT_UNDO_AFTER, CUT_EV_OK, ha_is_paused, CUT_RESUME_HA, 0, NULL, ending_undone_later, "as before, and failover is to go on"},
    {CUT_UNDO_AFTER, CUT_EV_OK, NULL, CUT_IDLE, 0, NULL, ending_undone, "as before the flip"},
    {CUT_UNDO_AFTER, CUT_EV_AGAIN, NULL, CUT_UNDO_AFTER, 0, NULL, NULL, "try again"},
    {CUT_UNDO_AFTER, CUT_EV_FAIL, effort_is_left, CUT_UNDO_AFTER, RETRY_US, NULL, effort_try, "it failed: try again"},
    {CUT_UNDO_AFTER, CUT_EV_FAIL, NULL, CUT_IDLE, 0, NULL, ending_undo_after_failed, "leave it to the tick"},
    {CUT_UNDO_AFTER, CUT_EV_UNKNOWN, effort_is_left, CUT_UNDO_AFTER, RETRY_US, NULL, effort_try, "try again"},
    {CUT_UNDO_AFTER, CUT_EV_UNKNOWN, NULL, CUT_IDLE, 0, NULL, ending_undo_after_failed, "leave it to the tick"},
};

/* ---- the lines ----
 *
 * ASK is a statement that is always the same, PUT one that is written anew each time: name, side,
 * flags, when it applies, statement, judge. Both run in the home database, or with EACH in every
 * database at the same time. ASK_IN and PUT_IN run in each database that wants it. CALL asks no
 * database: name, when it applies, call. HOOK runs a hook, once for all databases: name, side that
 * it is told of, flags, when it applies, hook, judge. */

#define ASK(name, side, flags, applies, sql, judge) {name, LINE_##side, flags, applies, NULL, sql, NULL, judge, NULL, NULL}
#define PUT(name, side, flags, applies, write, judge) {name, LINE_##side, flags, applies, NULL, NULL, write, judge, NULL, NULL}
#define ASK_IN(name, side, flags, wants, sql, judge) {name, LINE_##side, EACH | flags, NULL, wants, sql, NULL, judge, NULL, NULL}
#define PUT_IN(name, side, flags, wants, write, judge) {name, LINE_##side, EACH | flags, NULL, wants, NULL, write, judge, NULL, NULL}
#define CALL(name, side, flags, applies, call) {name, LINE_##side, flags, applies, NULL, NULL, NULL, NULL, call, NULL}
#define HOOK(name, side, flags, applies, which, judge) \
    {name, LINE_##side, flags, applies, NULL, NULL, NULL, NULL, NULL, &(const struct line_hook){HOOK_##which, judge}}
#define FRESH LINE_FRESH
#define TOGETHER LINE_TOGETHER
#define ALL LINE_JUDGE_ALL
#define SHOWN LINE_REPORT
#define LONG LINE_LONG
#define SLOW LINE_SLOW
#define HOUR LINE_HOUR
#define EACH LINE_EACH
#define FEW LINE_FEW

#define LOOK_LINES \
    ASK("look-blue", BLUE, TOGETHER | ALL, look_wants_blue, LOOK_SQL, look_judge), \
    ASK("look-green", GREEN, ALL, look_wants_green, LOOK_SQL, look_judge), \
    ASK("look-row-blue", BLUE, TOGETHER | ALL, look_has_row_blue, LOOK_SQL_ROW_BLUE, look_judge_row), \
    ASK("look-row-green", GREEN, TOGETHER | ALL, look_has_row_green, LOOK_SQL_ROW_GREEN, look_judge_row), \
    ASK("look-list-blue", BLUE, TOGETHER | ALL, look_has_blue, DATABASES_SQL_LIST, look_judge_databases), \
    ASK("look-list-green", GREEN, ALL, look_has_green, DATABASES_SQL_LIST, look_judge_databases), \
    CALL("look-choose", BLUE, 0, NULL, databases_call_choose), \
    ASK_IN("look-schema-blue", BLUE, TOGETHER | ALL, databases_wants_schema, DATABASES_SQL_SCHEMA, databases_judge_schema), \
    ASK_IN("look-schema-green", GREEN, TOGETHER | ALL, databases_wants_schema, DATABASES_SQL_SCHEMA, databases_judge_schema), \
    PUT("rights-blue", BLUE, TOGETHER | ALL, look_has_blue, rights_write, rights_judge), \
    PUT("rights-green", GREEN, ALL, look_has_green, rights_write, rights_judge)

static const struct line look_lines[] = {LOOK_LINES};

static const struct line check_look_lines[] = {
    LOOK_LINES,
    HOOK("check-hook-lag", TO, ALL, external_is_configured, LAG, external_judge_checked),
};

static const struct line check_lines[] = {
    PUT_IN("check-from", FROM, TOGETHER | ALL, preflight_asks, preflight_write_from, preflight_judge),
    PUT_IN("check-to", TO, ALL, preflight_asks, preflight_write_to, preflight_judge),
};

static const struct line prepare_lines[] = {
    PUT("room", FROM, 0, flip_is_own, prepare_write_room, prepare_judge_room),
    PUT("room-there", TO, 0, flip_is_own, prepare_write_room, prepare_judge_room),
    PUT_IN("slot-there", FROM, 0, prepare_wants_slot, prepare_write_slot_there, prepare_judge_slot_there),
    ASK("identity", FROM, EACH, flip_is_own, PREPARE_SQL_IDENTITY, prepare_judge_identity),
    ASK_IN("rows-there", TO, 0, prepare_is_new, PREPARE_SQL_ROWS_THERE, prepare_judge_rows_there),
    ASK("tables", FROM, EACH | TOGETHER | ALL, flip_is_logical, PREPARE_SQL_TABLES, prepare_judge_tables),
    ASK("tables-there", TO, EACH | ALL, flip_is_logical, PREPARE_SQL_TABLES, prepare_judge_tables),
    CALL("tables-compare", TO, 0, flip_is_logical, prepare_call_compare),
    PUT("schema", FROM, EACH | SHOWN, NULL, prepare_write_schema, NULL),
    PUT("rows", FROM, EACH | SHOWN, NULL, prepare_write_rows, NULL),
    ASK("publication", FROM, EACH | SHOWN, flip_is_own, PREPARE_SQL_PUBLICATION, NULL),
    CALL("limit", FROM, 0, NULL, prepare_call_limit),
    ASK("replayed", TO, EACH | SHOWN | SLOW, flip_is_physical, PREPARE_SQL_REPLAYED, prepare_judge_true),
    ASK("guard", TO, SHOWN, prepare_guards_system, SQL_GUARD_ON, NULL),
    ASK("guard-reload", TO, 0, prepare_guards_system, SQL_RELOAD, NULL),
    PUT("guard-databases", TO, SHOWN, prepare_guards_databases, fence_write_guard, NULL),
    PUT("schema-there", TO, EACH | SHOWN, flip_is_logical, prepare_write_schema, NULL),
    PUT_IN("rows-clear", TO, 0, prepare_is_new, prepare_write_rows_clear, NULL),
    ASK("publication-there", TO, EACH | SHOWN, flip_is_logical, PREPARE_SQL_PUBLICATION, NULL),
    PUT_IN("subscription", TO, SHOWN | LONG, prepare_is_new, prepare_write_subscribe, NULL),
    PUT_IN("refresh", TO, SHOWN | LONG, prepare_is_known, prepare_write_refresh, NULL),
    CALL("limit", FROM, 0, NULL, prepare_call_limit_copy),
    PUT("copy", TO, EACH | SHOWN | SLOW, flip_is_logical, prepare_write_copied, prepare_judge_copied),
    PUT_IN("forget", TO, 0, prepare_may_inherit, fence_write_forget, NULL),
    PUT("history", TO, 0, flip_is_logical, history_write_begin, NULL),
    PUT("guard-roles", TO, SHOWN, fence_has_guard_roles, fence_write_guard_roles, NULL),
    PUT("slot-back", TO, EACH | SHOWN | LONG, flip_is_logical, prepare_write_back_slot, NULL),
    PUT_IN("refresh-back", FROM, SHOWN | LONG, prepare_back_is_known, prepare_write_back_refresh, NULL),
    PUT_IN("drop-back", FROM, 0, prepare_back_is_stale, prepare_write_back_drop, NULL),
    PUT_IN("subscription-back", FROM, SHOWN | LONG, prepare_back_is_needed, prepare_write_back_subscribe, NULL),
    CALL("limit", FROM, 0, NULL, prepare_call_limit),
    PUT("stream-back", TO, SHOWN | SLOW, flip_is_two_way, prepare_write_back_runs, prepare_judge_true),
    ASK("analyze", TO, EACH | FEW | SHOWN | HOUR, flip_is_logical, PREPARE_SQL_ANALYZE, NULL),
    HOOK("hook-prepare", TO, SHOWN, external_has_prepare, PREPARE, NULL),
    CALL("prepared", TO, SHOWN, NULL, prepare_call_done),
};

static const struct line finish_lines[] = {
    CALL("limit", FROM, 0, NULL, prepare_call_limit),
    PUT_IN("drop-stream", TO, SHOWN | LONG, finish_is_there, finish_write_drop_stream_to, NULL),
    PUT_IN("drop-slot", FROM, SHOWN | SLOW, finish_is_there, finish_write_drop_slot_to, finish_judge_dropped),
    PUT_IN("drop-stream-back", FROM, SHOWN | LONG, finish_is_there, finish_write_drop_stream_from, NULL),
    PUT_IN("drop-slot-back", TO, SHOWN | SLOW, finish_is_there, finish_write_drop_slot_from, finish_judge_dropped),
    ASK_IN("drop-publication", FROM, SHOWN, finish_is_there, FINISH_SQL_DROP_PUBLICATION, NULL),
    ASK_IN("drop-publication-there", TO, SHOWN, finish_is_there, FINISH_SQL_DROP_PUBLICATION, NULL),
    HOOK("hook-finish", TO, SHOWN, external_has_finish, FINISH, NULL),
    CALL("finished", FROM, SHOWN, NULL, finish_call_done),
};

/* The connections of all databases stand before writes are held: none is made while they wait. */
static const struct line gate_lines[] = {
    CALL("pause-ha-record", FROM, 0, ha_wants_pause, ha_call_paused),
    HOOK("pause-ha", FROM, SHOWN | ALL, ha_wants_pause, PAUSE_HA, ha_judge_pause),
    ASK("gate-connect-from", FROM, EACH | TOGETHER | LONG, NULL, GATE_SQL_CONNECT, NULL),
    ASK("gate-connect-to", TO, EACH | LONG, NULL, GATE_SQL_CONNECT, NULL),
    CALL("gate-lag", TO, 0, flip_is_own, hold_call_gate),
    HOOK("gate-hook-lag", TO, 0, flip_is_external, LAG, external_judge_near),
    PUT_IN("gate-rehearse", FROM, 0, catchup_wants_others, catchup_write_rehearsal, catchup_judge_mark),
    PUT_IN("gate-rehearsed", TO, 0, catchup_wants_others, catchup_write_rehearsed, catchup_judge_rehearsed),
    ASK("gate-sequences", FROM, EACH, flip_is_logical, CATCHUP_SQL_SEQUENCES_PREPARE, NULL),
    PUT("gate-snapshot", TO, ALL, flip_is_one_way, stream_write_snapshot, stream_judge_hint),
    ASK("gate-snapshot-drop", TO, ALL, flip_is_one_way, STREAM_SQL_SNAPSHOT_DROP, stream_judge_hint),
    PUT("gate-ahead", TO, EACH | ALL, flip_is_one_way, stream_write_advance, stream_judge_hint),
};

static const struct line hold_lines[] = {
    CALL("hold-publish", FROM, 0, NULL, hold_call_publish),
    CALL("hold-acked", FROM, 0, NULL, hold_call_acked),
};

static const struct line drain_lines[] = {
    CALL("drain-busy", FROM, 0, NULL, hold_call_drained),
};

static const struct line fence_lines[] = {
    CALL("fence-heartbeat", FROM, 0, NULL, fence_call_heartbeat_off),
    PUT("fence-arm", TO, TOGETHER, flip_is_logical, commit_write_arm, commit_judge_one_row),
    PUT("fence-intent", FROM, 0, NULL, commit_write_intent, commit_judge_one_row),
    HOOK("fence-hook", FROM, 0, flip_is_external, FENCE, NULL),
    PUT("fence-put", FROM, 0, fence_has_catalog, fence_write_put, NULL),
    ASK("fence-set", FROM, 0, fence_is_system, SQL_GUARD_ON, NULL),
    ASK("fence-reload", FROM, 0, fence_is_system, SQL_RELOAD, NULL),
    ASK("fence-seen", FROM, 0, fence_is_system, FENCE_SQL_SHOW, fence_judge_guard_on),
    PUT("fence-began", FROM, 0, fence_is_database, fence_write_began, fence_judge_began),
    CALL("fence-leave", FROM, 0, NULL, fence_call_leave),
    PUT("fence-hook-probe", FROM, EACH | FEW | FRESH | ALL, flip_is_external, fence_write_probe, external_judge_fenced),
    ASK("fence-hook-clock", FROM, 0, flip_is_external, FENCE_SQL_SHOW, external_judge_clock),
    PUT("fence-starting", FROM, 0, fence_has_starting, fence_write_starting, fence_judge_starting),
    PUT("fence-probe", FROM, FRESH | TOGETHER | ALL, flip_is_own, fence_write_probe, fence_judge_probe),
    PUT_IN("fence-probe-others", FROM, TOGETHER | ALL, fence_probes, fence_write_probe, fence_judge_probe),
    PUT("fence-clear", FROM, 0, NULL, fence_write_clear, fence_judge_clear),
    PUT("fence-roles", FROM, TOGETHER, flip_is_own, fence_write_roles, fence_judge_roles),
    PUT("fence-prepared", FROM, 0, NULL, fence_write_prepared, fence_judge_prepared),
};

static const struct line catchup_lines[] = {
    PUT_IN("catchup-mark", FROM, TOGETHER, catchup_wants_mark, catchup_write_mark, catchup_judge_mark),
    PUT("catchup-sequences", FROM, EACH | ALL, flip_is_logical, catchup_write_sequences, catchup_judge_sequences),
    PUT("catchup-hook-mark", FROM, EACH | ALL, flip_is_external, catchup_write_mark, external_judge_mark),
    ASK("catchup-lsn", FROM, 0, flip_is_promoted, CATCHUP_SQL_FLUSH_LSN, catchup_judge_flush_lsn),
    PUT("catchup-arrived", TO, 0, flip_is_own, catchup_write_arrived, catchup_judge_arrived),
    PUT_IN("catchup-arrived-others", TO, 0, catchup_wants_others, catchup_write_arrived, catchup_judge_arrived),
    PUT_IN("catchup-hook-arrived", TO, 0, external_awaits_mark, catchup_write_arrived, catchup_judge_arrived),
    HOOK("catchup-hook-lag", TO, 0, flip_is_external, LAG, external_judge_caught_up),
};

static const struct line sequences_lines[] = {
    PUT_IN("sequences-set", TO, 0, catchup_has_sequences, catchup_write_set, catchup_judge_set),
};

static const struct line way_back_lines[] = {
    PUT("wayback-stream-off", TO, EACH, flip_is_one_way, stream_write_off, NULL),
    PUT("wayback-flush", TO, 0, flip_is_one_way, stream_write_flush, NULL),
    PUT("wayback-advance", TO, EACH | ALL, flip_is_one_way, stream_write_advance, stream_judge_advance),
    PUT("wayback-slot", TO, TOGETHER, flip_is_two_way, stream_write_slot_check, stream_judge_runs),
    PUT("wayback-worker", FROM, 0, flip_is_two_way, stream_write_worker_check, stream_judge_runs),
};

static const struct line commit_lines[] = {
    CALL("commit-record", TO, 0, NULL, commit_call_record),
    PUT("commit-row", TO, 0, NULL, commit_write_row, commit_judge_one_row),
};

static const struct line resolve_lines[] = {
    PUT("resolve-decide", TO, 0, NULL, commit_write_resolve, commit_judge_resolve),
    PUT("resolve-look", TO, 0, NULL, commit_write_resolve_look, commit_judge_resolve_look),
};

static const struct line promote_lines[] = {
    CALL("promote-record", TO, 0, NULL, commit_call_record),
    PUT("promote-intent", FROM, ALL, flip_is_external, external_write_promoting, external_judge_hint),
    HOOK("promote-hook", TO, 0, flip_is_external, PROMOTE, external_judge_promote),
    ASK("promote-seen", TO, FRESH | SLOW, flip_is_external, EXTERNAL_SQL_OPEN, external_judge_open),
    ASK("promote-call", TO, 0, flip_is_physical, COMMIT_SQL_PROMOTE, commit_judge_promote),
};

static const struct line promote_ask_lines[] = {
    ASK("promote-ask", TO, 0, flip_is_physical, FENCE_SQL_RECOVERY, commit_judge_promoted),
    ASK("promote-hook-ask", TO, FRESH, flip_is_external, EXTERNAL_SQL_OPEN, external_judge_promoted),
};

static const struct line open_lines[] = {
    ASK("open-recovered", TO, 0, flip_is_physical, FENCE_SQL_RECOVERY, fence_judge_recovery),
    ASK("open-out", TO, FRESH | SLOW, flip_is_external, EXTERNAL_SQL_OPEN, external_judge_open),
    PUT_IN("open-schema", TO, 0, external_lacks_schema, prepare_write_schema, NULL),
    PUT_IN("open-rows", TO, 0, external_lacks_schema, prepare_write_rows, NULL),
    PUT("open-slot", TO, EACH | ALL, stream_has_physical, stream_write_slot_create, stream_judge_slot_create),
    PUT("open-row", TO, 0, flip_is_promoted, commit_write_open, commit_judge_one_row),
    PUT_IN("open-epoch", TO, TOGETHER, fence_wants_epoch, fence_write_open_probe, NULL),
    ASK("open-set", TO, ALL, fence_is_target_guarded, SQL_GUARD_OFF, fence_judge_may_lack),
    ASK("open-reload", TO, ALL, fence_is_target_guarded, SQL_RELOAD, fence_judge_may_lack),
    PUT("open-lift", TO, 0, flip_is_own, fence_write_lift_to, NULL),
    ASK("open-seen", TO, 0, fence_is_target_guarded, FENCE_SQL_SHOW, fence_judge_guard_off),
    PUT("open-probe", TO, FRESH, NULL, fence_write_open_probe, fence_judge_open_probe),
    PUT_IN("open-hook-probe", TO, FEW | FRESH | ALL, external_probes, fence_write_open_probe, fence_judge_open_probe),
};

static const struct line release_lines[] = {
    CALL("release-publish", TO, 0, NULL, hold_call_release),
};

static const struct line after_lines[] = {
    PUT("after-stream-gone", TO, 0, flip_is_one_way, stream_write_gone, stream_judge_gone),
    PUT("after-row", FROM, 0, flip_is_own, commit_write_following, NULL),
    PUT("after-hook-row", FROM, ALL, flip_is_external, commit_write_following, external_judge_hint),
    PUT_IN("after-reverse-on", FROM, 0, stream_stands_back, stream_write_reverse_on, NULL),
    ASK("after-look-from", FROM, TOGETHER, stream_has_physical, LOOK_SQL_VERSION, look_judge_version),
    ASK("after-look-to", TO, TOGETHER, stream_has_physical, LOOK_SQL_VERSION, look_judge_version),
    ASK("after-streams-from", FROM, TOGETHER, stream_has_physical, DATABASES_SQL_STREAMS, databases_judge_streams),
    ASK("after-streams-to", TO, 0, stream_has_physical, DATABASES_SQL_STREAMS, databases_judge_streams),
    PUT_IN("after-subscribe-from", FROM, 0, stream_lacks, stream_write_subscribe_from, NULL),
    PUT("after-slot-from", FROM, EACH, stream_has_physical, stream_write_slot_from, NULL),
    PUT_IN("after-subscribe-to", TO, 0, stream_lacks, stream_write_subscribe_to, NULL),
    CALL("after-limit", FROM, 0, stream_has_way_back, stream_call_limit),
    PUT("after-stream-up", TO, 0, stream_has_way_back, stream_write_slot_check, stream_judge_up),
    ASK("after-old-slots", FROM, 0, flip_is_physical, STREAM_SQL_OLD_SLOTS, stream_judge_old_slots),
    PUT("after-settle", TO, 0, NULL, commit_write_settled, NULL),
    CALL("after-done", TO, 0, flip_is_own, stream_call_done),
    CALL("after-hook-done", TO, 0, flip_is_external, external_call_done),
};

static const struct line undo_lines[] = {
    HOOK("undo-hook", FROM, 0, flip_is_external, UNFENCE, NULL),
    CALL("undo-hook-wait", FROM, 0, flip_is_external, external_call_wait),
    PUT_IN("undo-hook-probe", FROM, FEW | FRESH | SLOW | ALL, external_probes_unfenced, fence_write_probe, external_judge_unfenced),
    ASK("undo-set", FROM, ALL, flip_is_own, SQL_GUARD_OFF, fence_judge_may_lack),
    PUT("undo-lift", FROM, 0, flip_is_own, fence_write_lift_from, NULL),
    ASK("undo-reload", FROM, ALL, flip_is_own, SQL_RELOAD, fence_judge_may_lack),
    ASK("undo-seen", FROM, 0, flip_is_own, FENCE_SQL_SHOW, fence_judge_guard_off),
    PUT("undo-row", FROM, 0, NULL, commit_write_undone, NULL),
};

static const struct line undo_release_lines[] = {
    CALL("undo-publish", FROM, 0, NULL, hold_call_undo_release),
};

static const struct line undo_after_lines[] = {
    PUT("undo-disarm", TO, 0, flip_is_logical, commit_write_disarm, NULL),
    PUT_IN("undo-stream-on", TO, 0, stream_stands, stream_write_on, NULL),
};

static const struct line resume_ha_lines[] = {
    HOOK("resume-ha-hook", FROM, 0, NULL, RESUME_HA, ha_judge_resume),
    CALL("resume-ha-record", FROM, 0, NULL, ha_call_resumed),
};

/* ---- the scripts: lines, pace of asking again, what follows ---- */

#define LINES(array) array, COUNT_OF(array)

static const struct script_def scripts[SCRIPTS_COUNT] = {
    [SCRIPT_RECOVER_LOOK] = {LINES(look_lines), POLL_SLOW_US, recover_looked},
    [SCRIPT_CHECK_LOOK] = {LINES(check_look_lines), POLL_SLOW_US, preflight_looked},
    [SCRIPT_CHECK] = {LINES(check_lines), POLL_SLOW_US, preflight_asked},
    [SCRIPT_PREPARE_LOOK] = {LINES(look_lines), POLL_SLOW_US, prepare_looked},
    [SCRIPT_PREPARE] = {LINES(prepare_lines), POLL_SLOW_US, NULL},
    [SCRIPT_FINISH_LOOK] = {LINES(look_lines), POLL_SLOW_US, finish_looked},
    [SCRIPT_FINISH] = {LINES(finish_lines), POLL_SLOW_US, NULL},
    [SCRIPT_GATE] = {LINES(gate_lines), POLL_SLOW_US, NULL},
    [SCRIPT_HOLD] = {LINES(hold_lines), POLL_FAST_US, NULL},
    [SCRIPT_DRAIN] = {LINES(drain_lines), POLL_FAST_US, NULL},
    [SCRIPT_FENCE] = {LINES(fence_lines), POLL_FAST_US, NULL},
    [SCRIPT_CATCHUP] = {LINES(catchup_lines), POLL_FAST_US, NULL},
    [SCRIPT_SEQUENCES] = {LINES(sequences_lines), POLL_FAST_US, catchup_sequences_are_set},
    [SCRIPT_WAY_BACK] = {LINES(way_back_lines), POLL_FAST_US, NULL},
    [SCRIPT_COMMIT] = {LINES(commit_lines), POLL_FAST_US, NULL},
    [SCRIPT_RESOLVE] = {LINES(resolve_lines), POLL_FAST_US, NULL},
    [SCRIPT_PROMOTE] = {LINES(promote_lines), POLL_FAST_US, NULL},
    [SCRIPT_PROMOTE_ASK] = {LINES(promote_ask_lines), POLL_FAST_US, NULL},
    [SCRIPT_OPEN] = {LINES(open_lines), POLL_FAST_US, NULL},
    [SCRIPT_RELEASE] = {LINES(release_lines), POLL_FAST_US, NULL},
    [SCRIPT_AFTER] = {LINES(after_lines), POLL_SLOW_US, NULL},
    [SCRIPT_UNDO] = {LINES(undo_lines), POLL_FAST_US, NULL},
    [SCRIPT_UNDO_RELEASE] = {LINES(undo_release_lines), POLL_FAST_US, NULL},
    [SCRIPT_UNDO_AFTER] = {LINES(undo_after_lines), POLL_SLOW_US, NULL},
    [SCRIPT_RESUME_HA] = {LINES(resume_ha_lines), POLL_SLOW_US, NULL},
};
/* clang-format on */

static enum cutover_event
job_begin(struct cutover *c)
{
    line_call_fn *begin = jobs[c->command.job];
    CHECK(begin != NULL);
    return begin(c);
}

const struct machine_tables *
cutover_tables(void)
{
    static const struct machine_tables tables = {
        .states = states,
        .rows = rows,
        .rows_count = COUNT_OF(rows),
        .steps = steps,
        .scripts = scripts,
        .scripts_count = COUNT_OF(scripts),
        .line_side = flip_line_side,
        .databases = databases_count,
        .database_name = databases_name,
        .hook_about = external_about,
        .hook_limit_us = external_limit_us,
        .check = invariants_check,
    };
    return &tables;
}
