/* names.c — the client's names of prepared statements. See names.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/names.h"

#include "base/mem.h"

struct name_change {
    struct list node; /* in names->changes, the oldest first */
    char *name;       /* owned */
    size_t name_len;
    struct statement *before; /* shared (ref); NULL for none */
};

void
names_init(struct names *n, struct statement_table *statements)
{
    n->statements = statements;
    map_init(&n->by_name, statements->by_key.seed);
    list_init(&n->changes);
    n->skipped = false;
}

void
names_fini(struct names *n)
{
    names_forget_changes(n);
    names_forget_all(n);
}

size_t
names_count(const struct names *n)
{
    return map_count(&n->by_name);
}

const struct statement *
names_get(const struct names *n, struct slice name)
{
    return map_get(&n->by_name, name);
}

/* Puts the statement in the place of what the name means, and gives that back. */
static struct statement *
names_swap(struct names *n, struct slice name, struct statement *statement)
{
    return statement == NULL ? map_remove(&n->by_name, name)
                             : map_put(&n->by_name, name, statement);
}

void
names_change(struct names *n, struct slice name, struct statement *statement)
{
    struct name_change *change = xcalloc(1, sizeof(*change));
    change->name = xstrndup((const char *)name.p, name.len);
    change->name_len = name.len;
    change->before = names_swap(n, name, statement);
    list_init(&change->node);
    list_push_back(&n->changes, &change->node);
}

static void
change_free(struct names *n, struct name_change *change)
{
    list_remove(&change->node);
    statement_unref(n->statements, change->before);
    mem_free(change->name);
    mem_free(change);
}

void
names_answered(struct names *n)
{
    struct list *node = list_first(&n->changes);
    if (node != NULL) {
        change_free(n, LIST_OBJECT(node, struct name_change, node));
    }
}

void
names_take_back(struct names *n)
{
    for (struct list *node = list_last(&n->changes); node != NULL; node = list_last(&n->changes)) {
        struct name_change *change = LIST_OBJECT(node, struct name_change, node);
        const struct slice name = slice_of(change->name, change->name_len);
        change->before = names_swap(n, name, change->before);
        change_free(n, change);
    }
}

void
names_forget(struct names *n, struct slice name)
{
    statement_unref(n->statements, map_remove(&n->by_name, name));
}

void
names_forget_all(struct names *n)
{
    size_t at = 0;
    for (void *v = map_next(&n->by_name, &at); v != NULL; v = map_next(&n->by_name, &at)) {
        statement_unref(n->statements, v);
    }
    map_fini(&n->by_name);
}

void
names_forget_changes(struct names *n)
{
    for (struct list *node = list_first(&n->changes); node != NULL;
         node = list_first(&n->changes)) {
        change_free(n, LIST_OBJECT(node, struct name_change, node));
    }
}
