/* grants.c — fills the lines of grants.def in. See grants.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/grants.h"

#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "conf/databases.h"

enum whom { EVERYBODY, BY_SYSTEM, BY_DATABASE, HOOKS, STRICT, OTHER, MORE, STRANGE };

static const struct grant_line {
    bool each; /* in each database */
    enum whom whom;
    const char *text;
} lines[] = {
#define GRANT_LINE(whom, text) {false, whom, text},
#define GRANT_EACH(whom, text) {true, whom, text},
#include "admin/grants.def"
};

/* What the lines are about. */
struct about {
    const struct conf_pair *pair;
    enum side side;
    const struct side_databases *found; /* on the side */
    const char *database;
    bool has_strange; /* a database is left out for its name */
};

static const struct conf_side *
side_of(const struct about *a)
{
    return &a->pair->side[a->side];
}

/* ---- for whom ---- */

/* With a list there may be more on the servers, and ALTER SYSTEM would fence that, too. */
static bool
is_by_database(const struct conf_pair *pair)
{
    return pair->fence == FENCE_DATABASE || (!conf_pair_has_all(pair) && pair->fence != FENCE_SOFT);
}

static bool
has_other(const struct conf_side *side)
{
    return side->replication_user != NULL && strcmp(side->replication_user, side->user) != 0;
}

static bool
is_for(enum whom whom, const struct about *a)
{
    const bool is_own = a->pair->kind != PAIR_KIND_EXTERNAL;
    switch (whom) {
    case EVERYBODY:
        return true;
    case BY_SYSTEM:
        return is_own && !is_by_database(a->pair);
    case BY_DATABASE:
        return is_own && is_by_database(a->pair);
    case HOOKS:
        return !is_own;
    case STRICT:
        return is_own && a->pair->fence == FENCE_STRICT;
    case OTHER:
        return has_other(side_of(a));
    case MORE:
        return conf_pair_has_all(a->pair) && a->found->generation == 0;
    case STRANGE:
        return a->has_strange;
    }
    UNREACHABLE();
}

/* ---- the text ---- */

/* Doubles the quote. A backslash is one in both, for standard_conforming_strings is on. */
static void
put_quoted(struct buf *b, const char *text, char quote)
{
    buf_put_u8(b, (uint8_t)quote);
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == quote) {
            buf_put_u8(b, (uint8_t)quote);
        }
        buf_put_u8(b, (uint8_t)*p);
    }
    buf_put_u8(b, (uint8_t)quote);
}

/* A conninfo, as a bare name may look like one; and that in the quotes of psql. */
static void
put_connect(struct buf *b, const char *database)
{
    struct buf conninfo;
    buf_init(&conninfo);
    buf_put_text(&conninfo, "dbname='");
    for (const char *p = database; *p != '\0'; p++) {
        if (*p == '\'' || *p == '\\') {
            buf_put_u8(&conninfo, '\\');
        }
        buf_put_u8(&conninfo, (uint8_t)*p);
    }
    buf_put_cstr(&conninfo, "'");
    buf_put_text(b, "-reuse-previous=on ");
    put_quoted(b, (const char *)buf_slice(&conninfo).p, '"');
    buf_fini(&conninfo);
}

static void
put_hosts(struct buf *b, const struct conf_side *side)
{
    for (uint32_t i = 0; i < side->hosts_count; i++) {
        buf_printf(b, "%s%s:%u", i == 0 ? "" : ", ", side->hosts[i].name, side->hosts[i].port);
    }
}

static const char *
name_of(char token, const struct about *a)
{
    CHECK(token == 'r' || token == 'p' || token == 'd');
    if (token == 'd') {
        return a->database;
    }
    return token == 'r' ? side_of(a)->user : side_of(a)->replication_user;
}

/* What stands behind the $; the rest of the text behind it. */
static const char *
put_token(struct buf *b, const char *token, const struct about *a)
{
    switch (token[0]) {
    case '$':
        buf_put_u8(b, '$');
        break;
    case 's':
        buf_put_text(b, side_name(a->side));
        break;
    case 'n':
        buf_put_text(b, a->pair->name);
        break;
    case 'a':
        put_hosts(b, side_of(a));
        break;
    case 'c':
        put_connect(b, a->database);
        break;
    case '\'':
        put_quoted(b, name_of(token[1], a), '\'');
        return token + 2;
    default:
        put_quoted(b, name_of(token[0], a), '"');
    }
    return token + 1;
}

static void
add_line(struct table *t, const char *text, const struct about *a)
{
    struct buf line;
    buf_init(&line);
    while (*text != '\0') {
        if (*text != '$') {
            buf_put_u8(&line, (uint8_t)*text++);
        } else {
            text = put_token(&line, text + 1, a);
        }
    }
    buf_put_u8(&line, '\0');
    table_add(t, (const char *)buf_slice(&line).p);
    buf_fini(&line);
}

/* ---- which ---- */

/* The lines from the first to before the end that are for this pair. */
static void
add_lines(struct table *t, size_t first, size_t end, const struct about *a)
{
    for (size_t i = first; i < end; i++) {
        if (is_for(lines[i].whom, a)) {
            add_line(t, lines[i].text, a);
        }
    }
}

/* A command of psql ends with its line, and what follows would be run. */
static void
add_database(struct table *t, size_t first, size_t end, struct about *a, const char *database)
{
    if (strpbrk(database, "\r\n") != NULL) {
        a->has_strange = true;
        return;
    }
    a->database = database;
    add_lines(t, first, end, a);
}

/* The home database first, then those that are listed, or found where all are meant. */
static void
add_databases(struct table *t, size_t first, size_t end, struct about *a)
{
    const struct conf_pair *pair = a->pair;
    const bool all = conf_pair_has_all(pair);
    const size_t count = all ? a->found->count : pair->databases.count;
    add_database(t, first, end, a, pair->database);
    for (size_t i = 0; i < count; i++) {
        const char *name = all ? a->found->names[i] : pair->databases.items[i];
        if (strcmp(name, pair->database) != 0) {
            add_database(t, first, end, a, name);
        }
    }
}

static size_t
first_where(size_t from, bool each)
{
    while (from < COUNT_OF(lines) && lines[from].each != each) {
        from++;
    }
    return from;
}

static void
add_side(struct table *t, struct about *a)
{
    const size_t first = first_where(0, true);
    const size_t end = first_where(first, false);
    a->database = a->pair->database;
    add_lines(t, 0, first, a);
    add_databases(t, first, end, a);
    add_lines(t, end, COUNT_OF(lines), a);
}

struct table *
report_grants(const struct command *c, const struct snapshot *snap)
{
    static const char *const columns[] = {"sql"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (uint32_t i = snap->first; i < snap->end; i++) {
        for (int s = 0; s < SIDES_COUNT; s++) {
            const struct snapshot_pair *p = &snap->pairs[i];
            struct about about = {
                .pair = p->conf, .side = (enum side)s, .found = &p->facts->side[s].databases};
            if (!c->side_set || (int)c->side == s) {
                add_side(t, &about);
            }
        }
    }
    return t;
}
