/* read_policy.c — READS. See read_policy.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/read_policy.h"

#include <inttypes.h>
#include <string.h>

#include "admin/text.h"
#include "base/mem.h"

static void
rules_free(struct read_policy *r)
{
    for (uint32_t i = 0; i < r->rules_count; i++) {
        view_rule_fini(&r->rules[i]);
    }
    mem_free(r->rules);
    r->rules = NULL;
    r->rules_count = 0;
}

void
read_policy_from_conf(struct read_policy *r, const struct conf_pair *conf)
{
    if (r->set) {
        return;
    }
    r->to = conf->reads;
    r->percent = conf->reads_percent;
    CHECK(r->percent <= PERCENT_ALL);
}

void
read_policy_restore(struct read_policy *r, const struct wish_reads *wish)
{
    struct wish_reads copy = {0};
    CHECK(r->rules == NULL && !r->set);
    wish_reads_put(&copy, wish);
    r->rules = copy.rules;
    r->rules_count = copy.rules_count;
    if (wish->set) {
        r->set = true;
        r->to = wish->to;
        r->percent = wish->percent;
    }
}

void
read_policy_reset(struct read_policy *r, const struct conf_pair *conf, struct buf *detail)
{
    rules_free(r);
    r->set = false;
    read_policy_from_conf(r, conf);
    buf_printf(detail, "reads as configured: %s, %s of the sessions", reads_name(r->to),
               text_percent(r->percent).s);
}

struct wish_reads
read_policy_wish(const struct read_policy *r)
{
    return (struct wish_reads){.set = r->set,
                               .to = r->to,
                               .percent = r->percent,
                               .rules = r->rules,
                               .rules_count = r->rules_count};
}

void
read_policy_fini(struct read_policy *r)
{
    rules_free(r);
}

/* ---- the command ---- */

/* Whether reads may go there: it is the writer, or a follower whose lag is known. */
static bool
side_may_read(const struct view *view, const struct node_facts *node, enum side side,
              struct err *err)
{
    if (view->writes_known && view->writer == side) {
        return true;
    }
    if (!view->writes_known) {
        return err_set(err, SQLSTATE_CANNOT_CONNECT_NOW, "the writer is not known yet");
    }
    if (!node->up) {
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "%s is down: %s", side_name(side),
                       err_is_set(&node->error) ? node->error.text : "it has not answered yet");
    }
    if (node->closed) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "%s is closed to applications",
                      side_name(side));
        return err_hint(err, "A cutover with fence = strict has closed it; with another fence and "
                             "RELOAD it takes reads again.");
    }
    if (node->role != NODE_STANDBY && node->role != NODE_LOGICAL_FOLLOWER) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "%s does not follow %s", side_name(side),
                      side_name(view->writer));
        return err_hint(err, "PREPARE sets the replication up.");
    }
    if (node->role == NODE_LOGICAL_FOLLOWER && !node->subscription_ready) {
        return err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE,
                       "%s has not finished the initial copy of all tables", side_name(side));
    }
    if (!node->lag_known) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "the lag of %s is not known",
                      side_name(side));
        return err_hint(err, "SHOW LAG tells what the monitor sees.");
    }
    return true;
}

static char *
text_or_null(const char *text)
{
    return text[0] == '\0' ? NULL : xstrdup(text);
}

static bool
field_matches(const char *field, const char *text)
{
    return field == NULL ? text[0] == '\0' : strcmp(field, text) == 0;
}

/* The place of the rule with exactly these conditions; rules_count when there is none. */
static uint32_t
rule_find(const struct read_policy *r, const struct command *c)
{
    for (uint32_t i = 0; i < r->rules_count; i++) {
        const struct view_rule *rule = &r->rules[i];
        if (field_matches(rule->user, c->user) && field_matches(rule->database, c->database) &&
            field_matches(rule->application, c->application)) {
            return i;
        }
    }
    return r->rules_count;
}

static void
rule_remove(struct read_policy *r, uint32_t at)
{
    CHECK(at < r->rules_count);
    view_rule_fini(&r->rules[at]);
    memmove(&r->rules[at], &r->rules[at + 1], (r->rules_count - at - 1) * sizeof(*r->rules));
    r->rules_count--;
}

static bool
reads_by_rule(struct read_policy *r, const struct command *c, enum side writer, struct buf *detail,
              struct err *err)
{
    const uint32_t at = rule_find(r, c);
    if (c->reads == READS_FOLLOW && at == r->rules_count) {
        return err_set(err, SQLSTATE_UNDEFINED_OBJECT, "there is no such rule");
    }
    if (c->reads == READS_FOLLOW) {
        rule_remove(r, at);
        buf_printf(detail, "the rule is gone, %" PRIu32 " left", r->rules_count);
        return true;
    }
    if (at == WISHES_RULES_MAX) {
        return err_set(err, "54000", "more than %d read rules", WISHES_RULES_MAX);
    }
    const enum side side = reads_side(c->reads, writer);
    if (at == r->rules_count) {
        r->rules = xrealloc(r->rules, (r->rules_count + 1) * sizeof(*r->rules));
        CHECK(r->rules_count < WISHES_RULES_MAX);
        r->rules[r->rules_count++] = (struct view_rule){
            .user = text_or_null(c->user),
            .database = text_or_null(c->database),
            .application = text_or_null(c->application),
        };
    }
    r->rules[at].side = side;
    buf_printf(detail, "sessions that match read from %s, %" PRIu32 " %s", side_name(side),
               r->rules_count, r->rules_count == 1 ? "rule" : "rules");
    return true;
}

/* For all sessions: the rules go as well, so that nobody stays behind on a side that is to be left.
 */
static void
reads_for_all(struct read_policy *r, const struct command *c, const struct view *view,
              const struct monitor_facts *facts, struct buf *detail)
{
    const uint32_t dropped = r->rules_count;
    rules_free(r);
    r->set = true;
    r->to = c->reads;
    r->percent = c->percent_set ? c->percent : PERCENT_ALL;
    CHECK(r->percent <= PERCENT_ALL);
    if (c->reads == READS_FOLLOW) {
        buf_printf(detail, "reads follow the writer, %s", side_name(view->writer));
    } else {
        const enum side side = reads_side(c->reads, view->writer);
        buf_printf(detail, "reads -> %s, %s of the sessions", side_name(side),
                   text_percent(r->percent).s);
        if (side != view->writer && !facts_lead(facts, side)->lag_ok) {
            buf_printf(detail, "; it is beyond the lag limit now, so they stay at the writer");
        }
    }
    if (dropped > 0) {
        buf_printf(detail, "; %" PRIu32 " %s dropped", dropped, dropped == 1 ? "rule" : "rules");
    }
}

bool
read_policy_apply(struct read_policy *r, const struct command *c, const struct view *view,
                  const struct monitor_facts *facts, struct buf *detail, struct err *err)
{
    if (c->reads != READS_FOLLOW) {
        const enum side side = reads_side(c->reads, view->writer);
        if (!side_may_read(view, facts_lead(facts, side), side, err)) {
            return false;
        }
    }
    if (c->user[0] != '\0' || c->database[0] != '\0' || c->application[0] != '\0') {
        return reads_by_rule(r, c, view->writer, detail, err);
    }
    reads_for_all(r, c, view, facts, detail);
    return true;
}
