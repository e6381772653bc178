/* route.c — where a transaction goes. See route.h.
 *
 * The decision has two steps. First the side that the session's reads belong to, by rule, share or
 * the view's default; then the guards, which can only send a read back to the writer. Everything
 * that is not provably a read skips both. */
/* SPDX-License-Identifier: PostgreSQL */
#include "route/route.h"

#include <stddef.h>
#include <string.h>

struct target {
    enum side side;
    enum route_reason reason;
};

/* A text without effect, and the end of a transaction that was never begun, get the same answer on
 * both sides. */
static bool class_is_read(enum sql_class class)
{
    CHECK(class < SQL_CLASS_COUNT);
    return class == SQL_READ || class == SQL_BEGIN_READ || class == SQL_EMPTY || class == SQL_END;
}

/* NULL in the rule matches everything; a session without the property matches no rule that asks for
 * it. */
static bool
field_matches(const char *want, const char *have)
{
    return want == NULL || (have != NULL && strcmp(want, have) == 0);
}

static const struct view_rule *
rule_find(const struct view *view, const struct route_session *session)
{
    for (uint32_t i = 0; i < view->rules_count; i++) {
        const struct view_rule *rule = &view->rules[i];
        if (field_matches(rule->user, session->user) &&
            field_matches(rule->database, session->database) &&
            field_matches(rule->application, session->application)) {
            return rule;
        }
    }
    return NULL;
}

static struct target
target_of_reads(const struct view *view, const struct route_session *session)
{
    const struct view_rule *rule = rule_find(view, session);
    if (rule != NULL) {
        return (struct target){rule->side, ROUTE_RULE};
    }
    if (view->reads == READS_FOLLOW) {
        return (struct target){view->writer, ROUTE_FOLLOW};
    }
    if (view->reads_percent >= PERCENT_ALL) {
        return (struct target){reads_side(view->reads, view->writer), ROUTE_READS};
    }
    if (session->bucket < view->reads_percent) {
        return (struct target){reads_side(view->reads, view->writer), ROUTE_PERCENT};
    }
    return (struct target){view->writer, ROUTE_OUTSIDE_PERCENT};
}

/* The guards of a read on the follower: the writer takes what does not pass. */
static struct target
target_guard(const struct view *view, const struct route_session *session, struct target target)
{
    const struct view_node *node = view_lead(view, target.side);
    if (target.side == view->writer) {
        return target;
    }
    if (!node->up) {
        return (struct target){view->writer, ROUTE_DOWN};
    }
    if (!node->lag_ok) {
        return (struct target){view->writer, ROUTE_LAG};
    }
    const bool wrote = view->freshness == FRESHNESS_OWN_WRITES && session->last_write_us != 0;
    if (wrote && node->fresh_until_us <= session->last_write_us) {
        return (struct target){view->writer, ROUTE_OWN_WRITES};
    }
    return target;
}

/* To the writer, through a backend that may write; it waits while writes are held. */
static struct route_decision
decide_writer(const struct view *view, enum route_reason reason)
{
    const bool wait = view->writes_held || !view->writes_known;
    return (struct route_decision){
        .wait = wait, .side = view->writer, .reason = wait ? ROUTE_HELD : reason};
}

/* A reader cannot write, so a hold does not concern it; it waits only while the writer is unknown.
 */
static struct route_decision
decide_reader(const struct view *view, struct target target)
{
    const bool wait = target.side == view->writer && !view->writes_known;
    return (struct route_decision){.wait = wait,
                                   .side = target.side,
                                   .read_only = true,
                                   .reason = wait ? ROUTE_HELD : target.reason};
}

struct route_decision
route_decide(const struct view *view, const struct route_session *session, enum sql_class class)
{
    CHECK(view->writer == SIDE_BLUE || view->writer == SIDE_GREEN);
    CHECK(session->bucket < PERCENT_ALL && view->reads_percent <= PERCENT_ALL);
    if (view->paused) {
        return (struct route_decision){.wait = true,
                                       .side = view->writer,
                                       .read_only = session->reader,
                                       .reason = ROUTE_PAUSED};
    }
    if (!session->reader && !class_is_read(class)) {
        return decide_writer(view, ROUTE_WRITE);
    }
    const struct target wanted = target_of_reads(view, session);
    const struct target target = target_guard(view, session, wanted);
    if (session->reader) {
        return decide_reader(view, target);
    }
    /* While writes are held, reads continue on the side that was the writer, on read-only backends.
     */
    const bool goes_on = view->writes_held && view->writes_known;
    if (target.side == view->writer && !goes_on) {
        return decide_writer(view, target.reason);
    }
    return (struct route_decision){.side = target.side, .read_only = true, .reason = target.reason};
}

uint32_t
route_bucket(const char *database, const char *key)
{
    CHECK(database != NULL);
    const uint64_t seed = slice_hash(slice_of_str(database), 0);
    const uint64_t hash = slice_hash(slice_of_str(key == NULL ? "" : key), seed);
    return (uint32_t)(hash % PERCENT_ALL);
}

bool
route_is_single(const struct view *view)
{
    for (uint32_t i = 0; i < view->rules_count; i++) {
        if (view->rules[i].side != view->writer) {
            return false;
        }
    }
    return view->reads == READS_FOLLOW || view->reads_percent == 0 ||
           reads_side(view->reads, view->writer) == view->writer;
}

static const struct {
    const char *name;
    const char *sentence;
} reasons[ROUTE_REASONS_COUNT] = {
#define ROUTE_REASON(id, name, sentence) [id] = {name, sentence},
#include "route/reasons.def"
#undef ROUTE_REASON
};

const char *
route_reason_name(enum route_reason reason)
{
    CHECK(reason < ROUTE_REASONS_COUNT);
    return reasons[reason].name;
}

const char *
route_reason_sentence(enum route_reason reason)
{
    CHECK(reason < ROUTE_REASONS_COUNT);
    return reasons[reason].sentence;
}
