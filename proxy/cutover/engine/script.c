/* script.c — starts the lines group by group, judges the answers, polls. See script.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/engine/script.h"

#include <inttypes.h>

#include "base/log.h"

static void on_poll(const struct call *call);
static void on_rows(const struct call *call, const struct cutover_rows *rows);
static void on_hook(const struct call *call, const struct hook_answer *answer);

static uint64_t
now_us(const struct script *s)
{
    return s->calls->ops->now_us(s->calls->ops->ctx);
}

void
script_init(struct script *s, const struct script_env *env, struct calls *calls,
            struct report *report)
{
    CHECK(env->line_side != NULL && env->statement_limit_us != NULL && env->ended != NULL);
    CHECK(env->databases != NULL && env->database_name != NULL);
    *s = (struct script){.env = *env, .calls = calls, .report = report, .outcome = CUT_EV_OK};
}

static enum side
line_side(const struct script *s, const struct line *line)
{
    return s->env.line_side(s->env.cutover, line->side);
}

/* ---- the databases of a line ---- */

static struct place
place_of(const struct script *s, const struct line *line, uint32_t database)
{
    return (struct place){.side = line_side(s, line), .database = database};
}

/* Behind the last one that it may run in. */
static uint32_t
databases_end(const struct script *s, const struct line *line)
{
    return (line->flags & LINE_EACH) != 0 ? s->env.databases(s->env.cutover) : DATABASE_HOME + 1;
}

static bool
line_wants(const struct script *s, const struct line *line, uint32_t database)
{
    return line->wants == NULL || line->wants(s->env.cutover, place_of(s, line, database));
}

/* In how many databases it runs; 0 when it does not apply. */
static uint32_t
line_count(const struct script *s, const struct line *line)
{
    uint32_t count = 0;
    if (line->applies != NULL && !line->applies(s->env.cutover)) {
        return 0;
    }
    for (uint32_t d = 0; d < databases_end(s, line); d++) {
        count += line_wants(s, line, d) ? 1 : 0;
    }
    return count;
}

static uint64_t
line_limit_us(const struct script *s, const struct line *line)
{
    if ((line->flags & LINE_HOUR) != 0) {
        return (uint64_t)60 * SQL_LONG_US;
    }
    return (line->flags & LINE_LONG) != 0 ? SQL_LONG_US : s->env.statement_limit_us(s->env.machine);
}

/* ---- the end of a line ---- */

static void
line_report(struct script *s, const struct line *line)
{
    const uint64_t took = now_us(s) - s->line_since_us;
    const uint32_t count = line_count(s, line);
    if (s->report->detail[0] == '\0' && count > 1) {
        report_detail(s->report, "on %s, in %u databases", side_name(line_side(s, line)), count);
    } else if (s->report->detail[0] == '\0') {
        report_detail(s->report, "on %s", side_name(line_side(s, line)));
    }
    report_line_took(s->report, CUTOVER_OK, line->name, s->report->detail, took);
    report_detail_clear(s->report);
}

static void line_ask(struct script *s, const struct line *line, uint32_t database);

/* A line that runs in a few databases at a time goes on to its next one. Those that are not started
 * because another has failed are done. */
static void
few_go_on(struct script *s, const struct line *line)
{
    CHECK(line->call == NULL && line->hook == NULL);
    while (s->few_next < databases_end(s, line)) {
        const uint32_t database = s->few_next++;
        if (!line_wants(s, line, database)) {
            continue;
        }
        if (s->outcome == CUT_EV_OK) {
            line_ask(s, line, database); /* a statement: FEW is for no other */
            return;
        }
        CHECK(s->pending > 0);
        s->pending--;
    }
}

/* The first outcome that is not OK ends the script, but only after the others that run together
 * have answered too, so that no statement runs behind the machine's back. A line that is shown is
 * alone, so it has ended when nothing is pending. */
static void
line_end(struct script *s, const struct line *line, enum cutover_event event)
{
    CHECK(s->pending > 0);
    s->pending--;
    log_debug(NULL, "cutover line", "line=%s event=%s took_us=%" PRIu64, line->name,
              cutover_event_name(event), now_us(s) - s->line_since_us);
    if (event == CUT_EV_OK) {
        cutover_ops_point(s->calls->ops, line->name, "after");
    } else if (s->outcome == CUT_EV_OK) {
        s->outcome = event;
    }
    if ((line->flags & LINE_FEW) != 0) {
        few_go_on(s, line);
    }
    if ((line->flags & LINE_REPORT) != 0 && s->pending == 0 && s->outcome == CUT_EV_OK) {
        line_report(s, line);
    }
}

static void
line_poll(struct script *s, const struct line *line, uint32_t database)
{
    s->waiting = line;
    s->waiting_database = database;
    const struct call call = {.arg = s,
                              .what = line,
                              .turn = s->turn,
                              .at = place_of(s, line, database),
                              .on_time = on_poll};
    calls_timer(s->calls, &call, (line->flags & LINE_SLOW) != 0 ? POLL_SLOW_US : s->def->poll_us);
}

static void
line_judged(struct script *s, const struct line *line, uint32_t database, enum cutover_event event)
{
    CHECK(event != CUT_EV_NONE);
    if (event != CUT_EV_AGAIN) {
        line_end(s, line, event);
    } else if (s->outcome != CUT_EV_OK) {
        line_end(s, line, CUT_EV_OK); /* another has ended the script: ask no more */
    } else {
        line_poll(s, line, database);
    }
}

/* What a line says while it has to wait holds until its next answer, and no longer. */
static void
forget_waiting(struct script *s, const struct line *line, uint32_t database)
{
    if (s->waiting == line && s->waiting_database == database) {
        s->waiting = NULL;
        report_detail_clear(s->report);
        report_err_clear(s->report);
    }
}

/* Which database it was, where there are several. */
static void
name_database(struct script *s, const struct line *line, uint32_t database)
{
    if ((line->flags & LINE_EACH) != 0 && databases_end(s, line) > 1) {
        report_database(s->report, s->env.database_name(s->env.cutover, database));
    }
}

/* The error is that of the line that ended the script, not one that failed after it. */
static enum cutover_event
line_judge(struct script *s, const struct line *line, struct place at,
           const struct cutover_rows *rows)
{
    const bool all = (line->flags & LINE_JUDGE_ALL) != 0;
    const struct err first = s->report->err;
    forget_waiting(s, line, at.database);
    const enum cutover_event event = line->judge != NULL && (rows->ok || all)
                                         ? line->judge(s->env.cutover, at, rows)
                                         : report_rows(s->report, rows);
    if (s->outcome != CUT_EV_OK) {
        report_err(s->report, &first);
    } else if (event != CUT_EV_OK) {
        name_database(s, line, at.database);
    }
    return event;
}

/* A hook runs alone: there is no other outcome yet. */
static enum cutover_event
line_judge_hook(struct script *s, const struct line *line, const struct hook_answer *answer)
{
    CHECK(s->outcome == CUT_EV_OK);
    const bool all = (line->flags & LINE_JUDGE_ALL) != 0;
    forget_waiting(s, line, DATABASE_HOME);
    if (line->hook->judge != NULL && (answer->ok || all)) {
        return line->hook->judge(s->env.cutover, answer);
    }
    return report_answer(s->report, answer);
}

/* ---- the start of a line ---- */

static void
line_ask(struct script *s, const struct line *line, uint32_t database)
{
    CHECK((line->sql == NULL) != (line->write == NULL));
    const struct place at = place_of(s, line, database);
    struct buf sql;
    buf_init(&sql);
    buf_printf(&sql, "/* teal %s */ ", line->name);
    if (line->sql != NULL) {
        buf_printf(&sql, "%s", line->sql);
    } else {
        line->write(s->env.cutover, at, &sql);
    }
    buf_put_u8(&sql, '\0');
    const struct call call = {
        .arg = s, .what = line, .turn = s->turn, .at = at, .on_rows = on_rows};
    calls_sql(s->calls, &call, s->env.database_name(s->env.cutover, database),
              (const char *)buf_slice(&sql).p, line_limit_us(s, line),
              (line->flags & LINE_FRESH) != 0);
    buf_fini(&sql);
}

static void
line_run(struct script *s, const struct line *line)
{
    struct hook_about about = {.hook = line->hook->hook};
    s->env.hook_about(s->env.cutover, line->hook->hook, &about);
    const struct call call = {.arg = s, .what = line, .turn = s->turn, .on_hook = on_hook};
    calls_hook(s->calls, &call, &about, s->env.hook_limit_us(s->env.machine));
}

/* Counted as pending by the caller. A call ends at once; what else there is is under way
 * afterwards. */
static void
line_start(struct script *s, const struct line *line, uint32_t database)
{
    if (line->hook != NULL) {
        line_run(s, line);
        return;
    }
    if (line->call == NULL) {
        line_ask(s, line, database);
        return;
    }
    forget_waiting(s, line, database);
    line_judged(s, line, database, line->call(s->env.cutover));
}

/* In all its databases, or in the first few. */
static void
line_start_all(struct script *s, const struct line *line)
{
    const uint32_t max = (line->flags & LINE_FEW) != 0 ? LINE_FEW_MAX : UINT32_MAX;
    uint32_t started = 0;
    cutover_ops_point(s->calls->ops, line->name, "before");
    for (uint32_t d = 0; d < databases_end(s, line) && started < max; d++) {
        s->few_next = d + 1;
        if (line_wants(s, line, d)) {
            started++;
            line_start(s, line, d);
        }
    }
}

/* ---- group by group ---- */

/* Behind the last line of the group that begins at the first. */
static size_t
group_end(const struct script_def *def, size_t first)
{
    size_t end = first + 1;
    while (end < def->count && (def->lines[end - 1].flags & LINE_TOGETHER) != 0) {
        end++;
    }
    return end;
}

static void
start_group(struct script *s)
{
    const struct script_def *def = s->def;
    const size_t first = s->at;
    const size_t end = group_end(def, first);
    s->at = end;
    s->line_since_us = now_us(s);
    for (size_t i = first; i < end; i++) {
        s->pending += line_count(s, &def->lines[i]);
    }
    for (size_t i = first; i < end; i++) {
        if (line_count(s, &def->lines[i]) > 0) {
            line_start_all(s, &def->lines[i]);
        }
    }
}

static enum cutover_event
script_end(struct script *s)
{
    return s->def->then != NULL ? s->def->then(s->env.cutover) : CUT_EV_OK;
}

/* Starts groups until one has lines under way, or the script has ended: with the event returned. */
static enum cutover_event
go_on(struct script *s)
{
    while (s->pending == 0 && s->outcome == CUT_EV_OK) {
        while (s->at < s->def->count && line_count(s, &s->def->lines[s->at]) == 0) {
            s->at++;
        }
        if (s->at == s->def->count) {
            return script_end(s);
        }
        start_group(s);
    }
    return s->pending == 0 ? s->outcome : CUT_EV_NONE;
}

/* A line has been started or judged again, outside of script_start. */
static void
go_on_and_tell(struct script *s)
{
    const enum cutover_event event = go_on(s);
    if (event != CUT_EV_NONE) {
        s->env.ended(s->env.machine, event);
    }
}

/* ---- what comes later ---- */

static void
on_poll(const struct call *call)
{
    struct script *s = call->arg;
    if (call->turn != s->turn) {
        return;
    }
    CHECK(s->pending > 0);
    line_start(s, call->what, call->at.database);
    go_on_and_tell(s);
}

static void
on_rows(const struct call *call, const struct cutover_rows *rows)
{
    struct script *s = call->arg;
    if (call->turn != s->turn) {
        return;
    }
    CHECK(s->pending > 0);
    const struct line *line = call->what;
    line_judged(s, line, call->at.database, line_judge(s, line, call->at, rows));
    go_on_and_tell(s);
}

static void
on_hook(const struct call *call, const struct hook_answer *answer)
{
    struct script *s = call->arg;
    if (call->turn != s->turn) {
        return;
    }
    CHECK(s->pending == 1);
    const struct line *line = call->what;
    line_judged(s, line, DATABASE_HOME, line_judge_hook(s, line, answer));
    go_on_and_tell(s);
}

/* ---- the script ---- */

enum cutover_event
script_start(struct script *s, const struct script_def *def)
{
    CHECK(def->lines != NULL && def->count > 0);
    s->turn++;
    s->def = def;
    s->waiting = NULL;
    s->at = 0;
    s->pending = 0;
    s->outcome = CUT_EV_OK;
    return go_on(s);
}

void
script_leave(struct script *s)
{
    s->turn++;
}

/* The timer of a call that is polled now finds that its turn is over: a nudge begins a new one, as
 * nothing else of the script is under way then. */
void
script_nudge(struct script *s)
{
    LIST_EACH(node, &s->calls->open)
    {
        const struct call *call = LIST_OBJECT(node, struct call, node);
        if (call->arg != s || call->turn != s->turn || call->on_time != on_poll) {
            continue;
        }
        const struct line *line = call->what;
        if (line->call == NULL || s->pending != 1) {
            continue;
        }
        s->turn++;
        line_start(s, line, DATABASE_HOME);
        go_on_and_tell(s);
        return;
    }
}

void
script_wait(struct script *s, uint64_t limit_us)
{
    CHECK(limit_us > 0);
    s->wait_until_us = now_us(s) + limit_us;
}

bool
script_waited(const struct script *s)
{
    CHECK(s->wait_until_us > 0);
    return now_us(s) >= s->wait_until_us;
}
