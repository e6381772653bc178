/* ident.c — user name maps. See ident.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/ident.h"

#include <string.h>

#include "auth/hba_file.h"
#include "base/mem.h"

struct mapping {
    char *map, *system_name, *user; /* owned */
};

struct ident {
    struct mapping *mappings; /* owned */
    size_t count;
};

static void
add_mapping(struct hba_reading *l, const struct hba_line *line, void *to)
{
    struct ident *i = to;
    if (line->count != 3 || i->count == HBA_ROWS_MAX) {
        (void)hba_mistake(l, line->count != 3 ? "a map, a system name and a user are expected"
                                              : "too many rows");
        return;
    }
    const char *texts[3];
    for (size_t at = 0; at < 3; at++) {
        texts[at] = hba_single(l, &line->fields[at], "a name");
        if (texts[at] == NULL) {
            return;
        }
        if (!line->fields[at].words[0].quoted && strchr("/+@", texts[at][0]) != NULL) {
            (void)hba_mistake(
                l, "\"%.60s\": regular expressions, groups and files are not supported", texts[at]);
            return;
        }
    }
    i->mappings = xrealloc(i->mappings, (i->count + 1) * sizeof(*i->mappings));
    i->mappings[i->count++] =
        (struct mapping){xstrdup(texts[0]), xstrdup(texts[1]), xstrdup(texts[2])};
}

struct ident *
ident_load_slice(struct slice text, const char *path, struct buf *mistakes)
{
    struct ident *i = xcalloc(1, sizeof(*i));
    struct hba_reading l = {.path = path, .mistakes = mistakes};
    hba_each_line(&l, text, add_mapping, i);
    if (l.failed) {
        ident_free(i);
        return NULL;
    }
    return i;
}

struct ident *
ident_load(const char *path, struct buf *mistakes)
{
    struct buf text;
    buf_init(&text);
    struct ident *i = hba_read_file(path, &text, mistakes)
                          ? ident_load_slice(buf_slice(&text), path, mistakes)
                          : NULL;
    buf_fini(&text);
    return i;
}

void
ident_free(struct ident *i)
{
    if (i == NULL) {
        return;
    }
    for (size_t at = 0; at < i->count; at++) {
        mem_free(i->mappings[at].map);
        mem_free(i->mappings[at].system_name);
        mem_free(i->mappings[at].user);
    }
    mem_free(i->mappings);
    mem_free(i);
}

bool
ident_allows(const struct ident *i, const char *map, const char *system_name, const char *user)
{
    if (map == NULL) {
        return strcmp(system_name, user) == 0;
    }
    for (size_t at = 0; i != NULL && at < i->count; at++) {
        const struct mapping *m = &i->mappings[at];
        if (strcmp(m->map, map) == 0 && strcmp(m->system_name, system_name) == 0 &&
            strcmp(m->user, user) == 0) {
            return true;
        }
    }
    return false;
}
