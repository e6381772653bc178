/* machine.c — the states of a cutover and what leads from one to the next.
 *
 * Everything that can happen stands in one table: state, event, guard, next state, a note that is
 * taken on the way, and the reason in words. The states do their work in scripts (flip.c) and end
 * with an event; only cutover_enter changes the state. Three rules can be read off the table:
 *
 *   - left of the commit, FAIL, UNKNOWN, LATE and ABORT lead to undo;
 *   - a commit that is not confirmed leads to resolve or promote-ask, which know no other way
 *     out than a decision;
 *   - right of the commit there is no way back into undo, only the same state again. */
/* SPDX-License-Identifier: PostgreSQL */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cutover/cutover_internal.h"
#include "cutover/preflight.h"
#include "cutover/prepare.h"

typedef bool guard_fn(const struct cutover *c);
typedef void note_fn(struct cutover *c);

/* When the new state starts to work. */
enum start { NOW, LATER };

struct row {
    enum cutover_state state;
    enum cutover_event event;
    guard_fn *guard; /* NULL: always; the first row that fits is taken */
    enum cutover_state next;
    enum start start;
    note_fn *note; /* NULL: nothing to note */
    const char *reason;
};

/* ---- names ---- */

static const struct {
    const char *name;
    enum cutover_step step;
} state_info[CUTOVER_STATES_COUNT] = {
#define CUTOVER_STATE(id, name, step, sentence) [id] = {name, step},
#include "cutover/states.def"
};

static const char *const event_names[CUTOVER_EVENTS_COUNT] = {
#define CUTOVER_EVENT(id, name, sentence) [id] = name,
#include "cutover/states.def"
};

static const char *const step_names[CUTOVER_STEPS_COUNT] = {
#define CUTOVER_STEP(id, name) [id] = name,
#include "cutover/states.def"
};

/* What an operator can do when a step fails or takes too long. */
static const char *const step_hints[CUTOVER_STEPS_COUNT] = {
    [CUT_STEP_GATE] = "see SHOW LAG; the follower must be close before writes are held",
    [CUT_STEP_DRAIN] = "see SHOW CLIENTS for what runs long; or use CUTOVER DRAIN CANCEL",
    [CUT_STEP_FENCE] = "see pg_stat_activity and pg_prepared_xacts on the old side",
    [CUT_STEP_CATCHUP] = "see SHOW LAG, and the log of the target for apply errors or locks",
    [CUT_STEP_SEQUENCES] = "see the log of the target; both sides need the same sequences",
    [CUT_STEP_WAY_BACK] = "run CHECK; or use NO ROLLBACK to go without a way back",
};

const char *
cutover_state_name(enum cutover_state state)
{
    CHECK((unsigned)state < CUTOVER_STATES_COUNT);
    return state_info[state].name;
}

const char *
cutover_event_name(enum cutover_event event)
{
    CHECK((unsigned)event < CUTOVER_EVENTS_COUNT);
    return event_names[event];
}

const char *
cutover_step_name(enum cutover_step step)
{
    CHECK((unsigned)step < CUTOVER_STEPS_COUNT);
    return step_names[step];
}

/* ---- guards ---- */

static bool
is_dry_run(const struct cutover *c)
{
    return c->flip.dry_run;
}

static bool
may_push_drain(const struct cutover *c)
{
    return c->flip.drain != DRAIN_ABORT && !c->flip.drain_pushed;
}

static bool
promote_maybe(const struct cutover *c)
{
    return c->flip.promote_maybe;
}

static bool
may_try_again(const struct cutover *c)
{
    return c->flip.after_tries < AFTER_TRIES_MAX;
}

static bool
is_untouched(const struct cutover *c)
{
    return !c->flip.fence_touched;
}

/* ---- notes ---- */

static void
note_push_drain(struct cutover *c)
{
    c->flip.drain_pushed = true;
    if (c->flip.drain == DRAIN_CANCEL) {
        c->ops.cancel_busy(c->ops.ctx, c->flip.from);
    } else {
        c->ops.terminate_busy(c->ops.ctx, c->flip.from);
    }
    err_clear(&c->err);
    cutover_report(c, CUTOVER_WARN, "drain",
                   c->flip.drain == DRAIN_CANCEL ? "open transactions were cancelled"
                                                 : "sessions with open transactions were ended");
    deadline_arm(c, c->flip.hold_deadline_us);
}

static void
note_committed(struct cutover *c)
{
    c->flip.committed = true;
    cutover_detail(c, "epoch %" PRIu64 ", writer %s", c->flip.epoch + 1, side_name(c->flip.to));
}

static void
note_promote_maybe(struct cutover *c)
{
    c->flip.promote_maybe = true;
}

/* Past the commit there is nothing to give up; the operator must know, and act on the servers. */
static void
note_blocked(struct cutover *c)
{
    if (c->flip.blocked) {
        return;
    }
    c->flip.blocked = true;
    char text[DETAIL_MAX];
    (void)snprintf(text, sizeof(text), "BLOCKED: %s%swrites stay held and every retry goes on",
                   c->err.text, err_is_set(&c->err) ? "; " : "");
    cutover_report(c, CUTOVER_FAIL, cutover_step_name(state_info[c->state].step), text);
    if (!err_is_set(&c->err)) {
        err_set(&c->err, SQLSTATE_OBJECT_NOT_IN_STATE, "%s takes longer than its limit",
                cutover_step_name(state_info[c->state].step));
    }
    err_hint(&c->err, "the machine goes on trying in the background: see SHOW CUTOVER");
    cutover_end_job(c, false);
}

static void
note_try(struct cutover *c)
{
    c->flip.after_tries++;
}

static void
note_ended(struct cutover *c)
{
    struct err err;
    if (!cutover_record(c, RECORD_IDLE, &err)) {
        log_error(NULL, "the state file could not be written", "error=\"%s\"", err.text);
    }
    c->recovered = true;
    if (c->job == CUTOVER_JOB_FLIP && !err_is_set(&c->failure)) {
        char text[DETAIL_MAX];
        (void)snprintf(text, sizeof(text), "writes were held %" PRIu64 " ms; %s",
                       c->flip.held_us / 1000,
                       c->flip.dry_run                        ? "a dry run: nothing was moved"
                       : c->way_back == CUTOVER_WAY_BACK_OPEN ? "the way back is open"
                                                              : "there is no way back");
        cutover_report(c, CUTOVER_SUMMARY, "writes", text);
    }
    cutover_end_job(c, !err_is_set(&c->failure));
}

static void
note_undone(struct cutover *c)
{
    c->undone_at_us = cutover_now(c);
    note_ended(c);
}

static void
note_after_failed(struct cutover *c)
{
    c->way_back = CUTOVER_WAY_BACK_MISSING;
    c->recovered = true;
    char text[DETAIL_MAX];
    (void)snprintf(text, sizeof(text), "there is no way back yet: %s; it is tried again",
                   c->err.text);
    cutover_report(c, CUTOVER_WARN, "after", text);
    cutover_end_job(c, true);
}

static void
note_undo_after_failed(struct cutover *c)
{
    char text[DETAIL_MAX];
    (void)snprintf(text, sizeof(text),
                   "the stream to %s is not on again yet: %s; it is tried again",
                   side_name(c->flip.to), c->err.text);
    cutover_report(c, CUTOVER_WARN, "undo", text);
    c->recovered = true;
    cutover_end_job(c, !err_is_set(&c->failure));
}

static void
note_recovered(struct cutover *c)
{
    c->recovered = true;
    cutover_publish(c, false);
    note_ended(c);
}

static void
note_job_ok(struct cutover *c)
{
    cutover_end_job(c, true);
}

static void
note_refused(struct cutover *c)
{
    cutover_end_job(c, false);
}

/* ---- the table ---- */

/* Writes still flow: nothing to undo. */
#define REFUSED_AT(state)                                                                  \
    {state, CUT_EV_FAIL, NULL, CUT_IDLE, NOW, note_refused, "nothing was touched"},        \
        {state, CUT_EV_UNKNOWN, NULL, CUT_IDLE, NOW, note_refused, "nothing was touched"}, \
        {state, CUT_EV_LATE, NULL, CUT_IDLE, NOW, note_refused, "nothing was touched"},    \
        {state, CUT_EV_NO, NULL, CUT_IDLE, NOW, note_refused, "nothing was touched"},      \
    {                                                                                      \
        state, CUT_EV_ABORT, NULL, CUT_IDLE, NOW, note_refused, "called off"               \
    }
/* Before the commit. */
#define UNDONE_AT(state, undo)                                                   \
    {state, CUT_EV_FAIL, NULL, undo, NOW, NULL, "it failed"},                    \
        {state, CUT_EV_UNKNOWN, NULL, undo, NOW, NULL, "a connection was lost"}, \
        {state, CUT_EV_LATE, NULL, undo, NOW, NULL, "its time is over"},         \
    {                                                                            \
        state, CUT_EV_ABORT, NULL, undo, NOW, NULL, "called off"                 \
    }
/* Where there is only one direction. */
#define REPEATED_AT(state, late)                                                               \
    {state, CUT_EV_AGAIN, NULL, state, NOW, NULL, "try again"},                                \
        {state, CUT_EV_FAIL, NULL, state, LATER, NULL, "it failed: try again"},                \
        {state, CUT_EV_UNKNOWN, NULL, state, LATER, NULL, "a connection was lost: try again"}, \
    {                                                                                          \
        state, CUT_EV_LATE, NULL, state, NOW, late, "it takes too long: say so and go on"      \
    }

/* clang-format off */
static const struct row rows[] = {
    {CUT_IDLE, CUT_EV_RECOVER, NULL, CUT_RECOVER, NOW, NULL, "the process has started"},
    {CUT_IDLE, CUT_EV_JOB, NULL, CUT_JOB, NOW, NULL, "the operator asked"},
    {CUT_IDLE, CUT_EV_FLIP, NULL, CUT_CHECK, NOW, NULL, "the operator asked"},
    {CUT_IDLE, CUT_EV_AFTER, NULL, CUT_AFTER, NOW, NULL, "the way back is not set up yet"},
    {CUT_IDLE, CUT_EV_UNDO_AFTER, NULL, CUT_UNDO_AFTER, NOW, NULL, "the stream is not on again yet"},
    {CUT_IDLE, CUT_EV_UNDO, NULL, CUT_UNDO, NOW, NULL, "the writer was found fenced after an undo"},

    {CUT_RECOVER, CUT_EV_OK, NULL, CUT_IDLE, NOW, note_recovered, "the writer is known"},
    {CUT_RECOVER, CUT_EV_AGAIN, NULL, CUT_RECOVER, NOW, NULL, "look again"},
    {CUT_RECOVER, CUT_EV_FAIL, NULL, CUT_RECOVER, LATER, NULL, "the writer is not known yet"},
    {CUT_RECOVER, CUT_EV_UNKNOWN, NULL, CUT_RECOVER, LATER, NULL, "the writer is not known yet"},
    {CUT_RECOVER, CUT_EV_UNDO, NULL, CUT_UNDO, NOW, NULL, "the flip had not committed"},
    {CUT_RECOVER, CUT_EV_RESOLVE, NULL, CUT_RESOLVE, NOW, NULL, "the commit may have been sent"},
    {CUT_RECOVER, CUT_EV_PROMOTE, NULL, CUT_PROMOTE, NOW, note_promote_maybe, "the promotion was decided"},
    {CUT_RECOVER, CUT_EV_FORWARD, NULL, CUT_OPEN, NOW, note_committed, "the flip had committed"},
    {CUT_RECOVER, CUT_EV_AFTER, NULL, CUT_RELEASE, NOW, note_committed, "the target had been opened"},
    {CUT_RECOVER, CUT_EV_UNDO_AFTER, NULL, CUT_UNDO_RELEASE, NOW, NULL, "the flip had been undone"},

    {CUT_JOB, CUT_EV_OK, NULL, CUT_IDLE, NOW, note_job_ok, "done"},
    REFUSED_AT(CUT_JOB),

    {CUT_CHECK, CUT_EV_OK, NULL, CUT_GATE, NOW, NULL, "no finding blocks"},
    REFUSED_AT(CUT_CHECK),

    {CUT_GATE, CUT_EV_OK, NULL, CUT_HOLD, NOW, NULL, "the lag is small"},
    REFUSED_AT(CUT_GATE),

    {CUT_HOLD, CUT_EV_OK, NULL, CUT_DRAIN, NOW, NULL, "every worker holds writes"},
    UNDONE_AT(CUT_HOLD, CUT_UNDO_RELEASE),

    {CUT_DRAIN, CUT_EV_OK, is_dry_run, CUT_UNDO_RELEASE, NOW, NULL, "a dry run ends here"},
    {CUT_DRAIN, CUT_EV_OK, NULL, CUT_FENCE, NOW, NULL, "no transaction is open on the old side"},
    {CUT_DRAIN, CUT_EV_LATE, may_push_drain, CUT_DRAIN, NOW, note_push_drain, "transactions are pushed"},
    UNDONE_AT(CUT_DRAIN, CUT_UNDO_RELEASE),

    {CUT_FENCE, CUT_EV_OK, NULL, CUT_CATCHUP, NOW, NULL, "the old side refuses writes"},
    UNDONE_AT(CUT_FENCE, CUT_UNDO),

    {CUT_CATCHUP, CUT_EV_OK, flip_is_physical, CUT_PROMOTE, NOW, NULL, "the standby has replayed all"},
    {CUT_CATCHUP, CUT_EV_OK, NULL, CUT_SEQUENCES, NOW, NULL, "the marker has arrived"},
    UNDONE_AT(CUT_CATCHUP, CUT_UNDO),

    {CUT_SEQUENCES, CUT_EV_OK, NULL, CUT_WAY_BACK, NOW, NULL, "the sequences are set"},
    UNDONE_AT(CUT_SEQUENCES, CUT_UNDO),

    {CUT_WAY_BACK, CUT_EV_OK, NULL, CUT_COMMIT, NOW, NULL, "the reverse stream is ready"},
    UNDONE_AT(CUT_WAY_BACK, CUT_UNDO),

    {CUT_COMMIT, CUT_EV_OK, NULL, CUT_OPEN, NOW, note_committed, "the decision row is written"},
    {CUT_COMMIT, CUT_EV_FAIL, NULL, CUT_RESOLVE, NOW, NULL, "the decision row was not written"},
    {CUT_COMMIT, CUT_EV_UNKNOWN, NULL, CUT_RESOLVE, NOW, NULL, "the outcome is unknown"},
    {CUT_COMMIT, CUT_EV_LATE, NULL, CUT_RESOLVE, NOW, NULL, "no answer in time"},

    {CUT_RESOLVE, CUT_EV_OK, NULL, CUT_OPEN, NOW, note_committed, "it had committed"},
    {CUT_RESOLVE, CUT_EV_NO, NULL, CUT_UNDO, NOW, NULL, "it had not, and now it cannot"},
    REPEATED_AT(CUT_RESOLVE, note_blocked),

    {CUT_PROMOTE, CUT_EV_OK, NULL, CUT_OPEN, NOW, note_committed, "the promotion has been asked for"},
    {CUT_PROMOTE, CUT_EV_AGAIN, NULL, CUT_PROMOTE, NOW, NULL, "ask again for the promotion"},
    {CUT_PROMOTE, CUT_EV_FAIL, NULL, CUT_PROMOTE_ASK, NOW, NULL, "it failed"},
    {CUT_PROMOTE, CUT_EV_UNKNOWN, NULL, CUT_PROMOTE_ASK, NOW, note_promote_maybe, "the outcome is unknown"},
    {CUT_PROMOTE, CUT_EV_LATE, NULL, CUT_PROMOTE_ASK, NOW, note_promote_maybe, "no answer in time"},

    {CUT_PROMOTE_ASK, CUT_EV_OK, NULL, CUT_OPEN, NOW, note_committed, "it is out of recovery"},
    {CUT_PROMOTE_ASK, CUT_EV_NO, promote_maybe, CUT_PROMOTE, LATER, NULL, "it may be under way: ask again"},
    {CUT_PROMOTE_ASK, CUT_EV_NO, NULL, CUT_UNDO, NOW, NULL, "it was refused"},
    {CUT_PROMOTE_ASK, CUT_EV_LATE, promote_maybe, CUT_PROMOTE_ASK, NOW, note_blocked, "say so and go on"},
    {CUT_PROMOTE_ASK, CUT_EV_LATE, NULL, CUT_UNDO, NOW, NULL, "it was never asked for"},
    {CUT_PROMOTE_ASK, CUT_EV_AGAIN, NULL, CUT_PROMOTE_ASK, NOW, NULL, "ask again"},
    {CUT_PROMOTE_ASK, CUT_EV_FAIL, NULL, CUT_PROMOTE_ASK, LATER, NULL, "it does not answer"},
    {CUT_PROMOTE_ASK, CUT_EV_UNKNOWN, NULL, CUT_PROMOTE_ASK, LATER, NULL, "it does not answer"},

    {CUT_OPEN, CUT_EV_OK, NULL, CUT_RELEASE, NOW, NULL, "the target accepts writes"},
    REPEATED_AT(CUT_OPEN, note_blocked),

    {CUT_RELEASE, CUT_EV_OK, NULL, CUT_AFTER, NOW, NULL, "writes flow on the target"},

    {CUT_AFTER, CUT_EV_OK, NULL, CUT_IDLE, NOW, note_ended, "done"},
    {CUT_AFTER, CUT_EV_AGAIN, NULL, CUT_AFTER, NOW, NULL, "try again"},
    {CUT_AFTER, CUT_EV_FAIL, may_try_again, CUT_AFTER, LATER, note_try, "it failed: try again"},
    {CUT_AFTER, CUT_EV_FAIL, NULL, CUT_IDLE, NOW, note_after_failed, "leave it to the tick"},
    {CUT_AFTER, CUT_EV_UNKNOWN, may_try_again, CUT_AFTER, LATER, note_try, "try again"},
    {CUT_AFTER, CUT_EV_UNKNOWN, NULL, CUT_IDLE, NOW, note_after_failed, "leave it to the tick"},

    {CUT_UNDO, CUT_EV_OK, NULL, CUT_UNDO_RELEASE, NOW, NULL, "the old side accepts writes"},
    REPEATED_AT(CUT_UNDO, note_blocked),

    {CUT_UNDO_RELEASE, CUT_EV_OK, is_untouched, CUT_IDLE, NOW, note_undone, "the databases were not touched"},
    {CUT_UNDO_RELEASE, CUT_EV_OK, NULL, CUT_UNDO_AFTER, NOW, NULL, "writes flow on the old side"},

    {CUT_UNDO_AFTER, CUT_EV_OK, NULL, CUT_IDLE, NOW, note_undone, "as before the flip"},
    {CUT_UNDO_AFTER, CUT_EV_AGAIN, NULL, CUT_UNDO_AFTER, NOW, NULL, "try again"},
    {CUT_UNDO_AFTER, CUT_EV_FAIL, may_try_again, CUT_UNDO_AFTER, LATER, note_try, "it failed: try again"},
    {CUT_UNDO_AFTER, CUT_EV_FAIL, NULL, CUT_IDLE, NOW, note_undo_after_failed, "leave it to the tick"},
    {CUT_UNDO_AFTER, CUT_EV_UNKNOWN, may_try_again, CUT_UNDO_AFTER, LATER, note_try, "try again"},
    {CUT_UNDO_AFTER, CUT_EV_UNKNOWN, NULL, CUT_IDLE, NOW, note_undo_after_failed, "leave it to the tick"},
};
/* clang-format on */

static const struct row *
row_find(const struct cutover *c, enum cutover_event event)
{
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        if (rows[i].state == c->state && rows[i].event == event &&
            (rows[i].guard == NULL || rows[i].guard(c))) {
            return &rows[i];
        }
    }
    return NULL;
}

bool
cutover_takes(const struct cutover *c, enum cutover_event event)
{
    return row_find(c, event) != NULL;
}

/* ---- deadlines ---- */

/* The limit of a step, counted from its first state; 0 for none. */
static uint64_t
step_limit_us(const struct cutover *c, enum cutover_step step)
{
    const struct cutover_config *k = &c->config;
    switch (step) {
    case CUT_STEP_GATE:
        return GATE_TIMEOUT_US;
    case CUT_STEP_HOLD:
    case CUT_STEP_DRAIN:
        return k->drain_timeout_us;
    case CUT_STEP_FENCE:
        return k->fence_timeout_us;
    case CUT_STEP_CATCHUP:
        return k->catchup_timeout_us;
    case CUT_STEP_SEQUENCES:
    case CUT_STEP_WAY_BACK:
        return k->sync_timeout_us;
    case CUT_STEP_COMMIT:
        return k->commit_timeout_us;
    case CUT_STEP_OPEN:
        return k->open_timeout_us;
    case CUT_STEP_UNDO:
        return UNDO_TIMEOUT_US;
    case CUT_STEP_NONE:
    case CUT_STEP_RECOVER:
    case CUT_STEP_JOB:
    case CUT_STEP_CHECK:
    case CUT_STEP_RELEASE:
    case CUT_STEP_AFTER:
    case CUTOVER_STEPS_COUNT:
        return 0;
    }
    UNREACHABLE();
}

static bool
step_is_before_commit(enum cutover_step step)
{
    return step >= CUT_STEP_HOLD && step < CUT_STEP_COMMIT;
}

static void
step_arm(struct cutover *c, enum cutover_step step)
{
    const uint64_t limit = step_limit_us(c, step);
    const uint64_t now = cutover_now(c);
    uint64_t deadline = limit == 0 ? 0 : now + limit;
    if (step_is_before_commit(step) && c->flip.hold_deadline_us != 0 &&
        c->flip.hold_deadline_us < deadline) {
        deadline = c->flip.hold_deadline_us;
    }
    deadline_arm(c, deadline);
}

/* ---- invariants ---- */

bool
cutover_is_held_state(enum cutover_state state)
{
    return state >= CUT_DRAIN && state <= CUT_OPEN;
}

static bool
state_is_committed(enum cutover_state state)
{
    return state == CUT_OPEN || state == CUT_RELEASE;
}

void
cutover_assert(const struct cutover *c)
{
    const struct flip *f = &c->flip;
    CHECK((unsigned)c->state < CUTOVER_STATES_COUNT);
    CHECK(c->route.writes_known || c->route.writes_held);
    CHECK(!c->flip_known || f->from != f->to);
    if (cutover_is_held_state(c->state)) {
        CHECK(c->flip_known && c->route.writes_held);
    }
    if (cutover_is_held_state(c->state) && c->route.writes_known) {
        CHECK(c->route.writer == f->from && c->route.epoch == f->epoch);
    }
    CHECK(!state_is_committed(c->state) || f->committed);
    if (c->state == CUT_UNDO || c->state == CUT_UNDO_RELEASE || c->state == CUT_UNDO_AFTER) {
        CHECK(!f->committed);
    }
    if (c->state == CUT_AFTER) {
        CHECK(!c->route.writes_held && c->route.writer == f->to);
    }
    if (c->state == CUT_UNDO_AFTER) {
        CHECK(!c->route.writes_held && c->route.writer == f->from);
    }
    if (c->state == CUT_IDLE && c->recovered) {
        CHECK(c->route.writes_known && !c->route.writes_held);
    }
}

/* ---- changing the state ---- */

static bool
event_is_failure(enum cutover_event event)
{
    return event == CUT_EV_FAIL || event == CUT_EV_UNKNOWN || event == CUT_EV_LATE ||
           event == CUT_EV_ABORT || event == CUT_EV_NO;
}

/* Says in one error why the state failed, when nobody said it yet. */
static void
event_explain(struct cutover *c, enum cutover_event event)
{
    const enum cutover_step step = state_info[c->state].step;
    if (event == CUT_EV_LATE) {
        const struct err last = c->err;
        err_set(&c->err, SQLSTATE_QUERY_CANCELED, "%s did not end within %" PRIu64 " ms%s%s",
                cutover_step_name(step), (cutover_now(c) - c->step_since_us) / 1000,
                c->detail[0] != '\0' || err_is_set(&last) ? ": " : "",
                c->detail[0] != '\0' ? c->detail : last.text);
    } else if (event == CUT_EV_ABORT) {
        err_set(&c->err, SQLSTATE_QUERY_CANCELED, "the operator called it off");
        return;
    } else if (!err_is_set(&c->err)) {
        err_set(&c->err, SQLSTATE_INTERNAL, "%s failed", cutover_step_name(step));
    }
    if (c->err.hint[0] == '\0' && step_hints[step] != NULL) {
        err_hint(&c->err, "%s", step_hints[step]);
    }
}

static void
step_report_failure(struct cutover *c, const struct row *row)
{
    const enum cutover_step step = state_info[c->state].step;
    char text[DETAIL_MAX];
    (void)snprintf(text, sizeof(text), "%s%s%s", c->err.text, c->err.hint[0] != '\0' ? ". " : "",
                   c->err.hint);
    cutover_report_took(c, CUTOVER_FAIL, cutover_step_name(step), text,
                        cutover_now(c) - c->step_since_us);
    if (row->next == CUT_UNDO || row->next == CUT_UNDO_RELEASE || row->next == CUT_IDLE) {
        c->failure = c->err;
    }
}

/* The old step's line for the operator, when it ends here. */
static void
step_end(struct cutover *c, const struct row *row, enum cutover_event event)
{
    const enum cutover_step step = state_info[c->state].step;
    const bool leaves = step != state_info[row->next].step;
    const bool undoes = row->next == CUT_UNDO || row->next == CUT_UNDO_RELEASE;
    if (step == CUT_STEP_NONE || step == CUT_STEP_RECOVER || step == CUT_STEP_JOB || !leaves) {
        return;
    }
    const struct err cause = c->failure;
    if (event_is_failure(event) && (undoes || row->next == CUT_IDLE) && step < CUT_STEP_RELEASE) {
        step_report_failure(c, row);
        if (err_is_set(&cause)) {
            c->failure = cause;
        }
        return;
    }
    if (!event_is_failure(event) && event != CUT_EV_AGAIN) {
        cutover_point(c, cutover_step_name(step), "after");
        cutover_report_took(c, CUTOVER_OK, cutover_step_name(step), c->detail,
                            cutover_now(c) - c->step_since_us);
    }
}

/* The one place where the state changes. */
static void
cutover_enter(struct cutover *c, const struct row *row, enum cutover_event event)
{
    cutover_assert(c);
    const enum cutover_step old_step = state_info[c->state].step;
    const enum cutover_step step = state_info[row->next].step;
    if (event_is_failure(event)) {
        event_explain(c, event);
    } else if (event != CUT_EV_AGAIN) {
        err_clear(&c->err);
    }
    log_info(NULL, "cutover", "state=%s event=%s next=%s reason=\"%s\"%s%s%s",
             cutover_state_name(c->state), cutover_event_name(event), cutover_state_name(row->next),
             row->reason, event_is_failure(event) ? " error=\"" : "",
             event_is_failure(event) ? c->err.text : "", event_is_failure(event) ? "\"" : "");
    if (row->note == note_committed) {
        row->note(c);
    }
    step_end(c, row, event);
    script_leave(c);
    if (row->note != NULL && row->note != note_committed && row->next != CUT_IDLE) {
        row->note(c);
    }
    c->state = row->next;
    c->state_since_us = cutover_now(c);
    if (step != old_step) {
        c->step_since_us = c->state_since_us;
        c->detail[0] = '\0';
        step_arm(c, step);
        if (step != CUT_STEP_NONE) {
            cutover_point(c, cutover_step_name(step), "before");
        }
    }
    if (row->note != NULL && row->next == CUT_IDLE) {
        row->note(c);
    }
    cutover_assert(c);
}

static enum cutover_event
job_begin(struct cutover *c)
{
    if (c->job == CUTOVER_JOB_PREPARE) {
        return prepare_begin(c);
    }
    if (c->job == CUTOVER_JOB_FINISH) {
        return finish_begin(c);
    }
    return check_begin(c);
}

/* Starts what the state does; its end, when it comes at once. */
static enum cutover_event
state_start(struct cutover *c)
{
    switch (c->state) {
    case CUT_IDLE:
        return CUT_EV_NONE;
    case CUT_RECOVER:
        return recover_begin(c);
    case CUT_JOB:
        return job_begin(c);
    case CUT_CHECK:
        return check_begin(c);
    case CUT_GATE:
    case CUT_HOLD:
    case CUT_DRAIN:
    case CUT_FENCE:
    case CUT_CATCHUP:
    case CUT_SEQUENCES:
    case CUT_WAY_BACK:
    case CUT_COMMIT:
    case CUT_RESOLVE:
    case CUT_PROMOTE:
    case CUT_PROMOTE_ASK:
    case CUT_OPEN:
    case CUT_RELEASE:
    case CUT_AFTER:
    case CUT_UNDO:
    case CUT_UNDO_RELEASE:
    case CUT_UNDO_AFTER:
    case CUTOVER_STATES_COUNT:
        break;
    }
    const struct lines lines = flip_lines(c->state);
    const uint64_t poll =
        c->state == CUT_GATE || c->state == CUT_AFTER || c->state == CUT_UNDO_AFTER ? POLL_SLOW_US
                                                                                    : POLL_FAST_US;
    return script_start(c, lines.lines, lines.count, poll);
}

void
cutover_fire(struct cutover *c, enum cutover_event event)
{
    while (event != CUT_EV_NONE) {
        const struct row *row = row_find(c, event);
        if (row == NULL) {
            log_error(NULL, "cutover: no transition", "state=%s event=%s",
                      cutover_state_name(c->state), cutover_event_name(event));
        }
        CHECK(row != NULL);
        cutover_enter(c, row, event);
        if (row->start == LATER) {
            const uint64_t delay = c->state == CUT_RECOVER ? RECOVER_US : RETRY_US;
            script_later(c, delay, CUT_EV_AGAIN);
            return;
        }
        event = state_start(c);
    }
}

/* ---- the table as a picture ---- */

void
cutover_print_fsm(struct buf *out)
{
    buf_printf(out, "stateDiagram-v2\n");
    for (size_t i = 0; i < COUNT_OF(state_info); i++) {
        buf_printf(out, "    state \"%s\" as s%zu\n", state_info[i].name, i);
    }
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        buf_printf(out, "    s%d --> s%d: %s%s, %s\n", (int)rows[i].state, (int)rows[i].next,
                   event_names[rows[i].event], rows[i].guard != NULL ? " (guarded)" : "",
                   rows[i].reason);
    }
}
