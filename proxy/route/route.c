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

/* ---- the servers of a side ---- */

static uint32_t
lead_of(const struct view *view, enum side side)
{
    return 1U << view->side[side].lead;
}

static bool
has_several(const struct view *view, enum side side)
{
    return view->side[side].nodes_count > 1;
}

bool
route_writer_is_lost(const struct view *view)
{
    const struct view_node *lead = view_lead(view, view->writer);
    return has_several(view, view->writer) && !(lead->up && lead->is_primary);
}

/* Whether a server lags too far, or lacks what the session has written: the reason, else REASON_OK.
 * The writer itself passes when it is there. */
enum { REASON_OK = ROUTE_REASONS_COUNT };

static int
node_guard(const struct view *view, const struct route_session *session, enum side side, uint32_t i)
{
    const struct view_node *node = &view->side[side].node[i];
    const bool is_lead = i == view->side[side].lead;
    const bool has_stream = side != view->writer && session->facts->has_stream;
    const bool wrote = view->freshness == FRESHNESS_OWN_WRITES && session->last_write_us != 0;
    if (!node->up) {
        return ROUTE_DOWN;
    }
    if (is_lead && side == view->writer) {
        return REASON_OK;
    }
    if (!node->lag_ok || (has_stream && !session->facts->lag_ok)) {
        return ROUTE_LAG;
    }
    /* How far a replica has come with the stream of one database, nobody knows. */
    const uint64_t fresh_us = !has_stream ? node->fresh_until_us
                              : is_lead   ? session->facts->fresh_until_us
                                          : 0;
    return wrote && fresh_us <= session->last_write_us ? ROUTE_OWN_WRITES : REASON_OK;
}

/* The servers of the side that may serve the read. None: why not the one that came nearest. */
static uint32_t
nodes_for_read(const struct view *view, const struct route_session *session, enum side side,
               enum route_reason *why)
{
    const struct view_side *s = &view->side[side];
    int nearest = ROUTE_DOWN;
    uint32_t nodes = 0;
    for (uint32_t i = 0; i < s->nodes_count; i++) {
        const int guard = node_guard(view, session, side, i);
        if (guard == REASON_OK && (s->node[i].weight > 0 || !has_several(view, side))) {
            nodes |= 1U << i;
        } else if (guard < nearest) {
            nearest = guard;
        }
    }
    *why = (enum route_reason)nearest;
    return nodes;
}

/* ---- the decision ---- */

/* To the writer, through a backend that may write; it waits while writes are held, and while the
 * writer is lost. */
static struct route_decision
decide_writer(const struct view *view, enum route_reason reason)
{
    const bool held = view->writes_held || !view->writes_known;
    const bool wait = held || route_writer_is_lost(view);
    return (struct route_decision){.wait = wait,
                                   .side = view->writer,
                                   .nodes = lead_of(view, view->writer),
                                   .reason = held   ? ROUTE_HELD
                                             : wait ? ROUTE_FAILOVER
                                                    : reason};
}

/* A reader cannot write, so a hold does not concern it; it waits only while the writer is unknown,
 * or all servers of its side are lost. */
static struct route_decision
decide_reader(const struct view *view, struct target target, uint32_t nodes)
{
    const bool unknown = target.side == view->writer && !view->writes_known;
    const bool lost = nodes == 0 && has_several(view, target.side);
    return (struct route_decision){.wait = unknown || lost,
                                   .side = target.side,
                                   .read_only = true,
                                   .nodes = nodes == 0 ? lead_of(view, target.side) : nodes,
                                   .reason = unknown ? ROUTE_HELD
                                             : lost  ? ROUTE_FAILOVER
                                                     : target.reason};
}

/* The servers for reads of the target; where it has none, the writer's side takes them. */
static uint32_t
settle_target(const struct view *view, const struct route_session *session, struct target *target)
{
    enum route_reason why;
    uint32_t nodes = 0;
    if (target->side != view->writer) {
        nodes = nodes_for_read(view, session, target->side, &why);
        if (nodes != 0) {
            return nodes;
        }
        *target = (struct target){view->writer, why};
    }
    return has_several(view, view->writer) ? nodes_for_read(view, session, view->writer, &why)
                                           : lead_of(view, view->writer);
}

struct route_decision
route_decide(const struct view *view, const struct route_session *session, enum sql_class class)
{
    CHECK(view->writer == SIDE_BLUE || view->writer == SIDE_GREEN);
    CHECK(session->bucket < PERCENT_ALL && view->reads_percent <= PERCENT_ALL);
    if (view->paused || session->facts->paused) {
        return (struct route_decision){.wait = true,
                                       .side = view->writer,
                                       .read_only = session->reader,
                                       .nodes = lead_of(view, view->writer),
                                       .reason = ROUTE_PAUSED};
    }
    if (!session->reader && !class_is_read(class)) {
        return decide_writer(view, ROUTE_WRITE);
    }
    struct target target = target_of_reads(view, session);
    const uint32_t nodes = settle_target(view, session, &target);
    if (session->reader) {
        return decide_reader(view, target, nodes);
    }
    /* While writes are held, reads continue on the side that was the writer, on read-only backends;
     * where it has several servers they always use those, so that they can be sent again. */
    const bool goes_on =
        view->writes_known && (view->writes_held || has_several(view, view->writer));
    if (nodes == 0 || (target.side == view->writer && !goes_on)) {
        return decide_writer(view, target.reason);
    }
    return (struct route_decision){
        .side = target.side, .read_only = true, .nodes = nodes, .reason = target.reason};
}

struct route_database
route_database(const struct view *view, const char *alias, const char *name)
{
    const struct view_database *database = view_database(view, name);
    const struct view_stop *stop = view_stop(view, alias);
    struct route_database d = {
        .paused = view->paused || (stop != NULL && stop->paused),
        .disabled = stop != NULL && stop->disabled,
    };
    if (database == NULL && view->streams_apart) {
        d.has_stream = true; /* made a moment ago: nothing is known of its stream yet */
    } else if (database != NULL && database->has_stream) {
        d.has_stream = true;
        d.lag_ok = database->lag_ok;
        d.fresh_until_us = database->fresh_until_us;
    }
    return d;
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
    return !has_several(view, view->writer) &&
           (view->reads == READS_FOLLOW || view->reads_percent == 0 ||
            reads_side(view->reads, view->writer) == view->writer);
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
