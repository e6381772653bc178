/* test_tables.c — the tables of a cutover: every state with every event, limits, scripts, lines. */
/* SPDX-License-Identifier: PostgreSQL */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "cutover/flip/parts.h"
#include "cutover/tables.h"

#define EV(name) (1u << CUT_EV_##name)

/* Which events a state knows, whatever its guards say. All others are bugs. */
static const unsigned expected[CUTOVER_STATES_COUNT] = {
    [CUT_IDLE] =
        EV(RECOVER) | EV(JOB) | EV(FLIP) | EV(AFTER) | EV(UNDO_AFTER) | EV(UNDO) | EV(RESUME_HA),
    [CUT_RECOVER] = EV(OK) | EV(AGAIN) | EV(FAIL) | EV(UNKNOWN) | EV(UNDO) | EV(RESOLVE) |
                    EV(PROMOTE) | EV(FORWARD) | EV(AFTER) | EV(UNDO_AFTER),
    [CUT_JOB] = EV(OK) | EV(FAIL) | EV(UNKNOWN) | EV(LATE) | EV(NO) | EV(ABORT),
    [CUT_CHECK] = EV(OK) | EV(FAIL) | EV(UNKNOWN) | EV(LATE) | EV(NO) | EV(ABORT),
    [CUT_GATE] = EV(OK) | EV(FAIL) | EV(UNKNOWN) | EV(LATE) | EV(NO) | EV(ABORT),
    [CUT_HOLD] = EV(OK) | EV(FAIL) | EV(UNKNOWN) | EV(LATE) | EV(ABORT),
    [CUT_DRAIN] = EV(OK) | EV(FAIL) | EV(UNKNOWN) | EV(LATE) | EV(ABORT),
    [CUT_FENCE] = EV(OK) | EV(FAIL) | EV(UNKNOWN) | EV(LATE) | EV(ABORT),
    [CUT_CATCHUP] = EV(OK) | EV(FAIL) | EV(UNKNOWN) | EV(LATE) | EV(ABORT),
    [CUT_SEQUENCES] = EV(OK) | EV(FAIL) | EV(UNKNOWN) | EV(LATE) | EV(ABORT),
    [CUT_WAY_BACK] = EV(OK) | EV(FAIL) | EV(UNKNOWN) | EV(LATE) | EV(ABORT),
    [CUT_COMMIT] = EV(OK) | EV(FAIL) | EV(UNKNOWN) | EV(LATE),
    [CUT_RESOLVE] = EV(OK) | EV(NO) | EV(AGAIN) | EV(FAIL) | EV(UNKNOWN) | EV(LATE),
    [CUT_PROMOTE] = EV(OK) | EV(AGAIN) | EV(FAIL) | EV(UNKNOWN) | EV(LATE),
    [CUT_PROMOTE_ASK] = EV(OK) | EV(NO) | EV(AGAIN) | EV(FAIL) | EV(UNKNOWN) | EV(LATE),
    [CUT_OPEN] = EV(OK) | EV(AGAIN) | EV(FAIL) | EV(UNKNOWN) | EV(LATE),
    [CUT_RELEASE] = EV(OK),
    [CUT_AFTER] = EV(OK) | EV(AGAIN) | EV(FAIL) | EV(UNKNOWN) | EV(LATE),
    [CUT_RESUME_HA] = EV(OK) | EV(FAIL) | EV(UNKNOWN) | EV(LATE),
    [CUT_UNDO] = EV(OK) | EV(AGAIN) | EV(FAIL) | EV(UNKNOWN) | EV(LATE),
    [CUT_UNDO_RELEASE] = EV(OK),
    [CUT_UNDO_AFTER] = EV(OK) | EV(AGAIN) | EV(FAIL) | EV(UNKNOWN),
};

static bool
takes(enum cutover_state at, enum cutover_event event)
{
    struct cutover c = {.machine = {.tables = cutover_tables(), .cutover = &c, .state = at}};
    return machine_takes(&c.machine, event);
}

static bool
is_expected(int state, int event)
{
    return (expected[state] & (1u << event)) != 0;
}

/* A guard never leaves an event without a row: with every guard false there is still one. */
static void
every_state_takes_the_events_it_is_to_take_and_no_other(void **state)
{
    (void)state;
    for (int s = 0; s < CUTOVER_STATES_COUNT; s++) {
        for (int e = 0; e < CUTOVER_EVENTS_COUNT; e++) {
            const struct machine_tables *t = cutover_tables();
            bool any = false;
            bool unguarded = false;
            for (size_t i = 0; i < t->rows_count; i++) {
                const bool here = (int)t->rows[i].state == s && (int)t->rows[i].event == e;
                assert_false(here && unguarded); /* a row that is never reached */
                any = any || here;
                unguarded = unguarded || (here && t->rows[i].guard == NULL);
            }
            assert_int_equal(any, is_expected(s, e));
            assert_int_equal(any, unguarded);
        }
    }
}

static bool
fire_ends_the_process(enum cutover_state at, enum cutover_event event)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        (void)close(STDERR_FILENO);
        struct cutover c = {.machine = {.tables = cutover_tables(), .cutover = &c, .state = at}};
        (void)signal(SIGABRT, SIG_DFL);
        machine_fire(&c.machine, event);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    return WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
}

static void
an_event_that_a_state_does_not_know_ends_the_process(void **state)
{
    (void)state;
    for (int s = 0; s < CUTOVER_STATES_COUNT; s++) {
        for (int e = CUT_EV_NONE + 1; e < CUTOVER_EVENTS_COUNT; e++) {
            if (!is_expected(s, e)) {
                assert_true(fire_ends_the_process((enum cutover_state)s, (enum cutover_event)e));
            }
        }
    }
}

static void
only_what_has_not_committed_can_be_called_off(void **state)
{
    (void)state;
    for (int s = 0; s < CUTOVER_STATES_COUNT; s++) {
        const bool before = s >= CUT_JOB && s < CUT_COMMIT;
        assert_int_equal(takes((enum cutover_state)s, CUT_EV_ABORT), before);
    }
}

static bool
is_committed(enum cutover_state state)
{
    return state == CUT_OPEN || state == CUT_RELEASE || state == CUT_AFTER;
}

static void
past_the_commit_nothing_leads_to_undo(void **state)
{
    (void)state;
    const struct machine_tables *t = cutover_tables();
    for (size_t i = 0; i < t->rows_count; i++) {
        assert_false(is_committed(t->rows[i].state) && t->rows[i].next >= CUT_UNDO);
    }
}

/* ---- limits ---- */

static void
every_state_has_a_limit_or_says_why_it_needs_none(void **state)
{
    (void)state;
    for (int s = 0; s < CUTOVER_STATES_COUNT; s++) {
        const struct machine_state *row = &cutover_tables()->states[s];
        assert_true((row->limit_us != NULL) == (row->unlimited == NULL));
    }
}

static void
a_state_hears_that_it_is_late_when_it_has_a_limit(void **state)
{
    (void)state;
    for (int s = 0; s < CUTOVER_STATES_COUNT; s++) {
        const bool limited = cutover_tables()->states[s].limit_us != NULL;
        assert_int_equal(takes((enum cutover_state)s, CUT_EV_LATE), limited);
    }
}

/* ---- scripts and lines ---- */

static void
every_state_but_idle_begins_with_something(void **state)
{
    (void)state;
    for (int s = 0; s < CUTOVER_STATES_COUNT; s++) {
        const struct machine_state *row = &cutover_tables()->states[s];
        const int begins = (row->script != 0 ? 1 : 0) + (row->begin != NULL ? 1 : 0);
        assert_int_equal(begins, s == CUT_IDLE ? 0 : 1);
    }
}

static void
a_line_is_one_statement_one_call_or_one_hook(void **state)
{
    (void)state;
    const struct machine_tables *t = cutover_tables();
    for (size_t i = 1; i < t->scripts_count; i++) {
        const struct script_def *def = &t->scripts[i];
        assert_true(def->count > 0 && def->poll_us > 0);
        for (size_t n = 0; n < def->count; n++) {
            const struct line *l = &def->lines[n];
            const int acts =
                (l->sql != NULL) + (l->write != NULL) + (l->call != NULL) + (l->hook != NULL);
            assert_int_equal(acts, 1);
            assert_false(l->call != NULL && l->judge != NULL);
            assert_false(l->hook != NULL && l->judge != NULL);
            assert_false((l->flags & LINE_JUDGE_ALL) != 0 && l->judge == NULL &&
                         (l->hook == NULL || l->hook->judge == NULL));
            assert_false((l->flags & LINE_TOGETHER) != 0 && l->hook != NULL);
            assert_false(n > 0 && (def->lines[n - 1].flags & LINE_TOGETHER) != 0 &&
                         l->hook != NULL);
            assert_false((l->flags & LINE_TOGETHER) != 0 && n + 1 == def->count);
            assert_false(l->call != NULL && (l->flags & LINE_EACH) != 0);
            assert_false(l->wants != NULL && (l->flags & LINE_EACH) == 0);
            assert_false((l->flags & LINE_FEW) != 0 && (l->flags & LINE_EACH) == 0);
            /* what is shown, or runs in a few databases at a time, is alone */
            const bool together = (l->flags & LINE_TOGETHER) != 0 ||
                                  (n > 0 && (def->lines[n - 1].flags & LINE_TOGETHER) != 0);
            assert_false((l->flags & (LINE_REPORT | LINE_FEW)) != 0 && together);
        }
    }
}

int
main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    if (!log_open("/dev/null")) {
        return 1;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_state_takes_the_events_it_is_to_take_and_no_other),
        cmocka_unit_test(an_event_that_a_state_does_not_know_ends_the_process),
        cmocka_unit_test(only_what_has_not_committed_can_be_called_off),
        cmocka_unit_test(past_the_commit_nothing_leads_to_undo),
        cmocka_unit_test(every_state_has_a_limit_or_says_why_it_needs_none),
        cmocka_unit_test(a_state_hears_that_it_is_late_when_it_has_a_limit),
        cmocka_unit_test(every_state_but_idle_begins_with_something),
        cmocka_unit_test(a_line_is_one_statement_one_call_or_one_hook),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
