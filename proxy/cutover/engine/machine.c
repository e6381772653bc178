/* machine.c — takes rows, enters states, keeps deadlines, tells the operator how steps end. See
 * machine.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/engine/machine.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/log.h"

enum {
    STATEMENT_SHORT_US = 2000 * 1000,
    STATEMENT_CHECK_US = 5000 * 1000,
    STATEMENT_LEFT_MIN_US = 10 * 1000, /* even when the state's time is nearly over */
};

static const struct machine_state *
state_of(const struct machine *m)
{
    return &m->tables->states[m->state];
}

uint64_t
machine_now(const struct machine *m)
{
    return m->calls->ops->now_us(m->calls->ops->ctx);
}

/* ---- rows ---- */

static const struct machine_row *
row_find(const struct machine *m, enum cutover_event event)
{
    for (size_t i = 0; i < m->tables->rows_count; i++) {
        const struct machine_row *row = &m->tables->rows[i];
        if (row->state == m->state && row->event == event &&
            (row->guard == NULL || row->guard(m->cutover))) {
            return row;
        }
    }
    return NULL;
}

bool
machine_takes(const struct machine *m, enum cutover_event event)
{
    return row_find(m, event) != NULL;
}

/* ---- time ---- */

static uint64_t
statement_limit_us(const struct machine *m)
{
    const struct machine_state *state = state_of(m);
    const uint64_t now = machine_now(m);
    switch (state->statement) {
    case STATEMENT_SHORT:
        return STATEMENT_SHORT_US;
    case STATEMENT_CHECK:
        return STATEMENT_CHECK_US;
    case STATEMENT_WHOLE:
        CHECK(state->limit_us != NULL);
        return state->limit_us(m->cutover);
    case STATEMENT_LEFT:
        break;
    }
    const uint64_t left = m->deadline_us > now ? m->deadline_us - now : 0;
    if (m->deadline_us == 0 || left > STATEMENT_SHORT_US) {
        return STATEMENT_SHORT_US;
    }
    return left < STATEMENT_LEFT_MIN_US ? STATEMENT_LEFT_MIN_US : left;
}

/* No longer than the state has: its deadline would leave the hook behind. */
static uint64_t
hook_limit_us(const struct machine *m)
{
    const uint64_t limit = m->tables->hook_limit_us(m->cutover);
    const uint64_t now = machine_now(m);
    if (m->deadline_us == 0 || m->deadline_us > now + limit) {
        return limit;
    }
    const uint64_t left = m->deadline_us > now ? m->deadline_us - now : 0;
    return left < STATEMENT_LEFT_MIN_US ? STATEMENT_LEFT_MIN_US : left;
}

static void
on_deadline(const struct call *call)
{
    struct machine *m = call->arg;
    if (call->turn != m->deadline_turn) {
        return;
    }
    CHECK(m->deadline_us != 0);
    m->deadline_us = 0;
    machine_fire(m, CUT_EV_LATE);
}

void
machine_deadline(struct machine *m, uint64_t deadline_us)
{
    m->deadline_turn++;
    m->deadline_us = deadline_us;
    if (deadline_us == 0) {
        return;
    }
    const uint64_t now = machine_now(m);
    const struct call call = {.arg = m, .turn = m->deadline_turn, .on_time = on_deadline};
    calls_timer(m->calls, &call, deadline_us > now ? deadline_us - now : 0);
}

/* The limit counts from the first state of a step. It begins anew in the state that a limit which
 * has passed leads to: that state must hear of its own time. */
static void
deadline_begin(struct machine *m, bool step_begins, bool was_late)
{
    const struct machine_state *state = state_of(m);
    if (state->limit_us == NULL) {
        machine_deadline(m, 0);
    } else if (step_begins || was_late) {
        machine_deadline(m, machine_now(m) + state->limit_us(m->cutover));
    }
}

/* ---- what the operator hears ---- */

static bool
event_is_failure(enum cutover_event event)
{
    return event == CUT_EV_FAIL || event == CUT_EV_UNKNOWN || event == CUT_EV_LATE ||
           event == CUT_EV_ABORT || event == CUT_EV_NO;
}

/* Says in one error why the state failed, when nobody said it yet. */
static void
explain(struct machine *m, enum cutover_event event)
{
    struct report *r = m->report;
    const enum cutover_step step = cutover_state_step(m->state);
    if (event == CUT_EV_ABORT) {
        (void)report_fail(r, SQLSTATE_QUERY_CANCELED, "the operator called it off");
        return;
    }
    if (event == CUT_EV_LATE) {
        const struct err last = r->err;
        const char *waits_for = r->detail[0] != '\0' ? r->detail : last.text;
        (void)report_fail(r, SQLSTATE_QUERY_CANCELED, "%s did not end within %" PRIu64 " ms%s%s",
                          cutover_step_name(step), (machine_now(m) - m->step_since_us) / 1000,
                          waits_for[0] != '\0' ? ": " : "", waits_for);
    } else if (!err_is_set(&r->err)) {
        (void)report_fail(r, SQLSTATE_INTERNAL, "%s failed", cutover_step_name(step));
    }
    if (r->err.hint[0] == '\0' && m->tables->steps[step].hint != NULL) {
        (void)report_hint(r, "%s", m->tables->steps[step].hint);
    }
}

static void
step_failed(struct machine *m, enum cutover_step step)
{
    const struct err *err = &m->report->err;
    char text[REPORT_DETAIL_MAX];
    (void)snprintf(text, sizeof(text), "%s%s%s", err->text, err->hint[0] != '\0' ? ". " : "",
                   err->hint);
    report_line_took(m->report, CUTOVER_FAIL, cutover_step_name(step), text,
                     machine_now(m) - m->step_since_us);
    if (!err_is_set(&m->failure)) {
        m->failure = *err;
    }
}

/* The old step's line for the operator. */
static void
step_end(struct machine *m, enum cutover_event event)
{
    const enum cutover_step step = cutover_state_step(m->state);
    const enum step_voice voice = m->tables->steps[step].voice;
    if (event_is_failure(event)) {
        if (voice == STEP_ALL) {
            step_failed(m, step);
        }
    } else if (voice != STEP_SILENT) {
        cutover_ops_point(m->calls->ops, cutover_step_name(step), "after");
        report_line_took(m->report, CUTOVER_OK, cutover_step_name(step), m->report->detail,
                         machine_now(m) - m->step_since_us);
    }
}

static bool
state_works(const struct machine *m)
{
    return state_of(m)->script != 0 || state_of(m)->begin != NULL;
}

static void
step_begin(struct machine *m)
{
    m->step_since_us = m->state_since_us;
    report_detail_clear(m->report);
    if (state_works(m)) {
        cutover_ops_point(m->calls->ops, cutover_step_name(cutover_state_step(m->state)), "before");
    }
}

/* ---- changing the state ---- */

static void
log_row(const struct machine *m, const struct machine_row *row, enum cutover_event event)
{
    const bool failure = event_is_failure(event);
    log_info(NULL, "cutover", "state=%s event=%s next=%s reason=\"%s\"%s%s%s",
             cutover_state_name(m->state), cutover_event_name(event), cutover_state_name(row->next),
             row->reason, failure ? " error=\"" : "", failure ? m->report->err.text : "",
             failure ? "\"" : "");
}

/* The one place where the state changes. */
static void
enter(struct machine *m, const struct machine_row *row, enum cutover_event event)
{
    CHECK(row->state == m->state);
    m->tables->check(m->cutover);
    const bool step_ends = cutover_state_step(row->next) != cutover_state_step(m->state);
    const bool was_late = event == CUT_EV_LATE && row->next != m->state;
    if (event_is_failure(event)) {
        explain(m, event);
    } else if (event != CUT_EV_AGAIN) {
        report_err_clear(m->report);
    }
    log_row(m, row, event);
    if (row->on_leave != NULL) {
        row->on_leave(m->cutover);
    }
    if (step_ends) {
        step_end(m, event);
    }
    script_leave(&m->script);
    m->state = row->next;
    m->state_since_us = machine_now(m);
    deadline_begin(m, step_ends, was_late);
    if (step_ends) {
        step_begin(m);
    }
    if (row->on_enter != NULL) {
        row->on_enter(m->cutover);
    }
    m->tables->check(m->cutover);
}

/* Starts what the state does; its end, when it comes at once. */
static enum cutover_event
state_begin(struct machine *m)
{
    const struct machine_state *state = state_of(m);
    if (state->begin != NULL) {
        return state->begin(m->cutover);
    }
    return state->script != 0 ? machine_script(m, state->script) : CUT_EV_NONE;
}

static void
on_waited(const struct call *call)
{
    struct machine *m = call->arg;
    if (call->turn == m->script.turn) {
        machine_fire(m, CUT_EV_AGAIN);
    }
}

void
machine_fire(struct machine *m, enum cutover_event event)
{
    while (event != CUT_EV_NONE) {
        const struct machine_row *row = row_find(m, event);
        if (row == NULL) {
            log_error(NULL, "cutover: no transition", "state=%s event=%s",
                      cutover_state_name(m->state), cutover_event_name(event));
        }
        CHECK(row != NULL);
        enter(m, row, event);
        if (row->wait_us > 0) {
            const struct call call = {.arg = m, .turn = m->script.turn, .on_time = on_waited};
            calls_timer(m->calls, &call, row->wait_us);
            return;
        }
        event = state_begin(m);
    }
}

/* ---- the machine ---- */

void
machine_init(struct machine *m, const struct machine_tables *tables, struct cutover *c,
             struct calls *calls, struct report *report)
{
    CHECK(tables->check != NULL && tables->line_side != NULL);
    CHECK(tables->databases != NULL && tables->database_name != NULL);
    *m = (struct machine){.tables = tables, .cutover = c, .calls = calls, .report = report};
    m->state_since_us = machine_now(m);
    const struct script_env env = {.cutover = c,
                                   .line_side = tables->line_side,
                                   .databases = tables->databases,
                                   .database_name = tables->database_name,
                                   .machine = m,
                                   .statement_limit_us = statement_limit_us,
                                   .hook_about = tables->hook_about,
                                   .hook_limit_us = hook_limit_us,
                                   .ended = machine_fire};
    script_init(&m->script, &env, calls, report);
}

enum cutover_event
machine_script(struct machine *m, unsigned script)
{
    CHECK(script > 0 && script < m->tables->scripts_count);
    return script_start(&m->script, &m->tables->scripts[script]);
}

void
machine_clear(struct machine *m)
{
    report_detail_clear(m->report);
    report_err_clear(m->report);
    err_clear(&m->failure);
}

/* ---- the tables as a picture ---- */

void
machine_print(const struct machine_tables *tables, struct buf *out)
{
    buf_printf(out, "stateDiagram-v2\n");
    for (int s = 0; s < CUTOVER_STATES_COUNT; s++) {
        buf_printf(out, "    state \"%s\" as s%d\n", cutover_state_name((enum cutover_state)s), s);
    }
    for (size_t i = 0; i < tables->rows_count; i++) {
        const struct machine_row *row = &tables->rows[i];
        buf_printf(out, "    s%d --> s%d: %s%s, %s\n", (int)row->state, (int)row->next,
                   cutover_event_name(row->event), row->guard != NULL ? " (guarded)" : "",
                   row->reason);
    }
}
