/* names.c — the client's names of prepared statements. See names.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/prepared/names.h"

#include <string.h>

#include "base/mem.h"

void
names_init(struct names *n, struct statement_table *statements)
{
    *n = (struct names){.statements = statements, .size = NAMES_INLINE_CHANGES};
    n->changes = n->inline_changes;
    map_init(&n->by_name, statements->by_key.seed);
}

void
names_fini(struct names *n)
{
    names_settle(n);
    names_forget_all(n);
    statement_unref(n->statements, n->unnamed);
    n->unnamed = NULL;
    if (n->changes != n->inline_changes) {
        mem_free(n->changes);
        n->changes = n->inline_changes;
        n->size = NAMES_INLINE_CHANGES;
    }
}

size_t
names_count(const struct names *n)
{
    return map_count(&n->by_name);
}

const struct statement *
names_get(const struct names *n, struct slice name)
{
    return name.len == 0 ? n->unnamed : map_get(&n->by_name, name);
}

struct slice
names_of(const struct names *n, uint64_t id)
{
    size_t at = 0;
    for (const struct map_entry *e = map_next_entry(&n->by_name, &at); e != NULL;
         e = map_next_entry(&n->by_name, &at)) {
        if (((const struct statement *)e->value)->id == id) {
            return slice_of(e->key, e->key_len);
        }
    }
    return SLICE_EMPTY;
}

/* Puts the statement in the place of what the name means, and gives that back. */
static struct statement *
swap(struct names *n, struct slice name, struct statement *statement)
{
    if (name.len == 0) {
        struct statement *before = n->unnamed;
        n->unnamed = statement;
        return before;
    }
    return statement == NULL ? map_remove(&n->by_name, name)
                             : map_put(&n->by_name, name, statement);
}

/* ---- changes ---- */

static struct name_change *
change_at(const struct names *n, uint32_t i)
{
    CHECK(i < n->count);
    return &n->changes[(n->head + i) & (n->size - 1)];
}

static struct slice
change_name(const struct name_change *c)
{
    return slice_of(c->name, c->name_len);
}

static void
grow(struct names *n)
{
    struct name_change *grown = xcalloc(2 * (size_t)n->size, sizeof(*grown));
    for (uint32_t i = 0; i < n->count; i++) {
        grown[i] = *change_at(n, i);
    }
    if (n->changes != n->inline_changes) {
        mem_free(n->changes);
    }
    n->changes = grown;
    n->size *= 2;
    n->head = 0;
}

void
names_change(struct names *n, struct slice name, struct statement *statement, uint64_t at_server)
{
    if (n->count == n->size) {
        grow(n);
    }
    n->count++;
    *change_at(n, n->count - 1) = (struct name_change){
        .name = name.len == 0 ? NULL : xstrndup((const char *)name.p, name.len),
        .name_len = name.len,
        .before = swap(n, name, statement),
        .at_server = at_server,
    };
    n->unnamed_count += name.len == 0 ? 1 : 0;
}

static void
pop(struct names *n)
{
    struct name_change *c = change_at(n, 0);
    CHECK(c->name != NULL || n->unnamed_count > 0);
    n->unnamed_count -= c->name == NULL ? 1 : 0;
    statement_unref(n->statements, c->before);
    mem_free(c->name);
    n->head = (n->head + 1) & (n->size - 1);
    n->count--;
}

void
names_answered(struct names *n)
{
    if (n->count > 0) {
        pop(n);
    }
}

void
names_settle(struct names *n)
{
    while (n->count > 0) {
        pop(n);
    }
}

/* The next change of the same name, which took the place of this one; NULL for none. */
static struct name_change *
successor(const struct names *n, const struct name_change *c)
{
    for (uint32_t i = 1; i < n->count; i++) {
        struct name_change *later = change_at(n, i);
        if (slice_equal(change_name(later), change_name(c))) {
            return later;
        }
    }
    return NULL;
}

bool
names_undo(struct names *n, uint64_t *at_server)
{
    if (n->count == 0) {
        return false;
    }
    struct name_change *c = change_at(n, 0);
    struct name_change *later = successor(n, c);
    const bool was_unnamed = c->name == NULL;
    *at_server = c->at_server;
    if (later == NULL) {
        c->before = swap(n, change_name(c), c->before);
    } else { /* the later one stands, and what it replaced was never there */
        struct statement *skipped = later->before;
        later->before = c->before;
        later->at_server = c->at_server;
        c->before = skipped;
    }
    pop(n);
    return was_unnamed && later == NULL;
}

void
names_failed(struct names *n)
{
    uint64_t ignored;
    if (n->count == 0) {
        return;
    }
    struct name_change *c = change_at(n, 0);
    statement_unref(n->statements, c->before);
    c->before = NULL;
    c->at_server = 0;
    (void)names_undo(n, &ignored); /* nothing stands unnamed at the server */
}

void
names_undo_all(struct names *n)
{
    uint64_t ignored;
    while (n->count > 0) {
        (void)names_undo(n, &ignored); /* the backend is gone */
    }
}

void
names_forget_all(struct names *n)
{
    size_t at = 0;
    for (void *v = map_next(&n->by_name, &at); v != NULL; v = map_next(&n->by_name, &at)) {
        statement_unref(n->statements, v);
    }
    map_fini(&n->by_name);
    for (uint32_t i = 0; i < n->count; i++) {
        struct name_change *c = change_at(n, i);
        if (c->name != NULL) { /* undone, it would bring back what is forgotten */
            statement_unref(n->statements, c->before);
            c->before = NULL;
        }
    }
}
