/* preflight.c — runs the preflight: first what the looks told, then the rows of checks.def one
 * after the other. See preflight.h.
 *
 * Both sides are asked at the same time; the evaluation is here, in a few verbs over text, so that
 * a new check is a row of data. A query that fails is a finding too: what cannot be asked is not
 * known to hold. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/preflight/preflight.h"

#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cutover/flip/parts.h"
#include "cutover/preflight/answers.h"
#include "cutover/preflight/facts.h"
#include "cutover/preflight/findings.h"
#include "cutover/types/scripts.h"

enum { VERSION_15 = 150000 };

/* WARN_15: a warning, where both sides have what it asks for. WAY_BACK: blocks when a way back is
 * wanted. */
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

struct preflight {
    size_t at; /* the check that is asked */
    struct answers answers;
    struct findings findings;
};

struct preflight *
preflight_new(void)
{
    return xcalloc(1, sizeof(struct preflight));
}

void
preflight_free(struct preflight *p)
{
    if (p != NULL) {
        answers_fini(&p->answers);
        mem_free(p);
    }
}

static const struct check *
check_of(const struct cutover *c)
{
    CHECK(c->preflight->at < COUNT_OF(checks));
    return &checks[c->preflight->at];
}

/* ---- evaluation ---- */

static bool
evaluate(const struct cutover *c, const struct check *k, struct buf *found)
{
    struct answers *answers = &c->preflight->answers;
    const char *from = answers->of[c->flip.from].text;
    const char *to = answers->of[c->flip.to].text;
    CHECK(k->evaluation == EMPTY || k->sides == BOTH); /* a row that compares asks both */
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
        return answers_missing(answers, c->flip.from, c->flip.to, found) == 0;
    case NO_EXTRA:
        return answers_missing(answers, c->flip.to, c->flip.from, found) == 0;
    }
    UNREACHABLE();
}

static enum cutover_result
severity_result(const struct cutover *c, enum severity severity)
{
    if (severity == WAY_BACK) {
        return c->flip.way_back_wanted ? CUTOVER_FAIL : CUTOVER_WARN;
    }
    return severity == BLOCK ? CUTOVER_FAIL : CUTOVER_WARN;
}

/* A warning about what our role may not see is none: it says nothing about the pair. */
static void
check_failed_to_ask(struct cutover *c, const struct check *k, enum side side)
{
    char text[REPORT_DETAIL_MAX];
    if (c->preflight->answers.of[side].denied && severity_result(c, k->severity) == CUTOVER_WARN) {
        (void)snprintf(text, sizeof(text), "not checked: the operator's role may not see it on %s",
                       side_name(side));
        findings_add(&c->preflight->findings, c, CUTOVER_SKIP, k->id, k->name, text);
        return;
    }
    (void)snprintf(text, sizeof(text), "%s could not answer: %s", side_name(side),
                   c->preflight->answers.of[side].text);
    findings_add(&c->preflight->findings, c, severity_result(c, k->severity), k->id, k->name, text);
}

static void
check_evaluate(struct cutover *c, const struct check *k)
{
    struct buf found;
    buf_init(&found);
    const bool holds = evaluate(c, k, &found);
    buf_put_u8(&found, '\0');
    char text[REPORT_DETAIL_MAX];
    (void)snprintf(text, sizeof(text), "%.600s (must be: %s). %s",
                   (const char *)buf_slice(&found).p, k->limit, k->hint);
    buf_fini(&found);
    findings_add(&c->preflight->findings, c, holds ? CUTOVER_OK : severity_result(c, k->severity),
                 k->id, k->name, holds ? k->limit : text);
}

static bool
check_asks(const struct cutover *c, const struct check *k, enum side side)
{
    return k->sides == BOTH || (k->sides == FROM) == (side == c->flip.from);
}

static void
check_end(struct cutover *c, const struct check *k)
{
    for (int s = 0; s < SIDES_COUNT; s++) {
        const enum side side = (enum side)s;
        if (check_asks(c, k, side) && !c->preflight->answers.of[s].known) {
            check_failed_to_ask(c, k, side);
            return;
        }
    }
    check_evaluate(c, k);
}

/* ---- asking ---- */

bool
preflight_asks_from(const struct cutover *c)
{
    return check_asks(c, check_of(c), c->flip.from);
}

bool
preflight_asks_to(const struct cutover *c)
{
    return check_asks(c, check_of(c), c->flip.to);
}

/* The text with {from}, {to} and {pool} put in. */
static void
put_sql(const struct cutover *c, struct buf *sql, const char *text)
{
    char pool[16];
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

void
preflight_write_from(const struct cutover *c, struct buf *sql)
{
    put_sql(c, sql, check_of(c)->sql);
}

void
preflight_write_to(const struct cutover *c, struct buf *sql)
{
    const struct check *k = check_of(c);
    put_sql(c, sql, k->sql_to != NULL ? k->sql_to : k->sql);
}

enum cutover_event
preflight_judge(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    CHECK(check_asks(c, check_of(c), side));
    answers_take(&c->preflight->answers, side, rows);
    return CUT_EV_OK;
}

/* ---- one after the other ---- */

static bool
check_applies(const struct cutover *c, const struct check *k)
{
    const bool new_enough = c->looks.of[SIDE_BLUE].version_num >= VERSION_15 &&
                            c->looks.of[SIDE_GREEN].version_num >= VERSION_15;
    return (k->kinds & (1u << c->flip.kind)) != 0 && (k->severity != WARN_15 || new_enough);
}

/* From the check that it has come to, on the next that applies. */
static enum cutover_event
ask_next(struct cutover *c)
{
    struct preflight *p = c->preflight;
    while (p->at < COUNT_OF(checks) && !check_applies(c, &checks[p->at])) {
        p->at++;
    }
    return p->at == COUNT_OF(checks) ? findings_end(&p->findings, c)
                                     : machine_script(&c->machine, SCRIPT_CHECK);
}

enum cutover_event
preflight_asked(struct cutover *c)
{
    check_end(c, check_of(c));
    c->preflight->at++;
    return ask_next(c);
}

enum cutover_event
preflight_looked(struct cutover *c)
{
    CHECK(c->preflight->at == 0);
    flip_set_kind(c, look_kind(c, c->flip.to));
    return facts_check(c, &c->preflight->findings) ? ask_next(c)
                                                   : findings_end(&c->preflight->findings, c);
}

enum cutover_event
preflight_begin(struct cutover *c)
{
    CHECK(c->command.job == CUTOVER_JOB_CHECK || c->command.job == CUTOVER_JOB_FLIP);
    c->preflight->at = 0;
    findings_clear(&c->preflight->findings);
    look_at_both(c);
    return machine_script(&c->machine, SCRIPT_CHECK_LOOK);
}
