/* test_engine.c — the machine and the script runner over toy tables: what they promise to any
 * owner.
 *
 * The engine hands struct cutover on without looking into it, so this file has one of its own: a
 * diary. Statements and timers wait in a queue until the test lets them happen. */
/* SPDX-License-Identifier: PostgreSQL */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "cutover/engine/machine.h"

enum { DIARY_SIZE = 1024, QUEUE_MAX = 32, SECOND = 1000 * 1000 };

struct cutover {
    struct cutover_ops ops;
    struct calls calls;
    struct report report;
    struct machine machine;
    char diary[DIARY_SIZE];
    uint64_t now_us;
    struct entry {
        uint64_t at_us;
        cutover_timer_fn *timer;
        cutover_sql_fn *done;
        void *arg;
        uint64_t timeout_us;
        char sql[64];
    } queue[QUEUE_MAX];
    size_t queue_len;
    bool guard;
    uint32_t databases;
    enum cutover_event call_says;
};

static void
note(struct cutover *c, const char *text)
{
    const size_t len = strlen(c->diary);
    (void)snprintf(c->diary + len, sizeof(c->diary) - len, "%s%s", len > 0 ? " " : "", text);
}

static void
assert_diary(struct cutover *c, const char *expected)
{
    assert_string_equal(c->diary, expected);
    c->diary[0] = '\0';
}

/* ---- the world ---- */

static uint64_t
op_now(void *ctx)
{
    return ((struct cutover *)ctx)->now_us;
}

static struct entry *
push(struct cutover *c, uint64_t at_us, void *arg)
{
    assert_true(c->queue_len < QUEUE_MAX);
    struct entry *e = &c->queue[c->queue_len++];
    *e = (struct entry){.at_us = at_us, .arg = arg};
    return e;
}

static void
op_sql(void *ctx, const struct cutover_where *where, const char *sql, uint64_t timeout_us,
       cutover_sql_fn *done, void *arg)
{
    struct cutover *c = ctx;
    struct entry *e = push(c, UINT64_MAX, arg);
    e->done = done;
    e->timeout_us = timeout_us;
    (void)snprintf(e->sql, sizeof(e->sql), "%s %s", where->database, sql);
}

static void
op_timer(void *ctx, uint64_t delay_us, cutover_timer_fn *fn, void *arg)
{
    struct cutover *c = ctx;
    push(c, c->now_us + delay_us, arg)->timer = fn;
}

static void
op_report(void *ctx, const struct cutover_report *row)
{
    char text[128];
    (void)snprintf(text, sizeof(text), "[%s %s: %s]", cutover_result_name(row->result), row->step,
                   row->detail);
    note(ctx, text);
}

static struct entry
take(struct cutover *c, size_t at)
{
    const struct entry e = c->queue[at];
    memmove(&c->queue[at], &c->queue[at + 1], (c->queue_len - at - 1) * sizeof(e));
    c->queue_len--;
    return e;
}

static size_t
find(const struct cutover *c, const char *tag)
{
    for (size_t i = 0; i < c->queue_len; i++) {
        if (c->queue[i].done != NULL && strstr(c->queue[i].sql, tag) != NULL) {
            return i;
        }
    }
    fail_msg("no statement %s is under way", tag);
    return 0;
}

/* The statement with the tag is answered: with a row, or with the error. */
static void
answer(struct cutover *c, const char *tag, const char *error)
{
    const struct entry e = take(c, find(c, tag));
    struct cutover_rows rows = {.ok = error == NULL, .rows = 1};
    if (error != NULL) {
        (void)err_set(&rows.err, "57000", "%s", error);
    }
    e.done(e.arg, &rows);
}

/* Time passes; the timers that are due happen in their order. */
static void
pass(struct cutover *c, uint64_t us)
{
    const uint64_t end = c->now_us + us;
    for (;;) {
        size_t first = c->queue_len;
        for (size_t i = 0; i < c->queue_len; i++) {
            if (c->queue[i].timer != NULL && c->queue[i].at_us <= end &&
                (first == c->queue_len || c->queue[i].at_us < c->queue[first].at_us)) {
                first = i;
            }
        }
        if (first == c->queue_len) {
            break;
        }
        const struct entry e = take(c, first);
        c->now_us = e.at_us;
        e.timer(e.arg);
    }
    c->now_us = end;
}

/* ---- the toy: idle, gate and hold, of which the last two are two states of two steps; commit and
 * resolve are two states of one step ---- */

static uint64_t
two_seconds(const struct cutover *c)
{
    (void)c;
    return 2 * SECOND;
}

static enum cutover_event
call_says(struct cutover *c)
{
    note(c, "call");
    report_detail(&c->report, "the call");
    return c->call_says;
}

static enum cutover_event
judge_ok(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)at;
    (void)rows;
    note(c, "judge");
    return CUT_EV_OK;
}

static enum cutover_event
judge_slow(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)at;
    (void)rows;
    if (c->call_says == CUT_EV_OK) {
        return CUT_EV_OK;
    }
    report_detail(&c->report, "not yet");
    return report_again(&c->report, "57000", "not yet");
}

static bool
guard(const struct cutover *c)
{
    return c->guard;
}

static void
leave(struct cutover *c)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "leave-%s", cutover_state_name(c->machine.state));
    note(c, text);
}

static void
entered(struct cutover *c)
{
    char text[32];
    (void)snprintf(text, sizeof(text), "enter-%s", cutover_state_name(c->machine.state));
    note(c, text);
}

static bool
never(const struct cutover *c)
{
    (void)c;
    return false;
}

static enum cutover_event
then_another(struct cutover *c)
{
    static const struct line lines[] = {{.name = "b", .call = call_says}};
    static const struct script_def another = {lines, COUNT_OF(lines), POLL_FAST_US, NULL};
    note(c, "then");
    return script_start(&c->machine.script, &another);
}

enum { TOY_CALL = 1, TOY_PAIR, TOY_SLOW, TOY_WHOLE, TOY_MIXED, TOYS };

static const struct line call_lines[] = {{.name = "a", .call = call_says}};
static const struct line pair_lines[] = {
    {.name = "left", .flags = LINE_TOGETHER, .sql = "SELECT 1", .judge = judge_ok},
    {.name = "right", .sql = "SELECT 1", .judge = judge_ok},
};
static const struct line slow_lines[] = {{.name = "slow", .sql = "SELECT 1", .judge = judge_slow},
                                         {.name = "next", .sql = "SELECT 1"}};
static const struct line mixed_lines[] = {
    {.name = "first", .call = call_says},
    {.name = "never", .applies = never, .call = call_says},
    {.name = "beside", .flags = LINE_TOGETHER, .call = call_says},
    {.name = "asked", .sql = "SELECT 1", .judge = judge_ok},
    {.name = "last", .call = call_says},
};
static const struct line whole_lines[] = {{.name = "whole", .sql = "SELECT 1"}};

static const struct script_def toy_scripts[TOYS] = {
    [TOY_CALL] = {call_lines, COUNT_OF(call_lines), POLL_FAST_US, NULL},
    [TOY_PAIR] = {pair_lines, COUNT_OF(pair_lines), POLL_FAST_US, NULL},
    [TOY_SLOW] = {slow_lines, COUNT_OF(slow_lines), POLL_FAST_US, NULL},
    [TOY_WHOLE] = {whole_lines, COUNT_OF(whole_lines), POLL_FAST_US, NULL},
    [TOY_MIXED] = {mixed_lines, COUNT_OF(mixed_lines), POLL_FAST_US, then_another},
};

static const struct machine_state toy_states[CUTOVER_STATES_COUNT] = {
    [CUT_IDLE] = {.unlimited = "idle"},
    [CUT_CHECK] = {TOY_SLOW, .statement = STATEMENT_CHECK, .limit_us = two_seconds},
    [CUT_GATE] = {TOY_CALL, .statement = STATEMENT_SHORT, .limit_us = two_seconds},
    [CUT_HOLD] = {TOY_PAIR, .statement = STATEMENT_LEFT, .limit_us = two_seconds},
    [CUT_COMMIT] = {TOY_WHOLE, .statement = STATEMENT_WHOLE, .limit_us = two_seconds},
    [CUT_RESOLVE] = {TOY_WHOLE, .statement = STATEMENT_LEFT, .limit_us = two_seconds},
    [CUT_AFTER] = {TOY_MIXED, .statement = STATEMENT_SHORT, .limit_us = two_seconds},
};

static const struct machine_step toy_steps[CUTOVER_STEPS_COUNT] = {
    [CUT_STEP_GATE] = {STEP_ALL, "wait"},
    [CUT_STEP_HOLD] = {STEP_ALL, NULL},
    [CUT_STEP_CHECK] = {STEP_ALL, NULL},
};

static const struct machine_row toy_rows[] = {
    {CUT_IDLE, CUT_EV_FLIP, guard, CUT_HOLD, 0, leave, entered, "guarded"},
    {CUT_IDLE, CUT_EV_FLIP, NULL, CUT_GATE, 0, leave, entered, "asked"},
    {CUT_IDLE, CUT_EV_JOB, NULL, CUT_CHECK, 0, NULL, NULL, "asked"},
    {CUT_IDLE, CUT_EV_RESOLVE, NULL, CUT_COMMIT, 0, NULL, NULL, "asked"},
    {CUT_IDLE, CUT_EV_AFTER, NULL, CUT_AFTER, 0, NULL, NULL, "asked"},
    {CUT_AFTER, CUT_EV_OK, NULL, CUT_IDLE, 0, NULL, NULL, "done"},
    {CUT_AFTER, CUT_EV_FAIL, NULL, CUT_IDLE, 0, NULL, NULL, "failed"},
    {CUT_GATE, CUT_EV_OK, NULL, CUT_HOLD, 0, leave, entered, "done"},
    {CUT_GATE, CUT_EV_NO, NULL, CUT_GATE, SECOND, leave, entered, "once more"},
    {CUT_GATE, CUT_EV_AGAIN, NULL, CUT_GATE, 0, leave, entered, "now"},
    {CUT_GATE, CUT_EV_LATE, NULL, CUT_IDLE, 0, leave, entered, "late"},
    {CUT_HOLD, CUT_EV_OK, NULL, CUT_IDLE, 0, NULL, NULL, "done"},
    {CUT_HOLD, CUT_EV_FAIL, NULL, CUT_IDLE, 0, NULL, NULL, "failed"},
    {CUT_HOLD, CUT_EV_LATE, NULL, CUT_IDLE, 0, NULL, NULL, "late"},
    {CUT_CHECK, CUT_EV_OK, NULL, CUT_IDLE, 0, NULL, NULL, "done"},
    {CUT_CHECK, CUT_EV_LATE, NULL, CUT_IDLE, 0, NULL, NULL, "late"},
    {CUT_COMMIT, CUT_EV_LATE, NULL, CUT_RESOLVE, 0, NULL, NULL, "late"},
    {CUT_RESOLVE, CUT_EV_LATE, NULL, CUT_RESOLVE, 0, NULL, entered, "late"},
};

static enum side
side_of(const struct cutover *c, enum line_side side)
{
    (void)c;
    return side == LINE_FROM ? SIDE_BLUE : SIDE_GREEN;
}

static uint32_t
databases(const struct cutover *c)
{
    return c->databases;
}

static const char *
database_name(const struct cutover *c, uint32_t database)
{
    static const char *const names[] = {"db0", "db1", "db2", "db3", "db4", "db5"};
    assert_true(database < c->databases && database < COUNT_OF(names));
    return names[database];
}

static void
check(const struct cutover *c)
{
    assert_true((unsigned)c->machine.state < CUTOVER_STATES_COUNT);
}

static const struct machine_tables toy = {
    .states = toy_states,
    .rows = toy_rows,
    .rows_count = COUNT_OF(toy_rows),
    .steps = toy_steps,
    .scripts = toy_scripts,
    .scripts_count = COUNT_OF(toy_scripts),
    .line_side = side_of,
    .databases = databases,
    .database_name = database_name,
    .check = check,
};

static int
set_up(void **state)
{
    static struct cutover c;
    memset(&c, 0, sizeof(c));
    c.now_us = SECOND;
    c.call_says = CUT_EV_OK;
    c.databases = 1;
    c.ops = (struct cutover_ops){.ctx = &c,
                                 .now_us = op_now,
                                 .sql = op_sql,
                                 .sql_fresh = op_sql,
                                 .timer = op_timer,
                                 .report = op_report};
    calls_init(&c.calls, &c.ops);
    report_init(&c.report, &c.ops);
    machine_init(&c.machine, &toy, &c, &c.calls, &c.report);
    *state = &c;
    return 0;
}

static int
tear_down(void **state)
{
    struct cutover *c = *state;
    calls_fini(&c->calls);
    return 0;
}

/* ---- rows ---- */

static void
a_row_leaves_the_old_state_once_and_enters_the_new_one_once(void **state)
{
    struct cutover *c = *state;
    machine_fire(&c->machine, CUT_EV_FLIP);
    assert_int_equal(c->machine.state, CUT_HOLD);
    assert_diary(c, "leave-idle enter-gate call leave-gate [ok gate: the call] enter-hold");
}

static void
a_state_that_is_repeated_is_entered_each_time(void **state)
{
    struct cutover *c = *state;
    c->call_says = CUT_EV_NO;
    machine_fire(&c->machine, CUT_EV_FLIP);
    assert_diary(c, "leave-idle enter-gate call leave-gate enter-gate");
    pass(c, SECOND);
    assert_diary(c, "leave-gate enter-gate call leave-gate enter-gate");
}

static void
the_first_row_whose_guard_holds_is_taken(void **state)
{
    struct cutover *c = *state;
    c->guard = true;
    machine_fire(&c->machine, CUT_EV_FLIP);
    assert_int_equal(c->machine.state, CUT_HOLD);
    assert_diary(c, "leave-idle enter-hold");
}

static void
an_event_without_a_row_is_not_taken(void **state)
{
    struct cutover *c = *state;
    assert_true(machine_takes(&c->machine, CUT_EV_FLIP));
    assert_false(machine_takes(&c->machine, CUT_EV_OK));
}

/* ---- limits ---- */

static void
a_limit_counts_from_the_beginning_of_the_step(void **state)
{
    struct cutover *c = *state;
    c->call_says = CUT_EV_NO;
    machine_fire(&c->machine, CUT_EV_FLIP);
    pass(c, 2 * SECOND - 1);
    assert_int_equal(c->machine.state, CUT_GATE);
    pass(c, 1);
    assert_int_equal(c->machine.state, CUT_IDLE);
    assert_string_equal(c->machine.failure.text, "gate did not end within 2000 ms: the call");
    assert_string_equal(c->machine.failure.hint, "wait");
}

static void
a_limit_that_has_passed_gives_the_next_state_its_own(void **state)
{
    struct cutover *c = *state;
    machine_fire(&c->machine, CUT_EV_RESOLVE);
    pass(c, 2 * SECOND);
    assert_int_equal(c->machine.state, CUT_RESOLVE);
    assert_diary(c, "");
    pass(c, 2 * SECOND);
    assert_diary(c, "enter-resolve");
    pass(c, 10 * SECOND);
    assert_diary(c, "");
}

static void
a_statement_may_take_what_its_state_allows(void **state)
{
    struct cutover *c = *state;
    machine_fire(&c->machine, CUT_EV_JOB);
    assert_int_equal(c->queue[find(c, "slow")].timeout_us, 5 * SECOND);
    answer(c, "slow", NULL);
    answer(c, "next", NULL);
    machine_fire(&c->machine, CUT_EV_FLIP);
    assert_int_equal(c->queue[find(c, "left")].timeout_us, 2 * SECOND);
    pass(c, 3 * SECOND);
    assert_int_equal(c->machine.state, CUT_IDLE);
    machine_fire(&c->machine, CUT_EV_RESOLVE);
    assert_int_equal(c->queue[find(c, "whole")].timeout_us, 2 * SECOND);
}

/* ---- scripts ---- */

static void
lines_that_run_together_are_waited_for_together(void **state)
{
    struct cutover *c = *state;
    machine_fire(&c->machine, CUT_EV_FLIP);
    answer(c, "right", NULL);
    assert_int_equal(c->machine.state, CUT_HOLD);
    answer(c, "left", NULL);
    assert_int_equal(c->machine.state, CUT_IDLE);
}

static void
a_script_goes_on_until_a_statement_is_under_way(void **state)
{
    struct cutover *c = *state;
    machine_fire(&c->machine, CUT_EV_AFTER);
    assert_diary(c, "call call");
    assert_int_equal(c->machine.state, CUT_AFTER);
    answer(c, "asked", NULL);
    assert_diary(c, "judge call then call");
    assert_int_equal(c->machine.state, CUT_IDLE);
}

static void
a_call_that_fails_ends_the_script_behind_those_it_runs_with(void **state)
{
    struct cutover *c = *state;
    c->call_says = CUT_EV_FAIL;
    machine_fire(&c->machine, CUT_EV_AFTER);
    assert_diary(c, "call");
    assert_int_equal(c->machine.state, CUT_IDLE);
    static const struct script_def group = {&mixed_lines[2], 3, POLL_FAST_US, NULL};
    assert_int_equal(script_start(&c->machine.script, &group), CUT_EV_NONE);
    assert_diary(c, "call");
    assert_true(find(c, "asked") < c->queue_len);
}

static void
the_error_is_that_of_the_line_that_failed_first(void **state)
{
    struct cutover *c = *state;
    machine_fire(&c->machine, CUT_EV_FLIP);
    answer(c, "right", "green is full");
    assert_int_equal(c->machine.state, CUT_HOLD);
    answer(c, "left", "blue is gone");
    assert_int_equal(c->machine.state, CUT_IDLE);
    assert_string_equal(c->machine.failure.text, "green is full");
}

static void
what_a_line_waited_for_is_forgotten_when_it_is_done(void **state)
{
    struct cutover *c = *state;
    c->call_says = CUT_EV_AGAIN;
    machine_fire(&c->machine, CUT_EV_JOB);
    answer(c, "slow", NULL);
    pass(c, POLL_FAST_US);
    c->call_says = CUT_EV_OK;
    answer(c, "slow", NULL);
    pass(c, 2 * SECOND);
    assert_string_equal(c->machine.failure.text, "check did not end within 2000 ms");
}

static void
an_answer_to_a_state_that_was_left_is_dropped(void **state)
{
    struct cutover *c = *state;
    machine_fire(&c->machine, CUT_EV_FLIP);
    pass(c, 2 * SECOND);
    assert_int_equal(c->machine.state, CUT_IDLE);
    c->diary[0] = '\0';
    answer(c, "left", "too late");
    answer(c, "right", NULL);
    assert_diary(c, "");
    assert_int_equal(c->machine.state, CUT_IDLE);
}

static void
a_call_that_waits_is_polled_and_can_be_nudged(void **state)
{
    struct cutover *c = *state;
    static const struct script_def polled = {call_lines, COUNT_OF(call_lines), POLL_SLOW_US, NULL};
    c->call_says = CUT_EV_AGAIN;
    assert_int_equal(script_start(&c->machine.script, &polled), CUT_EV_NONE);
    pass(c, POLL_SLOW_US);
    assert_diary(c, "call call");
    script_nudge(&c->machine.script);
    assert_diary(c, "call");
    pass(c, POLL_SLOW_US);
    assert_diary(c, "call");
}

/* ---- databases ---- */

static bool
not_home(const struct cutover *c, struct place at)
{
    (void)c;
    return at.database != DATABASE_HOME;
}

/* What a line says of a database: AGAIN as long as the test wants it. */
static enum cutover_event
judge_each(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    char text[32];
    (void)rows;
    (void)snprintf(text, sizeof(text), "judge-%u", at.database);
    note(c, text);
    report_detail(&c->report, "it waits");
    return c->call_says;
}

static const struct line each_lines[] = {
    {.name = "each", .flags = LINE_EACH | LINE_REPORT, .sql = "SELECT 1"},
    {.name = "others", .flags = LINE_EACH, .wants = not_home, .sql = "SELECT 1"},
    {.name = "home", .sql = "SELECT 1"},
};
static const struct script_def each_script = {each_lines, COUNT_OF(each_lines), POLL_FAST_US, NULL};

static const struct line polled_lines[] = {
    {.name = "polled", .flags = LINE_EACH, .sql = "SELECT 1", .judge = judge_each},
};
static const struct script_def polled_script = {polled_lines, 1, POLL_FAST_US, NULL};

static const struct line few_lines[] = {
    {.name = "few", .flags = LINE_EACH | LINE_FEW | LINE_REPORT, .sql = "SELECT 1"},
};
static const struct script_def few_script = {few_lines, 1, POLL_FAST_US, NULL};

static uint32_t
under_way(const struct cutover *c)
{
    uint32_t count = 0;
    for (size_t i = 0; i < c->queue_len; i++) {
        count += c->queue[i].done != NULL ? 1 : 0;
    }
    return count;
}

static void
a_line_runs_in_every_database_at_the_same_time(void **state)
{
    struct cutover *c = *state;
    c->databases = 3;
    assert_int_equal(script_start(&c->machine.script, &each_script), CUT_EV_NONE);
    assert_int_equal(under_way(c), 3);
    answer(c, "db2 /* teal each", NULL);
    answer(c, "db0 /* teal each", NULL);
    assert_diary(c, "");
    answer(c, "db1 /* teal each", NULL);
    assert_diary(c, "[ok each: on blue, in 3 databases]");
    assert_int_equal(under_way(c), 2);
    answer(c, "db1 /* teal others", NULL);
    answer(c, "db2 /* teal others", NULL);
    assert_int_equal(under_way(c), 1);
    assert_true(find(c, "db0 /* teal home") < c->queue_len);
}

static void
only_the_databases_that_say_so_are_asked_again(void **state)
{
    struct cutover *c = *state;
    c->databases = 3;
    assert_int_equal(script_start(&c->machine.script, &polled_script), CUT_EV_NONE);
    answer(c, "db0", NULL);
    c->call_says = CUT_EV_AGAIN;
    answer(c, "db1", NULL);
    assert_string_equal(c->report.detail, "database \"db1\": it waits");
    c->call_says = CUT_EV_OK;
    answer(c, "db2", NULL);
    assert_int_equal(under_way(c), 0);
    pass(c, POLL_FAST_US);
    assert_int_equal(under_way(c), 1);
    assert_true(find(c, "db1") < c->queue_len);
}

static void
the_first_database_that_fails_ends_the_script_behind_the_others(void **state)
{
    struct cutover *c = *state;
    c->databases = 3;
    c->guard = true;
    machine_fire(&c->machine, CUT_EV_FLIP);
    c->diary[0] = '\0';
    assert_int_equal(script_start(&c->machine.script, &each_script), CUT_EV_NONE);
    c->queue_len = 0;
    assert_int_equal(script_start(&c->machine.script, &each_script), CUT_EV_NONE);
    answer(c, "db1", "it is full");
    answer(c, "db2", "it is gone");
    assert_int_equal(c->machine.state, CUT_HOLD);
    answer(c, "db0", NULL);
    assert_int_equal(c->machine.state, CUT_IDLE);
    assert_string_equal(c->machine.failure.text, "database \"db1\": it is full");
}

static void
a_line_for_a_few_databases_goes_on_with_the_next(void **state)
{
    struct cutover *c = *state;
    c->databases = 6;
    assert_int_equal(script_start(&c->machine.script, &few_script), CUT_EV_NONE);
    assert_int_equal(under_way(c), LINE_FEW_MAX);
    answer(c, "db1", NULL);
    assert_true(find(c, "db4") < c->queue_len);
    answer(c, "db0", NULL);
    assert_int_equal(under_way(c), LINE_FEW_MAX);
    answer(c, "db5", NULL);
    answer(c, "db4", NULL);
    answer(c, "db3", NULL);
    assert_diary(c, "");
    assert_int_equal(under_way(c), 1);
}

static void
a_line_for_a_few_databases_starts_no_more_when_one_has_failed(void **state)
{
    struct cutover *c = *state;
    c->databases = 6;
    c->guard = true;
    machine_fire(&c->machine, CUT_EV_FLIP);
    c->queue_len = 0;
    assert_int_equal(script_start(&c->machine.script, &few_script), CUT_EV_NONE);
    answer(c, "db1", "it is full");
    assert_int_equal(under_way(c), LINE_FEW_MAX - 1);
    answer(c, "db0", NULL);
    answer(c, "db2", NULL);
    assert_int_equal(c->machine.state, CUT_HOLD);
    answer(c, "db3", NULL);
    assert_int_equal(c->machine.state, CUT_IDLE);
}

int
main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    if (!log_open("/dev/null")) {
        return 1;
    }
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(a_row_leaves_the_old_state_once_and_enters_the_new_one_once),
        TEST(a_state_that_is_repeated_is_entered_each_time),
        TEST(the_first_row_whose_guard_holds_is_taken),
        TEST(an_event_without_a_row_is_not_taken),
        TEST(a_limit_counts_from_the_beginning_of_the_step),
        TEST(a_limit_that_has_passed_gives_the_next_state_its_own),
        TEST(a_statement_may_take_what_its_state_allows),
        TEST(lines_that_run_together_are_waited_for_together),
        TEST(a_script_goes_on_until_a_statement_is_under_way),
        TEST(a_call_that_fails_ends_the_script_behind_those_it_runs_with),
        TEST(the_error_is_that_of_the_line_that_failed_first),
        TEST(what_a_line_waited_for_is_forgotten_when_it_is_done),
        TEST(an_answer_to_a_state_that_was_left_is_dropped),
        TEST(a_call_that_waits_is_polled_and_can_be_nudged),
        TEST(a_line_runs_in_every_database_at_the_same_time),
        TEST(only_the_databases_that_say_so_are_asked_again),
        TEST(the_first_database_that_fails_ends_the_script_behind_the_others),
        TEST(a_line_for_a_few_databases_goes_on_with_the_next),
        TEST(a_line_for_a_few_databases_starts_no_more_when_one_has_failed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
