/* databases.c — the list of databases: seen, chosen, named. See databases.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/databases.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "cutover/flip/parts.h"
#include "cutover/flip/sql.h"

enum {
    LEFT_OUT_SHOWN_MAX = 10,
    READABLE_MAX = 32, /* of a name: with prefix, side and hash it fills NAMEDATALEN */
};

/* ---- names ---- */

/* FNV-1a. Not against somebody who looks for a clash, which databases_clash finds. */
static uint64_t
hash_of(const char *text)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (const char *p = text; *p != '\0'; p++) {
        hash = (hash ^ (uint8_t)*p) * UINT64_C(0x100000001b3);
    }
    return hash;
}

/* What a slot may be called: lower case letters, digits and the underscore. */
static char
plain_of(char letter)
{
    if (letter >= 'A' && letter <= 'Z') {
        return (char)(letter - 'A' + 'a');
    }
    const bool plain = (letter >= 'a' && letter <= 'z') || (letter >= '0' && letter <= '9');
    return plain ? letter : '_';
}

static void
name_stream(char *out, enum side receiver, const char *database, bool home)
{
    if (home) {
        (void)snprintf(out, STREAM_NAME_SIZE, TEAL_STREAM_PREFIX "%s", side_name(receiver));
        return;
    }
    char readable[READABLE_MAX + 1];
    size_t len = 0;
    for (const char *p = database; *p != '\0' && len < READABLE_MAX; p++) {
        readable[len++] = plain_of(*p);
    }
    readable[len] = '\0';
    const int size = snprintf(out, STREAM_NAME_SIZE, TEAL_STREAM_PREFIX "%s_%s_%016" PRIx64,
                              side_name(receiver), readable, hash_of(database));
    CHECK(size > 0 && size < STREAM_NAME_SIZE);
}

/* ---- life ---- */

static struct database
database_new(const char *name)
{
    struct database d = {.name = xstrdup(name)};
    for (int s = 0; s < SIDES_COUNT; s++) {
        d.on[s] = (struct database_on){.prepared = true};
    }
    return d;
}

static void
free_all(struct database *of, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        mem_free(of[i].name);
        for (int s = 0; s < SIDES_COUNT; s++) {
            mem_free(of[i].on[s].error);
        }
    }
    mem_free(of);
}

/* Takes the database over. */
static void
append(struct databases *all, const struct cutover *c, struct database d)
{
    const bool home = all->count == DATABASE_HOME;
    for (int s = 0; s < SIDES_COUNT; s++) {
        name_stream(d.stream[s], (enum side)s, d.name, home);
    }
    CHECK(!home || strcmp(d.name, c->config.databases[DATABASE_HOME]) == 0);
    all->of = xrealloc(all->of, (all->count + 1) * sizeof(d));
    all->of[all->count++] = d;
}

/* Before any look: what the configuration names. */
void
databases_init(struct cutover *c)
{
    struct databases *all = &c->databases;
    *all = (struct databases){0};
    buf_init(&all->left_out);
    for (uint32_t i = 0; i < c->config.databases_count; i++) {
        append(all, c, database_new(c->config.databases[i]));
    }
}

void
databases_fini(struct cutover *c)
{
    databases_forget(c);
    free_all(c->databases.of, c->databases.count);
    buf_fini(&c->databases.left_out);
}

static void
forget_seen(struct databases *all)
{
    free_all(all->seen, all->seen_count);
    all->seen = NULL;
    all->seen_count = 0;
}

void
databases_forget(struct cutover *c)
{
    forget_seen(&c->databases);
    memset(c->databases.told, 0, sizeof(c->databases.told));
}

/* ---- reading ---- */

uint32_t
databases_count(const struct cutover *c)
{
    return c->databases.count;
}

const char *
databases_name(const struct cutover *c, uint32_t database)
{
    CHECK(database < c->databases.count);
    return c->databases.of[database].name;
}

bool
databases_other(const struct cutover *c, struct place at)
{
    (void)c;
    return at.database != DATABASE_HOME;
}

const struct database_on *
databases_on(const struct cutover *c, struct place at)
{
    CHECK(at.database < c->databases.count);
    return &c->databases.of[at.database].on[at.side];
}

const char *
databases_stream(const struct cutover *c, uint32_t database, enum side receiver)
{
    CHECK(database < c->databases.count);
    return c->databases.of[database].stream[receiver];
}

static struct database *
find(struct database *of, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(of[i].name, name) == 0) {
            return &of[i];
        }
    }
    return NULL;
}

bool
databases_find(const struct cutover *c, const char *name, uint32_t *out)
{
    const struct database *d = find(c->databases.of, c->databases.count, name);
    *out = d != NULL ? (uint32_t)(d - c->databases.of) : DATABASE_HOME;
    return d != NULL;
}

bool
databases_clash(const struct cutover *c, const char **one, const char **other)
{
    const struct databases *all = &c->databases;
    for (uint32_t i = 0; i < all->count; i++) {
        for (uint32_t k = i + 1; k < all->count; k++) {
            if (strcmp(all->of[i].stream[SIDE_BLUE], all->of[k].stream[SIDE_BLUE]) == 0) {
                *one = all->of[i].name;
                *other = all->of[k].name;
                return true;
            }
        }
    }
    return false;
}

bool
databases_is_part(const struct cutover *c)
{
    return c->databases.beside[SIDE_BLUE] > 0 || c->databases.beside[SIDE_GREEN] > 0;
}

void
put_database_names(struct buf *sql, const struct cutover *c)
{
    for (uint32_t i = 0; i < c->databases.count; i++) {
        buf_printf(sql, "%s", i == 0 ? "" : ", ");
        put_literal(sql, c->databases.of[i].name);
    }
}

void
put_stream_names(struct buf *sql, const struct cutover *c, enum side receiver)
{
    for (uint32_t i = 0; i < c->databases.count; i++) {
        buf_printf(sql, "%s'%s'", i == 0 ? "" : ", ", c->databases.of[i].stream[receiver]);
    }
}

/* ---- seeing ---- */

static struct database *
see(struct databases *all, const char *name)
{
    struct database *d = find(all->seen, all->seen_count, name);
    if (d == NULL) {
        all->seen = xrealloc(all->seen, (all->seen_count + 1) * sizeof(*all->seen));
        d = &all->seen[all->seen_count++];
        *d = database_new(name);
    }
    return d;
}

void
databases_see(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    struct databases *all = &c->databases;
    all->told[side] = true;
    for (int row = 0; row < rows->rows; row++) {
        const char *name = rows_text(rows, row, 0);
        const bool home = strcmp(name, c->config.databases[DATABASE_HOME]) == 0;
        char stream[STREAM_NAME_SIZE];
        name_stream(stream, side, name, home);
        struct database_on *on = &see(all, name)->on[side];
        on->exists = true;
        on->connects = rows_bool(rows, row, 1);
        on->is_template = rows_bool(rows, row, 3);
        on->stream_exists = names_have(rows_text(rows, row, 2), stream);
    }
}

/* ---- choosing ---- */

static bool
is_named(const struct cutover *c, const char *name)
{
    for (uint32_t i = 0; i < c->config.databases_count; i++) {
        if (strcmp(c->config.databases[i], name) == 0) {
            return true;
        }
    }
    return false;
}

/* For a command where the writer has it; at the start-up where every side has it that has told. */
static bool
is_present(const struct cutover *c, const struct database *d)
{
    if (c->flip.known) {
        return d->on[c->flip.from].exists;
    }
    bool present = true;
    for (int s = 0; s < SIDES_COUNT; s++) {
        present = present && (d->on[s].exists || !c->databases.told[s]);
    }
    return present;
}

/* FINISH also takes down what was set up for databases that are no longer named. */
static bool
is_left_over(const struct cutover *c, const struct database *d)
{
    return c->command.job == CUTOVER_JOB_FINISH &&
           (d->on[SIDE_BLUE].stream_exists || d->on[SIDE_GREEN].stream_exists);
}

static bool
may_connect(const struct database *d)
{
    bool may = true;
    for (int s = 0; s < SIDES_COUNT; s++) {
        may = may && (d->on[s].connects || !d->on[s].exists);
    }
    return may;
}

static bool
is_chosen(const struct cutover *c, const struct database *d)
{
    return is_present(c, d) && ((c->config.databases_all && may_connect(d)) || is_left_over(c, d));
}

/* The maintenance databases: every server of a kind has them, and hardly anybody keeps anything
 * there. Who leaves "postgres" out of a list knows what he does; those of managed services let
 * nobody in. */
static bool
is_maintenance(const struct database *d)
{
    static const char *const names[] = {"postgres",  "rdsadmin",          "cloudsqladmin",
                                        "azure_sys", "azure_maintenance", "alloydbadmin"};
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        if (strcmp(d->name, names[i]) == 0) {
            return true;
        }
    }
    return false;
}

static void
leave_out(struct databases *all, const char *name)
{
    if (all->left_out_count < LEFT_OUT_SHOWN_MAX) {
        buf_printf(&all->left_out, "%s%s", all->left_out_count == 0 ? "" : ", ", name);
    }
    all->left_out_count++;
}

static void
count_beside(struct databases *all, const struct database *d)
{
    for (int s = 0; s < SIDES_COUNT; s++) {
        all->beside[s] += d->on[s].exists && !is_maintenance(d) ? 1 : 0;
    }
}

/* Into the list, or into the text of those that stay behind. */
static void
choose_rest(struct cutover *c)
{
    struct databases *all = &c->databases;
    for (uint32_t i = 0; i < all->seen_count; i++) {
        struct database *d = &all->seen[i];
        if (is_named(c, d->name)) {
            continue;
        }
        if (is_chosen(c, d) && all->count < DATABASES_MAX) {
            append(all, c, *d);
            d->name = NULL; /* taken over; it has no error yet */
            continue;
        }
        count_beside(all, d);
        if (c->flip.known && d->on[c->flip.from].exists && !is_maintenance(d) &&
            !d->on[c->flip.from].is_template) {
            leave_out(all, d->name);
        }
    }
}

/* Those that are named move whether they were seen or not, so that a check can say what is missing;
 * but the start-up leaves out what is not there. */
static void
choose_named(struct cutover *c)
{
    struct databases *all = &c->databases;
    for (uint32_t i = 0; i < c->config.databases_count; i++) {
        const char *name = c->config.databases[i];
        struct database *d = find(all->seen, all->seen_count, name);
        if (i != DATABASE_HOME && !c->flip.known && (d == NULL || !is_present(c, d))) {
            continue;
        }
        struct database chosen = database_new(name);
        if (d != NULL) {
            memcpy(chosen.on, d->on, sizeof(chosen.on)); /* it has no error yet */
        }
        append(all, c, chosen);
    }
}

enum cutover_event
databases_call_choose(struct cutover *c)
{
    struct databases *all = &c->databases;
    if (!all->told[SIDE_BLUE] && !all->told[SIDE_GREEN]) {
        return CUT_EV_OK;
    }
    free_all(all->of, all->count);
    all->of = NULL;
    all->count = 0;
    buf_clear(&all->left_out);
    all->left_out_count = 0;
    memset(all->beside, 0, sizeof(all->beside));
    choose_named(c);
    choose_rest(c);
    forget_seen(all);
    CHECK(all->count > 0);
    return CUT_EV_OK;
}

/* ---- whether each is prepared ---- */

bool
databases_wants_schema(const struct cutover *c, struct place at)
{
    return at.database != DATABASE_HOME && !c->looks.one && c->looks.of[at.side].answered &&
           databases_on(c, at)->exists;
}

enum cutover_event
databases_judge_schema(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    struct database_on *on = &c->databases.of[at.database].on[at.side];
    if (rows->ok) {
        on->prepared = rows_bool(rows, 0, 0);
    } else {
        mem_free(on->error);
        on->error = xstrdup(rows->err.text);
    }
    return CUT_EV_OK;
}

/* ---- the streams alone ---- */

enum cutover_event
databases_judge_streams(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    for (uint32_t i = 0; i < c->databases.count; i++) {
        struct database *d = &c->databases.of[i];
        d->on[at.side].stream_exists = false;
        for (int row = 0; row < rows->rows; row++) {
            d->on[at.side].stream_exists =
                d->on[at.side].stream_exists ||
                (strcmp(rows_text(rows, row, 0), d->name) == 0 &&
                 strcmp(rows_text(rows, row, 1), d->stream[at.side]) == 0);
        }
    }
    return CUT_EV_OK;
}
