/* facts.c — epoch, versions, guard, sessions and lag. See facts.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/preflight/facts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cutover/flip/history.h"
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

/* ---- the databases ---- */

enum { NAMES_SIZE = 256, NAMES_MAX = 10 };

/* Collects at most ten names. */
struct names {
    char text[NAMES_SIZE];
    uint32_t count;
};

static void
names_add(struct names *n, const char *name)
{
    const size_t len = strlen(n->text);
    if (n->count++ < NAMES_MAX) {
        (void)snprintf(n->text + len, sizeof(n->text) - len, "%s%.63s", len == 0 ? "" : ", ", name);
    }
}

static struct names
names_not_on(const struct cutover *c, enum side side)
{
    struct names n = {.count = 0};
    for (uint32_t i = 0; i < databases_count(c); i++) {
        if (!databases_on(c, (struct place){.side = side, .database = i})->exists) {
            names_add(&n, databases_name(c, i));
        }
    }
    return n;
}

static bool
fail_missing(const struct cutover *c, const struct names *n, enum side side, struct err *err)
{
    const bool from = side == c->flip.from;
    (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "%u databases are not on %s: %s", n->count,
                  side_name(side), n->text);
    if (from) {
        return err_hint(err, "correct `databases` of [pair], or create them");
    }
    if (flip_is_physical(c)) {
        return err_hint(err, "wait until the standby has replayed their creation");
    }
    if (flip_is_external(c)) {
        return err_hint(err,
                        "see that whatever keeps %s brings them there; or leave them out by "
                        "`databases` of [pair]",
                        side_name(side));
    }
    return err_hint(err,
                    "CREATE DATABASE on %s and load the schema (pg_dump --schema-only), then "
                    "run PREPARE; or leave them out by `databases` of [pair]",
                    side_name(side));
}

/* A standby takes every database along, and with `databases = *` clients of every one are sent to
 * the new side: also those that nobody would hold, fence and follow. */
static bool
fail_left_out(const struct cutover *c, struct err *err)
{
    const struct slice left = buf_slice(&c->databases.left_out);
    (void)err_set(
        err, SQLSTATE_OBJECT_NOT_IN_STATE,
        flip_is_physical(c)
            ? "a physical green takes every database along, and %u would have no way back: %.*s"
            : "clients of every database go to the new side, and %u would not be carried: %.*s",
        c->databases.left_out_count, (int)left.len, (const char *)left.p);
    if (c->config.databases_all) {
        return err_hint(err, "GRANT CONNECT ON DATABASE ... to the operator role of [blue] and "
                             "[green]");
    }
    return err_hint(err, "set `databases = *` in [pair], or add them there; then run PREPARE");
}

bool
facts_servers(const struct cutover *c, struct err *err)
{
    struct cutover_facts facts = {0};
    c->ops.facts(c->ops.ctx, c->flip.to, &facts);
    err_clear(err);
    if (!facts.is_other_side) {
        return true;
    }
    (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "%s and %s lead to the same server",
                  c->config.address[SIDE_BLUE], c->config.address[SIDE_GREEN]);
    return err_hint(err, "give [blue] and [green] the servers of two clusters");
}

static void
fact_servers(struct cutover *c, struct findings *f)
{
    static const char *const checks[SIDES_COUNT] = {
        [SIDE_BLUE] = "servers-of-blue", [SIDE_GREEN] = "servers-of-green"};
    struct err err;
    char text[REPORT_DETAIL_MAX];
    const bool two = facts_servers(c, &err);
    (void)snprintf(text, sizeof(text), "%s; %s", err.text, err.hint);
    fact(c, f, two, "F12", "two-servers", two ? "blue and green are two servers" : text);
    for (int s = 0; s < SIDES_COUNT; s++) {
        struct cutover_facts facts = {0};
        c->ops.facts(c->ops.ctx, (enum side)s, &facts);
        const bool good = facts.amiss[0] == '\0';
        findings_add(f, c, good ? CUTOVER_OK : CUTOVER_WARN, "W12", checks[s],
                     good ? "every server is there and in order" : facts.amiss);
    }
}

bool
facts_databases(const struct cutover *c, struct err *err)
{
    const char *one = NULL;
    const char *other = NULL;
    const enum side sides[] = {c->flip.from, c->flip.to};
    err_clear(err);
    if (databases_clash(c, &one, &other)) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE,
                      "the databases \"%.63s\" and \"%.63s\" would share the name of a slot", one,
                      other);
        return err_hint(err, "rename one of them: ALTER DATABASE ... RENAME TO");
    }
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        const struct names n = names_not_on(c, sides[i]);
        if (n.count > 0) {
            return fail_missing(c, &n, sides[i], err);
        }
    }
    /* Whoever names databases says what stays behind; nobody has said that of one that Teal may not
     * connect to. */
    const bool may_leave_out = !flip_is_physical(c) && !c->config.databases_all;
    return may_leave_out || c->databases.left_out_count == 0 || fail_left_out(c, err);
}

static void
fact_databases(struct cutover *c, struct findings *f)
{
    struct err err;
    char text[REPORT_DETAIL_MAX];
    if (!facts_databases(c, &err)) {
        (void)snprintf(text, sizeof(text), "%s. %s", err.text, err.hint);
        fact(c, f, false, "F09", "databases", text);
        return;
    }
    (void)snprintf(text, sizeof(text), "%u move together", databases_count(c));
    fact(c, f, true, "F09", "databases", text);
    if (c->databases.left_out_count > 0) {
        const struct slice left = buf_slice(&c->databases.left_out);
        (void)snprintf(text, sizeof(text), "%u stay behind, and %s: %.*s",
                       c->databases.left_out_count,
                       flip_is_external(c) ? "what the hooks do to them is not looked at"
                                           : "the fence leaves them as they are",
                       (int)left.len, (const char *)left.p);
        findings_add(f, c, CUTOVER_WARN, "W09", "databases-left", text);
    }
}

/* Whose target may lack the schema: it gets it when it is opened. */
static bool
may_lack(const struct cutover *c, enum side side)
{
    return flip_is_external(c) && side == c->flip.to;
}

/* Of the databases but home: what each has said. */
static struct names
names_not_prepared(const struct cutover *c, const char **error)
{
    struct names n = {.count = 0};
    *error = NULL;
    for (uint32_t i = DATABASE_HOME + 1; i < databases_count(c); i++) {
        bool prepared = true;
        for (int s = 0; s < SIDES_COUNT; s++) {
            const struct place at = {.side = (enum side)s, .database = i};
            const struct database_on *on = databases_on(c, at);
            prepared = prepared && (on->prepared || may_lack(c, at.side)) && on->error == NULL;
            *error = *error != NULL ? *error : on->error;
        }
        if (!prepared) {
            names_add(&n, databases_name(c, i));
        }
    }
    return n;
}

static void
fact_prepared(struct cutover *c, struct findings *f)
{
    const bool there = c->looks.of[c->flip.to].prepared;
    const bool home = c->looks.of[c->flip.from].prepared && (there || may_lack(c, c->flip.to));
    const char *error = NULL;
    const struct names n = names_not_prepared(c, &error);
    char text[REPORT_DETAIL_MAX];
    (void)snprintf(text, sizeof(text), "%u databases are not prepared: %s. %s%.200s", n.count,
                   n.text, error != NULL ? "One could not be asked: " : "Run PREPARE",
                   error != NULL ? error : "");
    fact(c, f, home && n.count == 0, "F03", "prepared",
         !home         ? "the schema teal is missing. Run PREPARE"
         : n.count > 0 ? text
         : there       ? "the schema teal is on both sides"
                       : "the schema teal is on the old side");
}

static void
fact_roles(struct cutover *c, struct findings *f)
{
    const struct look *from = &c->looks.of[c->flip.from];
    fact_databases(c, f);
    fact_prepared(c, f);
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
    const bool none_yet = flip_is_external(c) && !to->prepared;
    const bool behind = none_yet || (to->epoch <= c->flip.epoch && to->epoch > 0);
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
fact_history(struct cutover *c, struct findings *f)
{
    struct err err;
    char text[REPORT_DETAIL_MAX];
    const bool whole = history_is_whole(c, &err);
    (void)snprintf(text, sizeof(text), "%s. %s", err.text, err.hint);
    fact(c, f, whole, "F15", "target-history",
         whole ? "the target is the server that its stream was made for" : text);
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

/* Whether it has been promoted is later told by whether it accepts writes. */
static void
fact_closed(struct cutover *c, struct findings *f)
{
    const struct look *to = &c->looks.of[c->flip.to];
    const bool closed = to->in_recovery || to->fenced;
    fact(c, f, closed, "F08", "target-closed",
         closed
             ? "the target refuses writes until it is promoted"
             : "the target accepts writes already, so nobody could tell whether hook_promote has "
               "worked. It must be in recovery, or have default_transaction_read_only = on");
}

/* What hook_lag says, and that it can be run at all. */
static void
fact_hooks(struct cutover *c, struct findings *f)
{
    const struct hook_answer *a = &c->external.lag;
    char text[REPORT_DETAIL_MAX];
    CHECK(c->external.asked);
    fact(c, f, a->ok && a->lag_known, "F10", "hook-lag",
         !a->ok         ? a->err.text
         : a->lag_known ? "hook_lag tells the lag"
                        : "hook_lag does not say lag_bytes");
    (void)snprintf(text, sizeof(text),
                   "%" PRIu64 " bytes, %" PRIu64 " ms behind, says hook_lag; start_lag_bytes is "
                   "%" PRIu64 ", start_lag %" PRIu64 " ms",
                   a->lag_bytes, a->lag_us / 1000, c->config.start_lag_bytes,
                   c->config.start_lag_us / 1000);
    const bool near = a->lag_known && a->lag_bytes <= c->config.start_lag_bytes &&
                      a->lag_us <= c->config.start_lag_us;
    findings_add(f, c, near ? CUTOVER_OK : CUTOVER_WARN, "B09", "lag",
                 a->lag_known ? text : "unknown; the flip waits until it is known and small");
    findings_add(f, c,
                 a->way_back               ? CUTOVER_OK
                 : c->flip.way_back_wanted ? CUTOVER_FAIL
                                           : CUTOVER_WARN,
                 "F11", "hook-way-back",
                 a->way_back
                     ? "hook_lag says that the old side will follow the new one"
                     : "the hooks promise no way back. Go without one: CUTOVER NO ROLLBACK");
}

/* Which fence it is going to be, or why there can be none. */
static void
fact_fence(struct cutover *c, struct findings *f)
{
    const struct fence_wish wish = rights_wish(c);
    const struct fence_choice choice = rights_choose(&c->rights, &wish);
    fact(c, f, choice.possible, "F13", "fence", choice.why);
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

/* A second primary could go on taking writes of others, whatever is decided. */
static void
fact_misfits(struct cutover *c, struct findings *f)
{
    const char *misfit = NULL;
    for (int s = 0; s < SIDES_COUNT && misfit == NULL; s++) {
        struct cutover_facts facts = {0};
        c->ops.facts(c->ops.ctx, (enum side)s, &facts);
        misfit = facts.misfit;
    }
    char text[REPORT_DETAIL_MAX];
    (void)snprintf(text, sizeof(text),
                   "%s. Make it a standby of its side, or take it out of hosts: SHOW LAG",
                   misfit == NULL ? "" : misfit);
    fact(c, f, misfit == NULL, "F14", "no-second-primary",
         misfit == NULL ? "every server that answers belongs to its side" : text);
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
    fact_servers(c, f);
    if (f->failed > 0) {
        return false;
    }
    fact_roles(c, f);
    if (f->failed > 0) {
        return false;
    }
    fact_rows(c, f);
    fact_versions(c, f);
    fact_sessions(c, f);
    fact_misfits(c, f);
    if (flip_is_external(c)) {
        fact_closed(c, f);
        fact_hooks(c, f);
        return true;
    }
    fact_history(c, f);
    fact_guard(c, f);
    fact_fence(c, f);
    fact_lag(c, f);
    return true;
}
