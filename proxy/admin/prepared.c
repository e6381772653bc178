/* prepared.c — prepared statements and portals of the console. See prepared.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/prepared.h"

#include "base/mem.h"

static void
drop(struct prepared *p, size_t at)
{
    mem_free(p->items[at].name);
    mem_free(p->items[at].text);
    p->items[at].kind = 0;
    p->items[at].name = NULL;
    p->items[at].text = NULL;
}

void
prepared_fini(struct prepared *p)
{
    for (size_t i = 0; i < PREPARED_MAX; i++) {
        drop(p, i);
    }
}

/* PREPARED_MAX when there is none. */
static size_t
place_of(const struct prepared *p, char kind, struct slice name)
{
    size_t at = 0;
    CHECK(kind == PREPARED_STATEMENT || kind == PREPARED_PORTAL);
    while (at < PREPARED_MAX &&
           (p->items[at].kind != kind || !slice_equal_str(name, p->items[at].name))) {
        at++;
    }
    return at;
}

static size_t
free_place(const struct prepared *p)
{
    size_t at = 0;
    while (at < PREPARED_MAX && p->items[at].kind != 0) {
        at++;
    }
    return at;
}

const char *
prepared_find(const struct prepared *p, char kind, struct slice name)
{
    const size_t at = place_of(p, kind, name);
    return at == PREPARED_MAX ? NULL : p->items[at].text;
}

bool
prepared_put(struct prepared *p, char kind, struct slice name, struct slice text, struct err *err)
{
    size_t at = place_of(p, kind, name);
    if (at < PREPARED_MAX && name.len > 0) {
        return err_set(err, kind == PREPARED_STATEMENT ? "42P05" : "42P03",
                       "the name is already in use");
    }
    if (at == PREPARED_MAX) {
        at = free_place(p);
    }
    if (at == PREPARED_MAX) {
        return err_set(err, "54000", "more than %d prepared statements and portals on the console",
                       PREPARED_MAX);
    }
    char *copy = xstrndup((const char *)text.p, text.len); /* text may be the place's own */
    drop(p, at);
    p->items[at].kind = kind;
    p->items[at].name = xstrndup((const char *)name.p, name.len);
    p->items[at].text = copy;
    return true;
}

void
prepared_close(struct prepared *p, char kind, struct slice name)
{
    const size_t at = place_of(p, kind, name);
    if (at < PREPARED_MAX) {
        drop(p, at);
    }
}

void
prepared_close_portals(struct prepared *p)
{
    for (size_t i = 0; i < PREPARED_MAX; i++) {
        if (p->items[i].kind == PREPARED_PORTAL) {
            drop(p, i);
        }
    }
}
