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
    EXTERNAL = 1u << CUTOVER_EXTERNAL,
    EVERY = ALL | EXTERNAL,
    /* It is about the server: asked in the home database alone. */
    ONCE = 1u << CUTOVER_KINDS_COUNT,
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
    size_t at;               /* the check that is asked */
    struct answers *answers; /* owned: by database */
    uint32_t count;
    struct findings findings;
};

struct preflight *
preflight_new(void)
{
    return xcalloc(1, sizeof(struct preflight));
}

static void
forget(struct preflight *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        answers_fini(&p->answers[i]);
    }
    mem_free(p->answers);
    p->answers = NULL;
    p->count = 0;
}

void
preflight_free(struct preflight *p)
{
    if (p != NULL) {
        forget(p);
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
evaluate(const struct cutover *c, const struct check *k, struct answers *answers, struct buf *found)
{
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
        return a[0] == '\0' && b[0] == '\0';
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

static bool
check_asks(const struct cutover *c, const struct check *k, enum side side)
{
    return k->sides == BOTH || (k->sides == FROM) == (side == c->flip.from);
}

static uint32_t
check_databases(const struct cutover *c, const struct check *k)
{
    return (k->kinds & ONCE) != 0 ? DATABASE_HOME + 1 : c->preflight->count;
}

/* Puts what is wrong in the database into found, behind its name where there are several. */
static bool
holds_in(struct cutover *c, const struct check *k, uint32_t database, struct buf *found)
{
    struct answers *answers = &c->preflight->answers[database];
    const size_t before = buf_len(found);
    buf_printf(found, "%s", before == 0 ? "" : "; ");
    if (check_databases(c, k) > 1) {
        buf_printf(found, "database \"%s\": ", databases_name(c, database));
    }
    for (int s = 0; s < SIDES_COUNT; s++) {
        if (check_asks(c, k, (enum side)s) && !answers->of[s].known) {
            buf_printf(found, "%s could not answer: %s", side_name((enum side)s),
                       answers->of[s].text);
            return false;
        }
    }
    const bool holds = evaluate(c, k, answers, found);
    if (holds) {
        buf_truncate(found, before);
    }
    return holds;
}

/* A warning about what our role may not see is none: it says nothing about the pair. */
static bool
is_hidden(const struct cutover *c, const struct check *k)
{
    bool denied = false;
    for (uint32_t i = 0; i < check_databases(c, k); i++) {
        for (int s = 0; s < SIDES_COUNT; s++) {
            const struct answer *answer = &c->preflight->answers[i].of[s];
            denied = denied || (check_asks(c, k, (enum side)s) && answer->denied);
        }
    }
    return denied && severity_result(c, k->severity) == CUTOVER_WARN;
}

static void
check_end(struct cutover *c, const struct check *k)
{
    if (is_hidden(c, k)) {
        findings_add(&c->preflight->findings, c, CUTOVER_SKIP, k->id, k->name,
                     "not checked: the operator's role may not see it");
        return;
    }
    struct buf found;
    buf_init(&found);
    bool holds = true;
    for (uint32_t i = 0; i < check_databases(c, k); i++) {
        holds = holds_in(c, k, i, &found) && holds;
    }
    buf_put_u8(&found, '\0');
    char text[REPORT_DETAIL_MAX];
    (void)snprintf(text, sizeof(text), "%.600s (must be: %s). %s",
                   (const char *)buf_slice(&found).p, k->limit, k->hint);
    buf_fini(&found);
    findings_add(&c->preflight->findings, c, holds ? CUTOVER_OK : severity_result(c, k->severity),
                 k->id, k->name, holds ? k->limit : text);
}

/* ---- asking ---- */

bool
preflight_asks(const struct cutover *c, struct place at)
{
    const struct check *k = check_of(c);
    return check_asks(c, k, at.side) && at.database < check_databases(c, k);
}

/* The text with its tokens replaced. */
static void
put_sql(const struct cutover *c, struct place at, struct buf *sql, const char *text)
{
    char pool[16];
    char count[16];
    (void)snprintf(pool, sizeof(pool), "%u", c->config.pool_size);
    (void)snprintf(count, sizeof(count), "%u", databases_count(c));
    const struct {
        const char *token;
        const char *value;
    } tokens[] = {
        {"{from}", side_name(c->flip.from)},
        {"{to}", side_name(c->flip.to)},
        {"{stream}", databases_stream(c, at.database, c->flip.to)},
        {"{stream-back}", databases_stream(c, at.database, c->flip.from)},
        {"{pool}", pool},
        {"{databases}", count},
    };
    while (*text != '\0') {
        size_t i = 0;
        while (i < COUNT_OF(tokens) &&
               strncmp(text, tokens[i].token, strlen(tokens[i].token)) != 0) {
            i++;
        }
        if (i < COUNT_OF(tokens)) {
            buf_put_text(sql, tokens[i].value);
            text += strlen(tokens[i].token);
        } else {
            buf_put_u8(sql, (uint8_t)*text++);
        }
    }
}

void
preflight_write_from(const struct cutover *c, struct place at, struct buf *sql)
{
    put_sql(c, at, sql, check_of(c)->sql);
}

void
preflight_write_to(const struct cutover *c, struct place at, struct buf *sql)
{
    const struct check *k = check_of(c);
    put_sql(c, at, sql, k->sql_to != NULL ? k->sql_to : k->sql);
}

enum cutover_event
preflight_judge(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    CHECK(check_asks(c, check_of(c), at.side) && at.database < c->preflight->count);
    answers_take(&c->preflight->answers[at.database], at.side, rows);
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
    struct preflight *p = c->preflight;
    CHECK(p->at == 0);
    forget(p);
    p->count = databases_count(c);
    p->answers = xcalloc(p->count, sizeof(*p->answers));
    flip_set_kind(c, look_kind(c, c->flip.to));
    return facts_check(c, &p->findings) ? ask_next(c) : findings_end(&p->findings, c);
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
