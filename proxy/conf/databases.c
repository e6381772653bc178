/* databases.c — which database of which pair a client means by a name. See databases.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/databases.h"

#include <string.h>

#include "base/mem.h"
#include "conf/conf.h"
#include "conf/database_line.h"
#include "conf/names.h"
#include "conf/nearest.h"

enum { NO_PAIR = PAIRS_MAX, MANY_PAIRS };

/* One resolution; all borrowed. */
struct resolve {
    struct conf *conf;
    const struct conf_origin *origin;
    struct conf_mistakes *mistakes;
};

#define mistake(r, line, ...) conf_mistake_add((r)->mistakes, (r)->origin->path, line, __VA_ARGS__)

/* ---- looking up ---- */

bool
database_name_is_reserved(const char *name)
{
    return strcmp(name, "pgbouncer") == 0 || strcmp(name, "teal") == 0;
}

static const struct conf_database *
find_named(const struct conf *c, const char *name)
{
    for (uint32_t i = 0; i < c->databases_count; i++) {
        if (strcmp(c->databases[i].name, name) == 0) {
            return &c->databases[i];
        }
    }
    return NULL;
}

const struct conf_database *
conf_database_find(const struct conf *c, const char *name)
{
    const struct conf_database *found = find_named(c, name);
    if (found != NULL) {
        return found;
    }
    return c->rest_is_served && !database_name_is_reserved(name) ? &c->rest : NULL;
}

const char *
conf_database_dbname(const struct conf_database *d, const char *name)
{
    return d->dbname[0] == '\0' ? name : d->dbname;
}

bool
conf_pair_has_all(const struct conf_pair *pair)
{
    return pair->databases.count == 1 && strcmp(pair->databases.items[0], "*") == 0;
}

bool
conf_pair_has_database(const struct conf_pair *pair, const char *dbname)
{
    return conf_pair_has_all(pair) || conf_list_has(&pair->databases, dbname);
}

/* ---- the pairs' own keys ---- */

static unsigned
line_of(const struct resolve *r, uint32_t pair, const char *key)
{
    return origin_line(r->origin, CONF_SECTION_PAIR, pair, key);
}

static bool
is_repeated(const struct conf_list *list, size_t at)
{
    for (size_t i = 0; i < at; i++) {
        if (strcmp(list->items[i], list->items[at]) == 0) {
            return true;
        }
    }
    return false;
}

static void
list_check(const struct resolve *r, uint32_t pair)
{
    const struct conf_list *list = &r->conf->pairs[pair].databases;
    const unsigned line = line_of(r, pair, "databases");
    if (list->count == 0 || list->count > DATABASES_MAX) {
        mistake(r, line, "databases: a list has 1 to %d names; * is all of them", DATABASES_MAX);
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        const char *name = list->items[i];
        if (strcmp(name, "*") == 0 && list->count > 1) {
            mistake(r, line, "databases: * stands alone, without names beside it");
            return;
        }
        if (strlen(name) > DATABASE_NAME_MAX) {
            mistake(r, line, "databases: the name of a database has 1 to %d bytes",
                    DATABASE_NAME_MAX);
        }
        if (is_repeated(list, i)) {
            mistake(r, line, "databases: \"%.63s\" is there twice", name);
        }
    }
}

static void
home_check(const struct resolve *r, uint32_t number)
{
    const struct conf_pair *pair = &r->conf->pairs[number];
    if (pair->databases.count > 0 && !conf_pair_has_database(pair, pair->database)) {
        mistake(r, line_of(r, number, "database"),
                "the home database, database = %.63s, is not among databases", pair->database);
    }
}

/* ---- the rest ---- */

/* The pair of the name that stands behind pair=; false when it was reported. */
static bool
pair_named(const struct resolve *r, const struct conf_database *d, uint32_t *out)
{
    if (pair_find(r->conf, d->pair_name, out)) {
        return true;
    }
    struct nearest n = {.name = d->pair_name};
    for (uint32_t i = 0; i < r->conf->pairs_count; i++) {
        if (strlen(r->conf->pairs[i].name) <= PAIR_NAME_MAX) {
            nearest_try(&n, r->conf->pairs[i].name);
        }
    }
    if (n.nearest != NULL) {
        mistake(r, d->line, "database \"%s\": there is no pair \"%.40s\"; did you mean \"%s\"?",
                d->name, d->pair_name, n.nearest);
    } else {
        mistake(r, d->line, "database \"%s\": there is no pair \"%.40s\"", d->name, d->pair_name);
    }
    return false;
}

/* The only pair that has all databases of its servers; false when there is none, or several. */
static bool
pair_with_all(const struct conf *c, uint32_t *out)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        if (conf_pair_has_all(&c->pairs[i])) {
            *out = i;
            found++;
        }
    }
    return found == 1;
}

static void
rest_resolve(const struct resolve *r)
{
    struct conf *c = r->conf;
    char label[SECTION_LABEL_SIZE];
    c->rest.pair = 0;
    if (c->rest.pair_name[0] == '\0') {
        c->rest_is_served = pair_with_all(c, &c->rest.pair);
        return;
    }
    c->rest_is_served = pair_named(r, &c->rest, &c->rest.pair);
    if (c->rest_is_served && !conf_pair_has_all(&c->pairs[c->rest.pair])) {
        mistake(r, c->rest.line, "database \"*\": %s has a list of databases, and no others",
                section_label(c, CONF_SECTION_PAIR, c->rest.pair, label));
    }
}

/* ---- what is listed ---- */

/* The only pair whose list has the database; MANY_PAIRS, or NO_PAIR. */
static uint32_t
pair_that_lists(const struct conf *c, const char *dbname)
{
    uint32_t found = NO_PAIR;
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        if (!conf_pair_has_all(&c->pairs[i]) && conf_list_has(&c->pairs[i].databases, dbname)) {
            found = found == NO_PAIR ? i : MANY_PAIRS;
        }
    }
    return found;
}

/* The pair of a database that names none; false when it was reported. */
static bool
pair_implied(const struct resolve *r, const struct conf_database *d, uint32_t *out)
{
    const struct conf *c = r->conf;
    *out = c->pairs_count == 1 ? 0 : pair_that_lists(c, d->dbname);
    if (*out == MANY_PAIRS) {
        mistake(r, d->line, "database \"%s\": several pairs have \"%s\"; say which, with pair=NAME",
                d->name, d->dbname);
        return false;
    }
    if (*out == NO_PAIR && !c->rest_is_served) {
        mistake(r, d->line, "database \"%s\": say which pair has it, with pair=NAME", d->name);
        return false;
    }
    *out = *out == NO_PAIR ? c->rest.pair : *out;
    return true;
}

static void
listed_resolve(const struct resolve *r, struct conf_database *d)
{
    char label[SECTION_LABEL_SIZE];
    if (d->dbname[0] == '\0') {
        mem_free(d->dbname);
        d->dbname = xstrdup(d->name);
    }
    const bool known =
        d->pair_name[0] == '\0' ? pair_implied(r, d, &d->pair) : pair_named(r, d, &d->pair);
    if (known && !conf_pair_has_database(&r->conf->pairs[d->pair], d->dbname)) {
        mistake(r, d->line, "database \"%s\": \"%.63s\" is not among the databases of %s", d->name,
                d->dbname, section_label(r->conf, CONF_SECTION_PAIR, d->pair, label));
    }
    if (!known) {
        d->pair = NO_PAIR; /* of none, for the checks that follow */
    }
}

/* ---- what the pairs add ---- */

/* Whether [databases] has a name for it. */
static bool
is_mentioned(const struct conf *c, uint32_t pair, const char *dbname)
{
    for (uint32_t i = 0; i < c->databases_count; i++) {
        const struct conf_database *d = &c->databases[i];
        if (d->is_listed && d->pair == pair && strcmp(d->dbname, dbname) == 0) {
            return true;
        }
    }
    return false;
}

/* Whether the database may be called by its own name. */
static bool
own_name_check(const struct resolve *r, uint32_t pair, const char *name)
{
    const unsigned line = line_of(r, pair, "databases");
    const struct conf_database *other = find_named(r->conf, name);
    char here[SECTION_LABEL_SIZE];
    char there[SECTION_LABEL_SIZE];
    section_label(r->conf, CONF_SECTION_PAIR, pair, here);
    if (database_name_is_reserved(name)) {
        mistake(r, line,
                "databases: \"%s\" needs another name in [databases]: this is the console's", name);
    } else if (r->conf->databases_count >= ALIASES_MAX) {
        mistake(r, line, "there are more than %d databases", ALIASES_MAX);
    } else if (other != NULL && other->is_listed) {
        mistake(
            r, line,
            "databases: \"%s\" of %s needs another name in [databases]: line %u gives its own to "
            "another database",
            name, here, other->line);
    } else if (other != NULL) {
        mistake(r, line, "\"%s\" is a database of %s and of %s; give them names in [databases]",
                name, section_label(r->conf, CONF_SECTION_PAIR, other->pair, there), here);
    } else {
        return true;
    }
    return false;
}

static void
pair_databases_add(const struct resolve *r, uint32_t pair)
{
    const struct conf_list *list = &r->conf->pairs[pair].databases;
    for (size_t i = 0; !conf_pair_has_all(&r->conf->pairs[pair]) && i < list->count; i++) {
        const char *name = list->items[i];
        if (is_mentioned(r->conf, pair, name) || is_repeated(list, i) ||
            !own_name_check(r, pair, name)) {
            continue;
        }
        struct conf_database *d = conf_database_add(r->conf, name);
        conf_database_set_like(d, &r->conf->rest);
        d->pair = pair;
        mem_free(d->dbname);
        d->dbname = xstrdup(name);
    }
}

/* ---- what nobody could name ---- */

static bool
is_reached(const struct conf *c, uint32_t pair)
{
    bool reached = c->rest_is_served && c->rest.pair == pair;
    for (uint32_t i = 0; !reached && i < c->databases_count; i++) {
        reached = c->databases[i].pair == pair;
    }
    return reached;
}

static void
reach_check(const struct resolve *r, uint32_t pair)
{
    char label[SECTION_LABEL_SIZE];
    if (conf_pair_has_all(&r->conf->pairs[pair]) && !is_reached(r->conf, pair)) {
        mistake(r, r->origin->heads[pair][CONF_SECTION_PAIR],
                "no client could reach %s: several pairs have databases = *; name its databases in "
                "[databases] with pair=%s, or give all other names to it with * = pair=%s",
                section_label(r->conf, CONF_SECTION_PAIR, pair, label), r->conf->pairs[pair].name,
                r->conf->pairs[pair].name);
    }
}

void
databases_resolve(struct conf *c, const struct conf_origin *origin, struct conf_mistakes *mistakes)
{
    const struct resolve r = {c, origin, mistakes};
    const size_t before = mistakes->count;
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        list_check(&r, i);
        home_check(&r, i);
    }
    if (mistakes->count > before) {
        return; /* the rest would only follow from it */
    }
    rest_resolve(&r);
    const uint32_t listed = c->databases_count;
    for (uint32_t i = 0; i < listed; i++) {
        listed_resolve(&r, &c->databases[i]);
    }
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        pair_databases_add(&r, i);
    }
    if (mistakes->count > before) {
        return;
    }
    for (uint32_t i = 0; i < c->pairs_count; i++) {
        reach_check(&r, i);
    }
}
