/* facts.c — epoch, versions, guard, sessions and lag. See facts.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/preflight/facts.h"

#include <inttypes.h>
#include <stdio.h>

#include "cutover/flip/parts.h"

enum { VERSION_13 = 130000 };

/* A finding about one fact: ok, or the text of what is wrong. */
static void
fact(struct cutover *c, struct findings *f, bool holds, const char *id, const char *name,
     const char *text)
{
    findings_add(f, c, holds ? CUTOVER_OK : CUTOVER_FAIL, id, name, text);
}

/* Each with its own reason: the other's would send the operator to the wrong server. */
static void
fact_answers(struct cutover *c, struct findings *f)
{
    static const struct {
        const char *id;
        const char *name;
    } checks[SIDES_COUNT] = {
        [SIDE_BLUE] = {"F01", "blue-answers"},
        [SIDE_GREEN] = {"F02", "green-answers"},
    };
    for (int s = 0; s < SIDES_COUNT; s++) {
        const struct look *l = &c->looks.of[s];
        fact(c, f, l->answered, checks[s].id, checks[s].name,
             l->answered ? c->config.address[s] : l->err.text);
    }
}

static void
fact_roles(struct cutover *c, struct findings *f)
{
    const struct look *from = &c->looks.of[c->flip.from];
    const struct look *to = &c->looks.of[c->flip.to];
    const bool prepared = from->prepared && to->prepared;
    fact(c, f, prepared, "F03", "prepared",
         prepared ? "the schema teal is on both sides" : "the schema teal is missing. Run PREPARE");
    fact(c, f, !from->in_recovery, "F04", "writer-role",
         from->in_recovery ? "the old side is in recovery" : "the old side is a primary");
}

static void
fact_rows(struct cutover *c, struct findings *f)
{
    const struct look *from = &c->looks.of[c->flip.from];
    const struct look *to = &c->looks.of[c->flip.to];
    const bool agrees =
        from->writer_known && from->writer == c->flip.from && from->epoch == c->flip.epoch;
    const bool behind = to->epoch <= c->flip.epoch && to->epoch > 0;
    char text[REPORT_DETAIL_MAX];
    (void)snprintf(text, sizeof(text),
                   "%s says epoch %" PRIu64 ", writer %s, phase %s; Teal is at epoch %" PRIu64
                   ". Another Teal may have moved the writes: restart this one",
                   side_name(c->flip.from), from->epoch,
                   from->writer_known ? side_name(from->writer) : "nobody", from->phase,
                   c->flip.epoch);
    fact(c, f, agrees, "F05", "epoch", agrees ? "the old side agrees on epoch and writer" : text);
    fact(c, f, behind, "F06", "epoch-target",
         behind ? "the target is not ahead" : "the target's row is missing or ahead. Run PREPARE");
}

static void
fact_versions(struct cutover *c, struct findings *f)
{
    const int from = c->looks.of[c->flip.from].version_num;
    const int to = c->looks.of[c->flip.to].version_num;
    char text[REPORT_DETAIL_MAX];
    (void)snprintf(text, sizeof(text), "%s has %d, %s has %d", side_name(c->flip.from), from,
                   side_name(c->flip.to), to);
    if (flip_is_physical(c)) {
        fact(c, f, from / 10000 == to / 10000, "F07", "versions", text);
        return;
    }
    const bool new_enough = from >= VERSION_13 && to >= VERSION_13;
    fact(c, f, new_enough, "F07", "versions",
         new_enough ? text : "both sides need PostgreSQL 13 or newer");
}

static void
fact_guard(struct cutover *c, struct findings *f)
{
    const bool guarded = flip_is_physical(c) || c->looks.of[c->flip.to].fenced;
    findings_add(f, c, guarded ? CUTOVER_OK : CUTOVER_WARN, "F08", "target-guarded",
                 guarded ? "the target refuses writes of others"
                         : "the target accepts writes of others. Run PREPARE: it turns "
                           "default_transaction_read_only on there");
}

/* Which fence it is going to be, or why there can be none. */
static void
fact_fence(struct cutover *c, struct findings *f)
{
    const struct fence_wish wish = rights_wish(c);
    const struct fence_choice choice = rights_choose(&c->rights, &wish);
    fact(c, f, choice.possible, "F09", "fence", choice.why);
    if (choice.possible) {
        fence_choose(c, &choice);
        flip_set_strict(c, choice.strict);
    }
}

static void
fact_sessions(struct cutover *c, struct findings *f)
{
    const uint32_t pinned = c->ops.pinned(c->ops.ctx);
    char text[REPORT_DETAIL_MAX];
    (void)snprintf(text, sizeof(text),
                   "%u sessions cannot move and will be ended: SHOW SESSIONS PINNED", pinned);
    findings_add(f, c, pinned == 0 ? CUTOVER_OK : CUTOVER_WARN, "W38", "pinned-sessions",
                 pinned == 0 ? "every session can move" : text);
}

static void
fact_lag(struct cutover *c, struct findings *f)
{
    struct cutover_facts facts = {0};
    c->ops.facts(c->ops.ctx, c->flip.to, &facts);
    char text[REPORT_DETAIL_MAX];
    (void)snprintf(text, sizeof(text),
                   "%" PRIu64 " bytes, %" PRIu64 " ms behind; start_lag_bytes is %" PRIu64
                   ", start_lag %" PRIu64 " ms",
                   facts.lag_bytes, facts.lag_us / 1000, c->config.start_lag_bytes,
                   c->config.start_lag_us / 1000);
    const bool near = facts.lag_known && facts.lag_bytes <= c->config.start_lag_bytes &&
                      facts.lag_us <= c->config.start_lag_us;
    findings_add(f, c, near ? CUTOVER_OK : CUTOVER_WARN, "B09", "lag",
                 facts.lag_known ? text : "unknown; the flip waits until it is known and small");
}

bool
facts_check(struct cutover *c, struct findings *f)
{
    CHECK(f->ran == 0 && c->flip.from != c->flip.to);
    fact_answers(c, f);
    if (f->failed > 0) {
        return false;
    }
    fact_roles(c, f);
    if (f->failed > 0) {
        return false;
    }
    fact_rows(c, f);
    fact_versions(c, f);
    fact_guard(c, f);
    fact_fence(c, f);
    fact_sessions(c, f);
    fact_lag(c, f);
    return true;
}
