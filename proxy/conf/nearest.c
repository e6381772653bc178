/* nearest.c — "did you mean". See nearest.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/nearest.h"

#include <string.h>

/* No name of ours is longer, and a longer one is near to none. */
enum { NAME_MAX_LEN = 48 };

struct search {
    const char *name;    /* borrowed: the misspelt one */
    const char *nearest; /* borrowed for ever; NULL so far */
    size_t distance;     /* between the two */
};

static size_t
min3(size_t a, size_t b, size_t c)
{
    const size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* How many letters must be put in, taken out or changed (Levenshtein). */
static size_t
distance(const char *a, const char *b)
{
    const size_t len = strlen(b);
    size_t row[NAME_MAX_LEN + 1];
    CHECK(len <= NAME_MAX_LEN);
    for (size_t j = 0; j <= len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; a[i] != '\0'; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < len; j++) {
            const size_t above = row[j + 1];
            row[j + 1] = min3(above + 1, row[j] + 1, diagonal + (a[i] == b[j] ? 0 : 1));
            diagonal = above;
        }
    }
    return row[len];
}

/* Keeps the candidate when it is nearer than the nearest so far, and near at all: a third of its
 * letters. */
static void
search_try(struct search *s, const char *candidate)
{
    if (strlen(s->name) > NAME_MAX_LEN) {
        return;
    }
    const size_t len = strlen(candidate);
    const size_t far = len < 3 ? 1 : len / 3;
    const size_t d = distance(s->name, candidate);
    if (d <= far && (s->nearest == NULL || d < s->distance)) {
        s->distance = d;
        s->nearest = candidate;
    }
}

const char *
nearest_key(enum conf_section section, const char *name)
{
    struct search s = {.name = name};
    for (size_t i = 0; i < conf_entries_count(); i++) {
        const struct conf_entry entry = conf_entry_at(i);
        if (entry.section == section) {
            search_try(&s, entry.key->name);
        }
    }
    return s.nearest;
}

const char *
nearest_section(const char *name)
{
    struct search s = {.name = name};
    for (size_t i = 0; i < CONF_SECTIONS_COUNT; i++) {
        search_try(&s, conf_section_name((enum conf_section)i));
    }
    return s.nearest;
}
