/* nearest.c — "did you mean". See nearest.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/nearest.h"

#include <string.h>

/* No name of ours is longer, and a longer one is near to none. */
enum { NAME_MAX_LEN = 48 };

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

/* Kept when it is nearer than the nearest so far, and near at all: a third of its letters. */
void
nearest_try(struct nearest *n, const char *candidate)
{
    if (strlen(n->name) > NAME_MAX_LEN) {
        return;
    }
    const size_t len = strlen(candidate);
    const size_t far = len < 3 ? 1 : len / 3;
    const size_t d = distance(n->name, candidate);
    if (d <= far && (n->nearest == NULL || d < n->distance)) {
        n->distance = d;
        n->nearest = candidate;
    }
}

const char *
nearest_key(enum conf_section section, const char *name)
{
    struct nearest n = {.name = name};
    size_t count = 0;
    const struct conf_key *keys = conf_section_keys(section, &count);
    for (size_t i = 0; i < count; i++) {
        nearest_try(&n, keys[i].name);
    }
    return n.nearest;
}

const char *
nearest_section(const char *name)
{
    struct nearest n = {.name = name};
    for (size_t i = 0; i < CONF_SECTIONS_COUNT; i++) {
        nearest_try(&n, conf_section_name((enum conf_section)i));
    }
    return n.nearest;
}
