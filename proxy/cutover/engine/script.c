/* script.c — runs the lines of a state, one act at a time.
 *
 * A script is a static array of lines. Lines marked TOGETHER start with the line behind them and
 * are waited for together, so that the two sides work at the same time. An answer belongs to the
 * turn in which it was asked: when the state was left meanwhile (a deadline, an abort), the answer
 * is dropped here and nowhere else. */
/* SPDX-License-Identifier: PostgreSQL */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cutover/cutover_internal.h"

/* One question to the world, until it is answered. */
struct call {
    struct list node;
    struct cutover *c; /* borrowed: the machine outlives its calls */
    uint32_t turn;
    const struct line *line;  /* borrowed for ever; NULL for a timer or SQL outside the script */
    enum cutover_event event; /* of a timer that fires one */
    enum side side;
    call_fn *fn; /* of SQL outside the script */
    bool done;   /* a poll that was nudged: the timer finds nothing to do */
};

static enum cutover_event script_advance(struct cutover *c);
static enum cutover_event line_start(struct cutover *c, const struct line *line);

static struct call *
call_new(struct cutover *c, const struct line *line)
{
    struct call *call = xcalloc(1, sizeof(*call));
    call->c = c;
    call->turn = c->script.turn;
    call->line = line;
    list_init(&call->node);
    list_push_back(&c->calls, &call->node);
    return call;
}

static void
call_free(struct call *call)
{
    list_remove(&call->node);
    mem_free(call);
}

void
calls_free(struct cutover *c)
{
    LIST_EACH(node, &c->calls)
    {
        call_free(LIST_OBJECT(node, struct call, node));
    }
}

/* ---- cells ---- */

const char *
rows_text(const struct cutover_rows *rows, int row, int column)
{
    if (!rows->ok || row >= rows->rows || column >= rows->columns) {
        return "";
    }
    const char *text = rows->cell(rows->impl, row, column);
    return text != NULL ? text : "";
}

uint64_t
rows_u64(const struct cutover_rows *rows, int row, int column)
{
    const char *text = rows_text(rows, row, column);
    char *end = NULL;
    errno = 0;
    const unsigned long long v = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 ? v : 0;
}

bool
rows_bool(const struct cutover_rows *rows, int row, int column)
{
    return strcmp(rows_text(rows, row, column), "t") == 0;
}

enum cutover_event
rows_event(struct cutover *c, const struct cutover_rows *rows)
{
    if (rows->ok) {
        return CUT_EV_OK;
    }
    c->err = rows->err;
    if (!err_is_set(&c->err)) {
        err_set(&c->err, SQLSTATE_INTERNAL, "a statement failed without saying why");
    }
    return rows->unknown ? CUT_EV_UNKNOWN : CUT_EV_FAIL;
}

void
put_literal(struct buf *b, const char *text)
{
    if (strchr(text, '\\') != NULL) {
        buf_printf(b, " E");
    }
    buf_put_u8(b, '\'');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\'' || *p == '\\') {
            buf_put_u8(b, (uint8_t)*p);
        }
        buf_put_u8(b, (uint8_t)*p);
    }
    buf_put_u8(b, '\'');
}

void
put_identifier(struct buf *b, const char *text)
{
    buf_put_u8(b, '"');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '"') {
            buf_put_u8(b, '"');
        }
        buf_put_u8(b, (uint8_t)*p);
    }
    buf_put_u8(b, '"');
}

/* ---- lines ---- */

enum side
line_side(const struct cutover *c, enum line_side side)
{
    switch (side) {
    case LINE_FROM:
        return c->flip.from;
    case LINE_TO:
        return c->flip.to;
    case LINE_BLUE:
        return SIDE_BLUE;
    case LINE_GREEN:
        return SIDE_GREEN;
    }
    UNREACHABLE();
}

static uint64_t
line_timeout(const struct cutover *c, const struct line *line)
{
    if ((line->flags & LINE_HOUR) != 0) {
        return (uint64_t)60 * SQL_LONG_US;
    }
    if ((line->flags & LINE_LONG) != 0) {
        return SQL_LONG_US;
    }
    const uint64_t now = cutover_now(c);
    if (c->state == CUT_COMMIT) {
        return c->config.commit_timeout_us;
    }
    if (c->state == CUT_CHECK || c->state == CUT_JOB) {
        return SQL_CHECK_US;
    }
    if (c->deadline_us == 0 || !cutover_is_held_state(c->state)) {
        return SQL_TIMEOUT_US;
    }
    const uint64_t left = c->deadline_us > now ? c->deadline_us - now : 0;
    if (left < SQL_TIMEOUT_MIN_US) {
        return SQL_TIMEOUT_MIN_US;
    }
    return left < SQL_TIMEOUT_US ? left : SQL_TIMEOUT_US;
}

void
cutover_point(const struct cutover *c, const char *name, const char *when)
{
    if (c->ops.point != NULL) {
        c->ops.point(c->ops.ctx, name, when);
    }
}

/* What a line came to. OK goes on when all that run together are done; the first other outcome ends
 * the script, but only after the others have answered too, so that no statement runs behind the
 * machine's back. */
static enum cutover_event
line_end(struct cutover *c, const struct line *line, enum cutover_event event)
{
    CHECK(c->script.pending > 0);
    c->script.pending--;
    log_debug(NULL, "cutover line", "line=%s event=%s took_us=%" PRIu64, line->name,
              cutover_event_name(event), cutover_now(c) - c->script.line_since_us);
    if (event == CUT_EV_OK) {
        cutover_point(c, line->name, "after");
        if ((line->flags & LINE_REPORT) != 0) {
            const uint64_t took = cutover_now(c) - c->script.line_since_us;
            if (c->detail[0] == '\0') {
                cutover_detail(c, "on %s", side_name(line_side(c, line->side)));
            }
            cutover_report_took(c, CUTOVER_OK, line->name, c->detail, took);
            c->detail[0] = '\0';
        }
    } else if (c->script.outcome == CUT_EV_OK) {
        c->script.outcome = event;
    }
    return c->script.pending == 0 ? script_advance(c) : CUT_EV_NONE;
}

static void on_poll(void *arg);

static enum cutover_event
line_judged(struct cutover *c, const struct line *line, enum cutover_event event)
{
    if (event != CUT_EV_AGAIN || c->script.outcome != CUT_EV_OK) {
        return line_end(c, line, event == CUT_EV_AGAIN ? CUT_EV_OK : event);
    }
    struct call *call = call_new(c, line);
    const uint64_t delay = (line->flags & LINE_SLOW) != 0 ? POLL_SLOW_US : c->script.poll_us;
    c->ops.timer(c->ops.ctx, delay, on_poll, call);
    return CUT_EV_NONE;
}

static void
on_poll(void *arg)
{
    struct call *call = arg;
    struct cutover *c = call->c;
    const struct line *line = call->line;
    const bool stale = call->turn != c->script.turn || call->done;
    call_free(call);
    if (stale) {
        return;
    }
    const enum cutover_event event = line_start(c, line);
    if (event != CUT_EV_NONE) {
        cutover_fire(c, event);
    }
}

void
script_nudge(struct cutover *c)
{
    LIST_EACH(node, &c->calls)
    {
        struct call *call = LIST_OBJECT(node, struct call, node);
        if (call->turn != c->script.turn || call->done || call->line == NULL ||
            call->line->act == NULL) {
            continue;
        }
        call->done = true;
        const enum cutover_event event = line_start(c, call->line);
        if (event != CUT_EV_NONE) {
            cutover_fire(c, event);
        }
        return;
    }
}

static void
on_rows(void *arg, const struct cutover_rows *rows)
{
    struct call *call = arg;
    struct cutover *c = call->c;
    const struct line *line = call->line;
    const enum side side = call->side;
    const bool stale = call->turn != c->script.turn;
    call_free(call);
    if (stale) {
        return;
    }
    enum cutover_event event = CUT_EV_NONE;
    if (line->judge != NULL && (rows->ok || (line->flags & LINE_JUDGE_ALL) != 0)) {
        event = line->judge(c, side, rows);
    } else {
        event = rows_event(c, rows);
    }
    CHECK(event != CUT_EV_NONE);
    event = line_judged(c, line, event);
    if (event != CUT_EV_NONE) {
        cutover_fire(c, event);
    }
}

/* Starts the line, counted as pending by the caller. */
static enum cutover_event
line_start(struct cutover *c, const struct line *line)
{
    if (line->act != NULL) {
        return line_judged(c, line, line->act(c));
    }
    struct buf sql;
    buf_init(&sql);
    buf_printf(&sql, "/* teal %s */ ", line->name);
    line->write(c, &sql);
    buf_put_u8(&sql, '\0');
    struct call *call = call_new(c, line);
    call->side = line_side(c, line->side);
    const char *text = (const char *)buf_slice(&sql).p;
    const uint64_t timeout = line_timeout(c, line);
    if ((line->flags & LINE_FRESH) != 0) {
        c->ops.sql_fresh(c->ops.ctx, call->side, text, timeout, on_rows, call);
    } else {
        c->ops.sql(c->ops.ctx, call->side, text, timeout, on_rows, call);
    }
    buf_fini(&sql);
    return CUT_EV_NONE;
}

static bool
line_applies(const struct cutover *c, const struct line *line)
{
    return line->applies == NULL || line->applies(c);
}

static enum cutover_event
script_end(struct cutover *c)
{
    enum cutover_event (*then)(struct cutover *) = c->script_then;
    c->script_then = NULL;
    return then != NULL ? then(c) : CUT_EV_OK;
}

/* Starts the next group of lines. An act ends at once and may end the script: then the turn is
 * over, and what it returns is the outcome. */
static enum cutover_event
script_advance(struct cutover *c)
{
    struct script *s = &c->script;
    CHECK(s->pending == 0);
    if (s->outcome != CUT_EV_OK) {
        return s->outcome;
    }
    while (s->at < s->count && !line_applies(c, &s->lines[s->at])) {
        s->at++;
    }
    if (s->at == s->count) {
        return script_end(c);
    }
    const size_t first = s->at;
    size_t end = first + 1;
    while (end < s->count && (s->lines[end - 1].flags & LINE_TOGETHER) != 0) {
        end++;
    }
    s->at = end;
    s->line_since_us = cutover_now(c);
    for (size_t i = first; i < end; i++) {
        s->pending += line_applies(c, &s->lines[i]) ? 1 : 0;
    }
    enum cutover_event event = CUT_EV_NONE;
    for (size_t i = first; i < end; i++) {
        if (line_applies(c, &s->lines[i])) {
            cutover_point(c, s->lines[i].name, "before");
            event = line_start(c, &s->lines[i]);
        }
    }
    return event;
}

enum cutover_event
script_start(struct cutover *c, const struct line *lines, size_t count, uint64_t poll_us)
{
    c->script.turn++;
    struct script *s = &c->script;
    s->lines = lines;
    s->count = count;
    s->at = 0;
    s->pending = 0;
    s->outcome = CUT_EV_OK;
    s->poll_us = poll_us;
    return script_advance(c);
}

void
script_leave(struct cutover *c)
{
    c->script.turn++;
    c->script_then = NULL;
}

/* ---- timers, SQL outside the script ---- */

static void
on_later(void *arg)
{
    struct call *call = arg;
    struct cutover *c = call->c;
    const enum cutover_event event = call->event;
    const bool stale = call->turn != c->script.turn;
    call_free(call);
    if (!stale) {
        cutover_fire(c, event);
    }
}

void
script_later(struct cutover *c, uint64_t delay_us, enum cutover_event event)
{
    struct call *call = call_new(c, NULL);
    call->event = event;
    c->ops.timer(c->ops.ctx, delay_us, on_later, call);
}

static void
on_deadline(void *arg)
{
    struct call *call = arg;
    struct cutover *c = call->c;
    const bool stale = call->turn != c->deadline_turn || c->deadline_us == 0;
    call_free(call);
    if (stale) {
        return;
    }
    c->deadline_us = 0;
    if (cutover_takes(c, CUT_EV_LATE)) {
        cutover_fire(c, CUT_EV_LATE);
    }
}

void
deadline_arm(struct cutover *c, uint64_t deadline_us)
{
    c->deadline_turn++;
    c->deadline_us = deadline_us;
    if (deadline_us == 0) {
        return;
    }
    const uint64_t now = cutover_now(c);
    struct call *call = call_new(c, NULL);
    call->turn = c->deadline_turn;
    c->ops.timer(c->ops.ctx, deadline_us > now ? deadline_us - now : 0, on_deadline, call);
}

static void
on_call(void *arg, const struct cutover_rows *rows)
{
    struct call *call = arg;
    struct cutover *c = call->c;
    const enum side side = call->side;
    call_fn *fn = call->fn;
    call_free(call);
    if (fn != NULL) {
        fn(c, side, rows);
    }
}

void
call_sql(struct cutover *c, enum side side, const char *sql, uint64_t timeout_us, call_fn *fn)
{
    struct call *call = call_new(c, NULL);
    call->side = side;
    call->fn = fn;
    c->ops.sql(c->ops.ctx, side, sql, timeout_us, on_call, call);
}
