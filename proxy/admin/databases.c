/* databases.c — which databases a report tells of. See databases.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/databases.h"

#include <string.h>

#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"
#include "conf/databases.h"

/* ---- the list ---- */

struct collection {
    const struct snapshot *snap;
    struct map seen; /* aliases that are there, or that something else stands for */
    struct shown_database *items;
    size_t count;
};

/* Once; and if its pair is shown. */
static void
collect(struct collection *c, const char *alias)
{
    static char present;
    const struct conf_database *conf = conf_database_find(c->snap->conf, alias);
    if (conf == NULL || conf->pair < c->snap->first || conf->pair >= c->snap->end ||
        map_put(&c->seen, slice_of_str(alias), &present) != NULL) {
        return;
    }
    c->items = xrealloc(c->items, (c->count + 1) * sizeof(*c->items));
    c->items[c->count++] = (struct shown_database){.alias = alias,
                                                   .name = conf_database_dbname(conf, alias),
                                                   .pair = conf->pair,
                                                   .conf = conf};
}

/* Whether clients reach that database of the pair by its own name, and not by another one alone. */
static bool
is_reached(const struct snapshot *snap, uint32_t pair, const char *name)
{
    const struct conf_database *conf = conf_database_find(snap->conf, name);
    return conf != NULL && conf->pair == pair &&
           strcmp(conf_database_dbname(conf, name), name) == 0;
}

static void
collect_found(struct collection *c, uint32_t pair)
{
    const struct snapshot_pair *p = &c->snap->pairs[pair];
    const struct side_databases *found = &p->facts->side[p->view->writer].databases;
    for (uint32_t i = 0; i < found->count; i++) {
        if (is_reached(c->snap, pair, found->names[i])) {
            collect(c, found->names[i]);
        }
    }
}

struct shown_database *
shown_databases(const struct snapshot *snap, size_t *count)
{
    struct collection c = {.snap = snap};
    map_init(&c.seen, rand_u64());
    for (uint32_t i = 0; i < snap->conf->databases_count; i++) {
        collect(&c, snap->conf->databases[i].name);
    }
    for (uint32_t i = snap->first; i < snap->end; i++) {
        if (is_reached(snap, i, snap->pairs[i].conf->database)) {
            collect(&c, snap->pairs[i].conf->database);
        }
        collect_found(&c, i);
    }
    for (size_t i = 0; i < snap->served_count; i++) {
        collect(&c, snap->served[i].alias);
    }
    map_fini(&c.seen);
    *count = c.count;
    return c.items;
}

/* ---- how one stands ---- */

/* Unknown is not missing. */
static bool
is_missing(const struct side_databases *all, const char *name)
{
    if (all->generation == 0 || all->is_cut) {
        return false;
    }
    for (uint32_t i = 0; i < all->count; i++) {
        if (strcmp(all->names[i], name) == 0) {
            return false;
        }
    }
    return true;
}

static const char *
missing_on(enum side side)
{
    static const char *const words[SIDES_COUNT] = {
        [SIDE_BLUE] = "missing on blue", [SIDE_GREEN] = "missing on green"};
    return words[side];
}

const char *
shown_database_state(const struct snapshot *snap, const struct shown_database *d)
{
    const struct snapshot_pair *p = &snap->pairs[d->pair];
    const struct view_stop *stop = view_stop(p->view, d->alias);
    const enum side other = side_other(p->view->writer);
    if (is_missing(&p->facts->side[p->view->writer].databases, d->name)) {
        return "missing";
    }
    if (p->view->paused || (stop != NULL && stop->paused)) {
        return "paused";
    }
    if (stop != NULL && stop->disabled) {
        return "disabled";
    }
    if (is_missing(&p->facts->side[other].databases, d->name)) {
        return missing_on(other);
    }
    const struct node_facts *follower = facts_lead(p->facts, other);
    if (p->view->writes_known && follower->up && follower->role == NODE_PRIMARY) {
        return "not prepared";
    }
    return "served";
}
