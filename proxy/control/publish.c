/* publish.c — makes the routing view from what is known, and publishes it when it has changed. See
 * publish.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/publish.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

struct publisher {
    uint32_t pair;
    const struct monitor *monitor;   /* borrowed */
    const struct read_policy *reads; /* borrowed */
    struct workers *workers;         /* borrowed; NULL before they run */
    struct cutover_route route;
    uint64_t writer_since_us; /* when a flip moved it to that writer; 0: none has */
    bool hold;                /* by the operator */
    bool paused;
    struct view_stop *stops; /* borrowed */
    uint32_t stops_count;
    enum freshness freshness;
    char *home; /* owned: the database of which the nodes tell, of a logical follower */
    uint32_t weight[SIDES_COUNT][NODES_MAX];
    struct view_database databases[DATABASES_MAX]; /* of the view that is being made */
    struct view *view; /* owned: as published last, or as the workers will start with */
};

/* The lead of the writer's side serves as soon as it is up; others when they are steady. */
static void
view_node_fill(struct view_node *out, const struct node_facts *facts, uint32_t weight,
               bool is_writer, uint64_t writer_since_us)
{
    /* A flip has promoted the lead before it moved the route; the monitor may not have asked since.
     */
    const bool is_promoted = is_writer && facts->asked_us < writer_since_us;
    *out = (struct view_node){
        .addr = facts->addr,
        .addr_len = facts->addr_len,
        .up = is_writer ? facts->up : facts->serves_reads && !facts->closed,
        .lag_ok = is_writer || facts->lag_ok,
        .fresh_until_us = facts->fresh_until_us,
        .is_primary = facts->up && (!facts->in_recovery || is_promoted),
        .weight = weight,
        .incarnation = facts->incarnation,
    };
}

static void
view_side_fill(struct view_side *out, const struct side_facts *facts, const uint32_t *weight,
               bool is_writer, uint64_t writer_since_us)
{
    *out = (struct view_side){.nodes_count = facts->nodes_count, .lead = facts->lead};
    for (uint32_t i = 0; i < facts->nodes_count; i++) {
        view_node_fill(&out->node[i], &facts->node[i], weight[i], is_writer && i == facts->lead,
                       writer_since_us);
    }
}

/* ---- databases ---- */

/* They are sorted by name. */
static const struct database_facts *
facts_of_database(const struct monitor_facts *facts, const char *name)
{
    uint32_t from = 0;
    uint32_t to = facts->databases_count;
    while (from < to) {
        const uint32_t middle = from + (to - from) / 2;
        const int order = strcmp(facts->databases[middle].name, name);
        if (order == 0) {
            return &facts->databases[middle];
        }
        from = order < 0 ? middle + 1 : from;
        to = order < 0 ? to : middle;
    }
    return NULL;
}

/* Of a logical follower the nodes tell about the home database alone. One of the others that nobody
 * looks at is not known to be fresh. */
static struct view_database
view_database_of(const struct publisher *p, char *name, bool is_logical)
{
    const struct database_facts *known = facts_of_database(monitor_facts(p->monitor), name);
    return (struct view_database){
        .name = name,
        .has_stream = is_logical && strcmp(name, p->home) != 0,
        .lag_ok = known != NULL && known->lag_ok,
        .fresh_until_us = known == NULL ? 0 : known->fresh_until_us,
    };
}

/* Those of the writer's side; the names are borrowed. Where a logical follower may have databases
 * that are not among them, it serves no reads: nobody would know how far it is. */
static void
view_databases_fill(struct publisher *p, struct view *v)
{
    const struct monitor_facts *facts = monitor_facts(p->monitor);
    const enum side follower = side_other(v->writer);
    const struct side_databases *all = &facts->side[v->writer].databases;
    const bool is_logical = facts_lead(facts, follower)->role == NODE_LOGICAL_FOLLOWER;
    v->databases = p->databases;
    v->databases_known = all->generation != 0 && !all->is_cut;
    v->streams_apart = is_logical;
    for (uint32_t i = 0; i < all->count; i++) {
        p->databases[v->databases_count++] = view_database_of(p, all->names[i], is_logical);
    }
    for (uint32_t i = 0; is_logical && !v->databases_known && i < NODES_MAX; i++) {
        v->side[follower].node[i].lag_ok = false;
    }
}

/* The rules are borrowed: view_copy makes them the view's own. */
static struct view
view_make(struct publisher *p)
{
    const struct monitor_facts *facts = monitor_facts(p->monitor);
    struct view v = {
        .pair = p->pair,
        .epoch = p->route.epoch,
        .writer = p->route.writer,
        .writes_held = p->route.writes_held || !p->route.writes_known || p->hold,
        .writes_known = p->route.writes_known,
        .paused = p->paused,
        .stops = p->stops,
        .stops_count = p->stops_count,
        .reads = p->reads->to,
        .reads_percent = p->reads->percent,
        .freshness = p->freshness,
        .rules = p->reads->rules,
        .rules_count = p->reads->rules_count,
    };
    for (int side = 0; side < SIDES_COUNT; side++) {
        view_side_fill(&v.side[side], &facts->side[side], p->weight[side], (int)v.writer == side,
                       p->writer_since_us);
    }
    view_databases_fill(p, &v);
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
stops_equal(const struct view *a, const struct view *b)
{
    if (a->stops_count != b->stops_count) {
        return false;
    }
    for (uint32_t i = 0; i < a->stops_count; i++) {
        const struct view_stop *x = &a->stops[i];
        const struct view_stop *y = &b->stops[i];
        if (x->paused != y->paused || x->disabled != y->disabled ||
            strcmp(x->alias, y->alias) != 0) {
            return false;
        }
    }
    return true;
}

static bool
node_equal(const struct view_node *a, const struct view_node *b)
{
    return a->up == b->up && a->is_primary == b->is_primary && a->weight == b->weight &&
           a->lag_ok == b->lag_ok && a->fresh_until_us == b->fresh_until_us &&
           a->incarnation == b->incarnation && a->addr_len == b->addr_len &&
           memcmp(&a->addr, &b->addr, a->addr_len) == 0;
}

static bool
side_equal(const struct view_side *a, const struct view_side *b)
{
    if (a->nodes_count != b->nodes_count || a->lead != b->lead) {
        return false;
    }
    for (uint32_t i = 0; i < a->nodes_count; i++) {
        if (!node_equal(&a->node[i], &b->node[i])) {
            return false;
        }
    }
    return true;
}

static bool
databases_equal(const struct view *a, const struct view *b)
{
    if (a->databases_count != b->databases_count || a->databases_known != b->databases_known ||
        a->streams_apart != b->streams_apart) {
        return false;
    }
    for (uint32_t i = 0; i < a->databases_count; i++) {
        const struct view_database *x = &a->databases[i];
        const struct view_database *y = &b->databases[i];
        if (strcmp(x->name, y->name) != 0 || x->has_stream != y->has_stream ||
            x->lag_ok != y->lag_ok || x->fresh_until_us != y->fresh_until_us) {
            return false;
        }
    }
    return true;
}

/* In all but the version. */
static bool
view_equal(const struct view *a, const struct view *b)
{
    return a->epoch == b->epoch && a->writer == b->writer && a->writes_held == b->writes_held &&
           a->writes_known == b->writes_known && a->paused == b->paused && stops_equal(a, b) &&
           a->reads == b->reads && a->reads_percent == b->reads_percent &&
           a->freshness == b->freshness && rules_equal(a, b) && databases_equal(a, b) &&
           side_equal(&a->side[SIDE_BLUE], &b->side[SIDE_BLUE]) &&
           side_equal(&a->side[SIDE_GREEN], &b->side[SIDE_GREEN]);
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
        CHECK(v->side[side].lead < v->side[side].nodes_count);
        CHECK(view_lead(v, (enum side)side)->addr_len <= sizeof(struct sockaddr_storage));
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

static void
take_conf(struct publisher *p, const struct conf *conf)
{
    const struct conf_pair *pair = &conf->pairs[p->pair];
    p->freshness = pair->freshness;
    mem_free(p->home);
    p->home = xstrdup(pair->database);
    for (int side = 0; side < SIDES_COUNT; side++) {
        for (uint32_t i = 0; i < pair->side[side].hosts_count; i++) {
            p->weight[side][i] = pair->side[side].hosts[i].weight;
        }
    }
}

struct publisher *
publisher_new(const struct conf *conf, uint32_t pair, const struct monitor *monitor,
              const struct read_policy *reads)
{
    struct publisher *p = xcalloc(1, sizeof(*p));
    CHECK(pair < conf->pairs_count);
    p->pair = pair;
    p->monitor = monitor;
    p->reads = reads;
    take_conf(p, conf);
    p->route =
        (struct cutover_route){.writer = conf->pairs[pair].initial_writer, .writes_held = true};
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
    mem_free(p->home);
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
    take_conf(p, conf);
    publisher_refresh(p);
}

void
publisher_set_route(struct publisher *p, const struct cutover_route *route)
{
    if (route->writer != p->route.writer) {
        p->writer_since_us = clock_now_us();
    }
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
publisher_set_stops(struct publisher *p, struct view_stop *stops, uint32_t count)
{
    p->stops = stops;
    p->stops_count = count;
    publisher_refresh(p);
}
