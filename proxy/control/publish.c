/* publish.c — makes the routing view from what is known, and publishes it when it has changed. See
 * publish.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/publish.h"

#include <string.h>

#include "base/mem.h"

struct publisher {
    const struct monitor *monitor;   /* borrowed */
    const struct read_policy *reads; /* borrowed */
    struct workers *workers;         /* borrowed; NULL before they run */
    struct cutover_route route;
    bool hold; /* by the operator */
    bool paused;
    bool disabled;
    enum freshness freshness;
    struct view *view; /* owned: as published last, or as the workers will start with */
};

static void
view_node_fill(struct view_node *out, const struct node_facts *facts, bool is_writer)
{
    *out = (struct view_node){
        .addr = facts->addr,
        .addr_len = facts->addr_len,
        .up = facts->up && (is_writer || !facts->closed),
        .lag_ok = is_writer || facts->lag_ok,
        .fresh_until_us = facts->fresh_until_us,
        .incarnation = facts->incarnation,
    };
}

/* The rules are borrowed: view_copy makes them the view's own. */
static struct view
view_make(const struct publisher *p)
{
    const struct monitor_facts *facts = monitor_facts(p->monitor);
    struct view v = {
        .epoch = p->route.epoch,
        .writer = p->route.writer,
        .writes_held = p->route.writes_held || !p->route.writes_known || p->hold,
        .writes_known = p->route.writes_known,
        .paused = p->paused,
        .disabled = p->disabled,
        .reads = p->reads->to,
        .reads_percent = p->reads->percent,
        .freshness = p->freshness,
        .rules = p->reads->rules,
        .rules_count = p->reads->rules_count,
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

/* What topo/view.h promises of each view, and of one after the other. */
static void
view_check(const struct view *v, const struct view *before)
{
    CHECK((size_t)v->writer < SIDES_COUNT);
    CHECK(v->writes_known || v->writes_held);
    CHECK(v->reads_percent <= PERCENT_ALL);
    CHECK(v->rules_count == 0 || v->rules != NULL);
    for (int side = 0; side < SIDES_COUNT; side++) {
        CHECK(v->node[side].addr_len <= sizeof(v->node[side].addr));
    }
    if (before != NULL) {
        CHECK(before->writer == v->writer || before->writes_held);
        CHECK(before->epoch <= v->epoch);
        CHECK(!before->writes_known || v->writes_known);
    }
}

void
publisher_refresh(struct publisher *p)
{
    struct view v = view_make(p);
    if (p->view != NULL && view_equal(p->view, &v)) {
        return;
    }
    view_check(&v, p->view);
    v.version = p->view == NULL ? 1 : p->view->version + 1;
    view_free(p->view);
    p->view = view_copy(&v);
    if (p->workers != NULL) {
        workers_publish(p->workers, p->view);
    }
}

/* ---- life ---- */

struct publisher *
publisher_new(const struct conf *conf, const struct monitor *monitor,
              const struct read_policy *reads)
{
    struct publisher *p = xcalloc(1, sizeof(*p));
    p->monitor = monitor;
    p->reads = reads;
    p->freshness = conf->freshness;
    p->route = (struct cutover_route){.writer = conf->initial_writer, .writes_held = true};
    publisher_refresh(p);
    return p;
}

void
publisher_free(struct publisher *p)
{
    if (p == NULL) {
        return;
    }
    view_free(p->view);
    mem_free(p);
}

void
publisher_set_workers(struct publisher *p, struct workers *workers)
{
    CHECK(p->workers == NULL && workers != NULL);
    p->workers = workers;
}

/* ---- what a view is made of ---- */

const struct view *
publisher_view(const struct publisher *p)
{
    return p->view;
}

void
publisher_set_conf(struct publisher *p, const struct conf *conf)
{
    p->freshness = conf->freshness;
    publisher_refresh(p);
}

void
publisher_set_route(struct publisher *p, const struct cutover_route *route)
{
    p->route = *route;
    publisher_refresh(p);
}

void
publisher_set_hold(struct publisher *p, bool held)
{
    p->hold = held;
    publisher_refresh(p);
}

void
publisher_set_paused(struct publisher *p, bool paused)
{
    p->paused = paused;
    publisher_refresh(p);
}

void
publisher_set_disabled(struct publisher *p, bool disabled)
{
    p->disabled = disabled;
    publisher_refresh(p);
}
