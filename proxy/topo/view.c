/* view.c — copies of the routing view. See view.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "topo/view.h"

#include <stddef.h>
#include <string.h>

#include "base/mem.h"

static char *
copy_or_null(const char *s)
{
    return s == NULL ? NULL : xstrdup(s);
}

const struct view_node *
view_lead(const struct view *v, enum side side)
{
    const struct view_side *s = &v->side[side];
    CHECK((size_t)side < SIDES_COUNT && s->lead < NODES_MAX);
    return &s->node[s->lead];
}

const struct view_database *
view_database(const struct view *v, const char *name)
{
    uint32_t from = 0;
    uint32_t to = v->databases_count;
    while (from < to) {
        const uint32_t middle = from + (to - from) / 2;
        const int order = strcmp(name, v->databases[middle].name);
        if (order == 0) {
            return &v->databases[middle];
        }
        from = order > 0 ? middle + 1 : from;
        to = order < 0 ? middle : to;
    }
    return NULL;
}

const struct view_stop *
view_stop(const struct view *v, const char *alias)
{
    for (uint32_t i = 0; i < v->stops_count; i++) {
        if (strcmp(v->stops[i].alias, alias) == 0) {
            return &v->stops[i];
        }
    }
    return NULL;
}

static void
copy_databases(struct view *copy, const struct view *v)
{
    copy->databases = xcalloc(v->databases_count, sizeof(*copy->databases));
    for (uint32_t i = 0; i < v->databases_count; i++) {
        CHECK(i == 0 || strcmp(v->databases[i - 1].name, v->databases[i].name) < 0);
        copy->databases[i] = v->databases[i];
        copy->databases[i].name = xstrdup(v->databases[i].name);
    }
    copy->stops = xcalloc(v->stops_count, sizeof(*copy->stops));
    for (uint32_t i = 0; i < v->stops_count; i++) {
        copy->stops[i] = v->stops[i];
        copy->stops[i].alias = xstrdup(v->stops[i].alias);
    }
}

struct view *
view_copy(const struct view *v)
{
    CHECK(v->writer == SIDE_BLUE || v->writer == SIDE_GREEN);
    CHECK(v->writes_known || v->writes_held);
    CHECK((unsigned)v->reads < READS_COUNT && v->reads_percent <= PERCENT_ALL);
    CHECK(v->rules != NULL || v->rules_count == 0);
    CHECK(v->databases != NULL || v->databases_count == 0);
    CHECK(v->stops != NULL || v->stops_count == 0);
    struct view *copy = xcalloc(1, sizeof(*copy));
    *copy = *v;
    copy->rules = xcalloc(v->rules_count, sizeof(*copy->rules));
    for (uint32_t i = 0; i < v->rules_count; i++) {
        copy->rules[i] = (struct view_rule){
            .user = copy_or_null(v->rules[i].user),
            .database = copy_or_null(v->rules[i].database),
            .application = copy_or_null(v->rules[i].application),
            .side = v->rules[i].side,
        };
    }
    copy_databases(copy, v);
    return copy;
}

void
view_rule_fini(struct view_rule *rule)
{
    mem_free(rule->user);
    mem_free(rule->database);
    mem_free(rule->application);
}

void
view_free(struct view *v)
{
    if (v == NULL) {
        return;
    }
    for (uint32_t i = 0; i < v->rules_count; i++) {
        view_rule_fini(&v->rules[i]);
    }
    mem_free(v->rules);
    for (uint32_t i = 0; i < v->databases_count; i++) {
        mem_free(v->databases[i].name);
    }
    mem_free(v->databases);
    for (uint32_t i = 0; i < v->stops_count; i++) {
        mem_free(v->stops[i].alias);
    }
    mem_free(v->stops);
    mem_free(v);
}
