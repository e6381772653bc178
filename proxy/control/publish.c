/* publish.c — makes the routing view from what is known, and publishes it when it has changed. See
 * control.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include <string.h>

#include "base/mem.h"
#include "control/control_internal.h"

void
control_rules_free(struct control *c)
{
    for (uint32_t i = 0; i < c->rules_count; i++) {
        mem_free(c->rules[i].user);
        mem_free(c->rules[i].database);
        mem_free(c->rules[i].application);
    }
    mem_free(c->rules);
    c->rules = NULL;
    c->rules_count = 0;
}

void
control_reads_from_conf(struct control *c)
{
    static const enum view_reads reads[] = {[CONF_READS_FOLLOW] = VIEW_READS_FOLLOW,
                                            [CONF_READS_BLUE] = VIEW_READS_BLUE,
                                            [CONF_READS_GREEN] = VIEW_READS_GREEN};
    CHECK((size_t)c->conf->reads < COUNT_OF(reads));
    c->reads = reads[c->conf->reads];
    c->reads_percent = c->conf->reads_percent * (PERCENT_ALL / 100);
}

static void
view_node_fill(struct view_node *out, const struct node_facts *facts, bool is_writer)
{
    *out = (struct view_node){
        .addr = facts->addr,
        .addr_len = facts->addr_len,
        .up = facts->up,
        .lag_ok = is_writer || facts->lag_ok,
        .fresh_until_us = facts->fresh_until_us,
        .incarnation = facts->incarnation,
    };
}

/* The rules are borrowed from the control: view_copy makes them the view's own. */
static struct view
view_make(const struct control *c)
{
    const struct monitor_facts *facts = monitor_facts(c->monitor);
    const bool held = c->route.writes_held || !c->route.writes_known || c->hold_until_us != 0;
    struct view v = {
        .epoch = c->route.epoch,
        .writer = c->route.writer,
        .writes_held = held,
        .writes_known = c->route.writes_known,
        .paused = c->pause != CONTROL_RUNS,
        .disabled = c->disabled,
        .reads = c->reads,
        .reads_percent = c->reads_percent,
        .freshness = c->conf->freshness == CONF_FRESHNESS_EVENTUAL ? VIEW_FRESH_EVENTUAL
                                                                   : VIEW_FRESH_OWN_WRITES,
        .rules = c->rules,
        .rules_count = c->rules_count,
    };
    for (int side = 0; side < SIDES_COUNT; side++) {
        view_node_fill(&v.node[side], &facts->node[side], (int)v.writer == side);
    }
    return v;
}

static bool
text_equal(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static bool
rules_equal(const struct view *a, const struct view *b)
{
    if (a->rules_count != b->rules_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->rules_count; i++) {
        const struct view_rule *x = &a->rules[i];
        const struct view_rule *y = &b->rules[i];
        if (x->side != y->side || !text_equal(x->user, y->user) ||
            !text_equal(x->database, y->database) || !text_equal(x->application, y->application)) {
            return false;
        }
    }
    return true;
}

static bool
node_equal(const struct view_node *a, const struct view_node *b)
{
    return a->up == b->up && a->lag_ok == b->lag_ok && a->fresh_until_us == b->fresh_until_us &&
           a->incarnation == b->incarnation && a->addr_len == b->addr_len &&
           memcmp(&a->addr, &b->addr, a->addr_len) == 0;
}

/* In all but the version. */
static bool
view_equal(const struct view *a, const struct view *b)
{
    return a->epoch == b->epoch && a->writer == b->writer && a->writes_held == b->writes_held &&
           a->writes_known == b->writes_known && a->paused == b->paused &&
           a->disabled == b->disabled && a->reads == b->reads &&
           a->reads_percent == b->reads_percent && a->freshness == b->freshness &&
           rules_equal(a, b) && node_equal(&a->node[SIDE_BLUE], &b->node[SIDE_BLUE]) &&
           node_equal(&a->node[SIDE_GREEN], &b->node[SIDE_GREEN]);
}

void
control_publish(struct control *c)
{
    struct view v = view_make(c);
    if (c->view != NULL && view_equal(c->view, &v)) {
        return;
    }
    CHECK(c->view == NULL || c->view->writer == v.writer || c->view->writes_held);
    v.version = c->view == NULL ? 1 : c->view->version + 1;
    view_free(c->view);
    c->view = view_copy(&v);
    if (c->workers != NULL) {
        workers_publish(c->workers, c->view);
    }
}
