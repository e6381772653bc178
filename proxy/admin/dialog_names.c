/* dialog_names.c — prepared statements and portals of the console. See dialog_names.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/dialog_names.h"

#include "base/mem.h"

static void
drop(struct dialog_names *n, size_t at)
{
    mem_free(n->items[at].name);
    mem_free(n->items[at].text);
    n->items[at].kind = 0;
    n->items[at].name = NULL;
    n->items[at].text = NULL;
}

void
dialog_names_fini(struct dialog_names *n)
{
    for (size_t i = 0; i < DIALOG_NAMES_MAX; i++) {
        drop(n, i);
    }
}

/* DIALOG_NAMES_MAX when there is none. */
static size_t
place_of(const struct dialog_names *n, char kind, struct slice name)
{
    size_t at = 0;
    CHECK(kind == DIALOG_STATEMENT || kind == DIALOG_PORTAL);
    while (at < DIALOG_NAMES_MAX &&
           (n->items[at].kind != kind || !slice_equal_str(name, n->items[at].name))) {
        at++;
    }
    return at;
}

static size_t
free_place(const struct dialog_names *n)
{
    size_t at = 0;
    while (at < DIALOG_NAMES_MAX && n->items[at].kind != 0) {
        at++;
    }
    return at;
}

const char *
dialog_names_find(const struct dialog_names *n, char kind, struct slice name)
{
    const size_t at = place_of(n, kind, name);
    return at == DIALOG_NAMES_MAX ? NULL : n->items[at].text;
}

bool
dialog_names_put(struct dialog_names *n, char kind, struct slice name, struct slice text,
                 struct err *err)
{
    size_t at = place_of(n, kind, name);
    if (at < DIALOG_NAMES_MAX && name.len > 0) {
        return err_set(err, kind == DIALOG_STATEMENT ? "42P05" : "42P03",
                       "the name is already in use");
    }
    if (at == DIALOG_NAMES_MAX) {
        at = free_place(n);
    }
    if (at == DIALOG_NAMES_MAX) {
        return err_set(err, "54000", "more than %d prepared statements and portals on the console",
                       DIALOG_NAMES_MAX);
    }
    char *copy = xstrndup((const char *)text.p, text.len); /* text may be the place's own */
    drop(n, at);
    n->items[at].kind = kind;
    n->items[at].name = xstrndup((const char *)name.p, name.len);
    n->items[at].text = copy;
    return true;
}

void
dialog_names_close(struct dialog_names *n, char kind, struct slice name)
{
    const size_t at = place_of(n, kind, name);
    if (at < DIALOG_NAMES_MAX) {
        drop(n, at);
    }
}

void
dialog_names_close_portals(struct dialog_names *n)
{
    for (size_t i = 0; i < DIALOG_NAMES_MAX; i++) {
        if (n->items[i].kind == DIALOG_PORTAL) {
            drop(n, i);
        }
    }
}
