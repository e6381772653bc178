/* names.c — the client's names of prepared statements. See names.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/names.h"

#include "base/mem.h"
#include "session/session.h"

struct name_change {
    struct list node; /* in session->name_changes, the oldest first */
    char *name;       /* owned */
    size_t name_len;
    struct statement *before; /* shared (ref); NULL for none */
};

const struct statement *
names_get(const struct session *s, struct slice name)
{
    return map_get(&s->statements, name);
}

/* Puts the statement in the place of what the name means, and gives that back. */
static struct statement *
names_swap(struct session *s, struct slice name, struct statement *statement)
{
    return statement == NULL ? map_remove(&s->statements, name)
                             : map_put(&s->statements, name, statement);
}

void
names_change(struct session *s, struct slice name, struct statement *statement)
{
    struct name_change *change = xcalloc(1, sizeof(*change));
    change->name = xstrndup((const char *)name.p, name.len);
    change->name_len = name.len;
    change->before = names_swap(s, name, statement);
    list_init(&change->node);
    list_push_back(&s->name_changes, &change->node);
}

static void
change_free(struct session *s, struct name_change *change)
{
    list_remove(&change->node);
    statement_unref(&s->worker->statements, change->before);
    mem_free(change->name);
    mem_free(change);
}

void
names_answered(struct session *s)
{
    struct list *node = list_first(&s->name_changes);
    if (node != NULL) {
        change_free(s, LIST_OBJECT(node, struct name_change, node));
    }
}

void
names_take_back(struct session *s)
{
    for (struct list *node = list_last(&s->name_changes); node != NULL;
         node = list_last(&s->name_changes)) {
        struct name_change *change = LIST_OBJECT(node, struct name_change, node);
        const struct slice name = slice_of(change->name, change->name_len);
        change->before = names_swap(s, name, change->before);
        change_free(s, change);
    }
}

void
names_forget(struct session *s, struct slice name)
{
    statement_unref(&s->worker->statements, map_remove(&s->statements, name));
}

void
names_forget_all(struct session *s)
{
    size_t at = 0;
    for (void *v = map_next(&s->statements, &at); v != NULL; v = map_next(&s->statements, &at)) {
        statement_unref(&s->worker->statements, v);
    }
    map_fini(&s->statements);
}

void
names_forget_changes(struct session *s)
{
    for (struct list *node = list_first(&s->name_changes); node != NULL;
         node = list_first(&s->name_changes)) {
        change_free(s, LIST_OBJECT(node, struct name_change, node));
    }
}
