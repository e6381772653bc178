/* view.c — copies of the routing view. See view.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "topo/view.h"

#include <stddef.h>

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

struct view *
view_copy(const struct view *v)
{
    CHECK(v->writer == SIDE_BLUE || v->writer == SIDE_GREEN);
    CHECK(v->writes_known || v->writes_held);
    CHECK((unsigned)v->reads < READS_COUNT && v->reads_percent <= PERCENT_ALL);
    CHECK(v->rules != NULL || v->rules_count == 0);
    CHECK(v->databases != NULL || v->databases_count == 0);
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
    copy->databases = xcalloc(v->databases_count, sizeof(*copy->databases));
    for (uint32_t i = 0; i < v->databases_count; i++) {
        copy->databases[i] = v->databases[i];
        copy->databases[i].name = xstrdup(v->databases[i].name);
    }
    return copy;
}

void
view_free(struct view *v)
{
    if (v == NULL) {
        return;
    }
    for (uint32_t i = 0; i < v->rules_count; i++) {
        mem_free(v->rules[i].user);
        mem_free(v->rules[i].database);
        mem_free(v->rules[i].application);
    }
    mem_free(v->rules);
    for (uint32_t i = 0; i < v->databases_count; i++) {
        mem_free(v->databases[i].name);
    }
    mem_free(v->databases);
    mem_free(v);
}
