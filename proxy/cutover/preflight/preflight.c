/* preflight.c — runs the preflight: first what the look told, then the rows of checks.def one after
 * the other.
 *
 * Both sides are asked at the same time; the evaluation is here, in a few verbs over text, so that
 * a new check is a row of data. A query that fails is a finding too: what cannot be asked is not
 * known to hold. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/preflight/preflight.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cutover/cutover_internal.h"

enum severity { WARN, WARN_15, BLOCK, WAY_BACK };

enum kinds {
    PHYSICAL = 1u << CUTOVER_PHYSICAL,
    TWO_WAY = 1u << CUTOVER_TWO_WAY,
    ONE_WAY = 1u << CUTOVER_ONE_WAY,
    LOGICAL = TWO_WAY | ONE_WAY,
    ONE_AT_A_TIME = ONE_WAY | PHYSICAL,
    ALL = PHYSICAL | LOGICAL,
};

enum sides { FROM, TO, BOTH };
enum evaluation { EMPTY, SAME, DIFFERENT, CARRIED, NO_EXTRA };

struct check {
    const char *id;
    const char *name;
    enum severity severity;
    unsigned kinds;
    enum sides sides;
    enum evaluation evaluation;
    const char *sql;
    const char *sql_to; /* NULL: the same */
    const char *limit;
    const char *hint;
};

static const struct check checks[] = {
#define CHECK_ROW(id, name, severity, kinds, sides, evaluation, sql, sql_to, limit, hint) \
    {id, name, severity, kinds, sides, evaluation, sql, sql_to, limit, hint},
#include "cutover/preflight/checks.def"
};

/* ---- findings ---- */

static void
finding(struct cutover *c, enum cutover_result result, const char *id, const char *name,
        const char *detail)
{
    c->check_ran++;
    c->check_failed += result == CUTOVER_FAIL ? 1 : 0;
    c->check_warned += result == CUTOVER_WARN ? 1 : 0;
    if (result == CUTOVER_FAIL && !err_is_set(&c->err)) {
        err_set(&c->err, SQLSTATE_OBJECT_NOT_IN_STATE, "check %s %s: %s", id, name, detail);
    }
    if (result == CUTOVER_OK && c->job != CUTOVER_JOB_CHECK) {
        return;
    }
    char step[128];
    (void)snprintf(step, sizeof(step), "%s %s", id, name);
    cutover_report(c, result, step, detail);
}

static enum cutover_result
severity_result(const struct cutover *c, enum severity severity)
{
    if (severity == WAY_BACK) {
        return c->flip.way_back_wanted ? CUTOVER_FAIL : CUTOVER_WARN;
    }
    return severity == BLOCK ? CUTOVER_FAIL : CUTOVER_WARN;
}

/* ---- what the look told ---- */

/* A finding about one fact: ok, or the text of what is wrong. */
static void
fact(struct cutover *c, bool holds, const char *id, const char *name, const char *good,
     const char *bad)
{
    finding(c, holds ? CUTOVER_OK : CUTOVER_FAIL, id, name, holds ? good : bad);
}

static void
fact_rows(struct cutover *c)
{
    const struct look *from = &c->look[c->flip.from];
    const struct look *to = &c->look[c->flip.to];
    char text[DETAIL_MAX];
    (void)snprintf(text, sizeof(text),
                   "%s says epoch %" PRIu64 ", writer %s, phase %s; Teal is at epoch %" PRIu64
                   ". Another Teal may have moved the writes: restart this one",
                   side_name(c->flip.from), from->epoch,
                   from->writer_known ? side_name(from->writer) : "nobody", from->phase,
                   c->flip.epoch);
    fact(c, from->writer_known && from->writer == c->flip.from && from->epoch == c->flip.epoch,
         "F05", "epoch", "the old side agrees on epoch and writer", text);
    fact(c, to->epoch <= c->flip.epoch && to->epoch > 0, "F06", "epoch-target",
         "the target is not ahead", "the target's row is missing or ahead. Run PREPARE");
}

static void
fact_versions(struct cutover *c)
{
    const int from = c->look[c->flip.from].version_num;
    const int to = c->look[c->flip.to].version_num;
    char text[DETAIL_MAX];
    (void)snprintf(text, sizeof(text), "%s has %d, %s has %d", side_name(c->flip.from), from,
                   side_name(c->flip.to), to);
    if (flip_is_physical(c)) {
        fact(c, from / 10000 == to / 10000, "F07", "versions", text, text);
        return;
    }
    fact(c, from >= 130000 && to >= 130000, "F07", "versions", text,
         "both sides need PostgreSQL 13 or newer");
}

static void
fact_guard(struct cutover *c)
{
    const bool guarded = flip_is_physical(c) || c->look[c->flip.to].fenced;
    finding(c, guarded ? CUTOVER_OK : CUTOVER_WARN, "F08", "target-guarded",
            guarded ? "the target refuses writes of others"
                    : "the target accepts writes of others. Run PREPARE: it turns "
                      "default_transaction_read_only on there");
}

static void
fact_sessions(struct cutover *c)
{
    const uint32_t pinned = c->ops.pinned(c->ops.ctx);
    char text[DETAIL_MAX];
    (void)snprintf(text, sizeof(text),
                   "%u sessions cannot move and will be ended: SHOW SESSIONS PINNED", pinned);
    finding(c, pinned == 0 ? CUTOVER_OK : CUTOVER_WARN, "W38", "pinned-sessions",
            pinned == 0 ? "every session can move" : text);
}

static void
fact_lag(struct cutover *c)
{
    struct cutover_facts facts = {0};
    c->ops.facts(c->ops.ctx, c->flip.to, &facts);
    char text[DETAIL_MAX];
    (void)snprintf(text, sizeof(text),
                   "%" PRIu64 " bytes, %" PRIu64 " ms behind; start_lag_bytes is %" PRIu64
                   ", start_lag %" PRIu64 " ms",
                   facts.lag_bytes, facts.lag_us / 1000, c->config.start_lag_bytes,
                   c->config.start_lag_us / 1000);
    const bool near = facts.lag_known && facts.lag_bytes <= c->config.start_lag_bytes &&
                      facts.lag_us <= c->config.start_lag_us;
    finding(c, near ? CUTOVER_OK : CUTOVER_WARN, "B09", "lag",
            facts.lag_known ? text : "unknown; the flip waits until it is known and small");
}

/* False when it makes no sense to ask further. */
static bool
facts_run(struct cutover *c)
{
    const enum side from = c->flip.from;
    const enum side to = c->flip.to;
    const struct err look_err = c->err;
    err_clear(&c->err);
    for (int s = 0; s < SIDES_COUNT; s++) {
        const char *name = s == SIDE_BLUE ? "blue-answers" : "green-answers";
        fact(c, c->look[s].answered, s == SIDE_BLUE ? "F01" : "F02", name, c->config.address[s],
             look_err.text);
    }
    if (c->check_failed > 0) {
        return false;
    }
    fact(c, c->look[from].prepared && c->look[to].prepared, "F03", "prepared",
         "the schema teal is on both sides", "the schema teal is missing. Run PREPARE");
    fact(c, !c->look[from].in_recovery, "F04", "writer-role", "the old side is a primary",
         "the old side is in recovery");
    if (c->check_failed > 0) {
        return false;
    }
    fact_rows(c);
    fact_versions(c);
    fact_guard(c);
    fact_sessions(c);
    fact_lag(c);
    return true;
}

/* ---- evaluation ---- */

/* The lines of a text, in the order of their bytes. */
struct text_lines {
    char **at; /* owned array of pointers into the text */
    size_t count;
};

static int
line_compare(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

/* Cuts the text up in place. */
static struct text_lines
lines_of(char *text)
{
    size_t count = 0;
    for (const char *p = text; *p != '\0'; p++) {
        count += *p == '\n' ? 1 : 0;
    }
    struct text_lines l = {.at = xcalloc(count + 1, sizeof(char *)), .count = 0};
    for (char *p = text; p != NULL && *p != '\0';) {
        l.at[l.count++] = p;
        p = strchr(p, '\n');
        if (p != NULL) {
            *p++ = '\0';
        }
    }
    qsort(l.at, l.count, sizeof(char *), line_compare);
    return l;
}

size_t
check_missing(char *a, char *b, struct buf *out)
{
    struct text_lines have = lines_of(b);
    struct text_lines want = lines_of(a);
    size_t missing = 0;
    for (size_t i = 0; i < want.count; i++) {
        if (bsearch(&want.at[i], have.at, have.count, sizeof(char *), line_compare) != NULL) {
            continue;
        }
        if (missing < 10) {
            buf_printf(out, "%s%s", missing == 0 ? "" : ", ", want.at[i]);
        }
        missing++;
    }
    if (missing > 10) {
        buf_printf(out, ", and %zu more", missing - 10);
    }
    mem_free(have.at);
    mem_free(want.at);
    return missing;
}

static bool
evaluate(struct cutover *c, const struct check *k, struct buf *found)
{
    char *from = c->check_value[c->flip.from].text;
    char *to = c->check_value[c->flip.to].text;
    switch (k->evaluation) {
    case EMPTY: {
        const char *a = k->sides != TO ? from : "";
        const char *b = k->sides != FROM ? to : "";
        if (a[0] != '\0') {
            buf_printf(found, "%s: %s", side_name(c->flip.from), a);
        }
        if (b[0] != '\0') {
            buf_printf(found, "%s%s: %s", a[0] != '\0' ? "; " : "", side_name(c->flip.to), b);
        }
        return buf_len(found) == 0;
    }
    case SAME:
    case DIFFERENT:
        buf_printf(found, "%s: %s; %s: %s", side_name(c->flip.from), from, side_name(c->flip.to),
                   to);
        return (strcmp(from, to) == 0) == (k->evaluation == SAME);
    case CARRIED:
        return check_missing(from, to, found) == 0;
    case NO_EXTRA:
        return check_missing(to, from, found) == 0;
    }
    UNREACHABLE();
}

static void
check_finish(struct cutover *c, const struct check *k)
{
    for (int s = 0; s < SIDES_COUNT; s++) {
        const bool asked = k->sides == BOTH || (k->sides == FROM) == ((enum side)s == c->flip.from);
        if (asked && !c->check_value[s].known) {
            char text[DETAIL_MAX];
            (void)snprintf(text, sizeof(text), "%s could not answer: %s", side_name((enum side)s),
                           c->check_value[s].text);
            finding(c, severity_result(c, k->severity), k->id, k->name, text);
            return;
        }
    }
    struct buf found;
    buf_init(&found);
    const bool holds = evaluate(c, k, &found);
    buf_put_u8(&found, '\0');
    char text[DETAIL_MAX];
    if (holds) {
        (void)snprintf(text, sizeof(text), "%s", k->limit);
    } else {
        (void)snprintf(text, sizeof(text), "%.600s (must be: %s). %s",
                       (const char *)buf_slice(&found).p, k->limit, k->hint);
    }
    buf_fini(&found);
    finding(c, holds ? CUTOVER_OK : severity_result(c, k->severity), k->id, k->name, text);
}

/* ---- asking ---- */

static bool
asks_from(const struct cutover *c)
{
    return checks[c->check_at].sides != TO;
}

static bool
asks_to(const struct cutover *c)
{
    return checks[c->check_at].sides != FROM;
}

/* The text with {from}, {to} and {pool} put in. */
static void
put_sql(const struct cutover *c, struct buf *sql, const char *text)
{
    char pool[VALUE_MAX];
    (void)snprintf(pool, sizeof(pool), "%u", c->config.pool_size);
    const struct {
        const char *token;
        const char *value;
    } tokens[] = {
        {"{from}", side_name(c->flip.from)}, {"{to}", side_name(c->flip.to)}, {"{pool}", pool}};
    while (*text != '\0') {
        size_t i = 0;
        while (i < COUNT_OF(tokens) &&
               strncmp(text, tokens[i].token, strlen(tokens[i].token)) != 0) {
            i++;
        }
        if (i < COUNT_OF(tokens)) {
            buf_put(sql, tokens[i].value, strlen(tokens[i].value));
            text += strlen(tokens[i].token);
        } else {
            buf_put_u8(sql, (uint8_t)*text++);
        }
    }
}

static void
write_check_from(struct cutover *c, struct buf *sql)
{
    put_sql(c, sql, checks[c->check_at].sql);
}

static void
write_check_to(struct cutover *c, struct buf *sql)
{
    const struct check *k = &checks[c->check_at];
    put_sql(c, sql, k->sql_to != NULL ? k->sql_to : k->sql);
}

enum cutover_event
check_take_value(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    struct check_value *v = &c->check_value[side];
    mem_free(v->text);
    v->known = rows->ok;
    v->text = xstrdup(rows->ok ? rows_text(rows, 0, 0) : rows->err.text);
    return CUT_EV_OK;
}

/* clang-format off */
static const struct line lines[] = {
    {"check-from", LINE_FROM, LINE_TOGETHER | LINE_JUDGE_ALL, asks_from, write_check_from, check_take_value, NULL},
    {"check-to", LINE_TO, LINE_JUDGE_ALL, asks_to, write_check_to, check_take_value, NULL},
};
/* clang-format on */

static bool
check_applies(const struct cutover *c, const struct check *k)
{
    const bool new_enough =
        c->look[SIDE_BLUE].version_num >= 150000 && c->look[SIDE_GREEN].version_num >= 150000;
    return (k->kinds & (1u << c->flip.kind)) != 0 && (k->severity != WARN_15 || new_enough);
}

static enum cutover_event
checks_end(struct cutover *c)
{
    cutover_detail(c, "%zu checks, %zu warnings, %zu failures", c->check_ran, c->check_warned,
                   c->check_failed);
    if (c->job == CUTOVER_JOB_CHECK) {
        cutover_report_took(c, c->check_failed > 0 ? CUTOVER_FAIL : CUTOVER_OK, "check", c->detail,
                            cutover_now(c) - c->step_since_us);
    }
    if (c->check_failed == 0) {
        err_clear(&c->err);
        return CUT_EV_OK;
    }
    if (c->check_failed > 1) {
        const struct err first = c->err;
        err_set(&c->err, SQLSTATE_OBJECT_NOT_IN_STATE, "%zu checks failed, the first: %.300s",
                c->check_failed, first.text);
    }
    err_hint(&c->err, "run CHECK to see every finding");
    return CUT_EV_FAIL;
}

static enum cutover_event check_next(struct cutover *c);

static enum cutover_event
check_asked(struct cutover *c)
{
    check_finish(c, &checks[c->check_at]);
    c->check_at++;
    return check_next(c);
}

static enum cutover_event
check_next(struct cutover *c)
{
    while (c->check_at < COUNT_OF(checks) && !check_applies(c, &checks[c->check_at])) {
        c->check_at++;
    }
    if (c->check_at == COUNT_OF(checks)) {
        return checks_end(c);
    }
    const enum cutover_event event = script_start(c, lines, COUNT_OF(lines), POLL_SLOW_US);
    CHECK(event == CUT_EV_NONE);
    c->script_then = check_asked;
    return event;
}

static enum cutover_event
check_looked(struct cutover *c)
{
    c->flip.kind = look_kind(c, c->flip.to);
    if (!facts_run(c)) {
        return checks_end(c);
    }
    return check_next(c);
}

enum cutover_event
check_begin(struct cutover *c)
{
    c->check_at = 0;
    c->check_ran = 0;
    c->check_failed = 0;
    c->check_warned = 0;
    err_clear(&c->err);
    return look_then(c, check_looked);
}
