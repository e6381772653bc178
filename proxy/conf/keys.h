/* keys.h — the table of keys, for the files of this layer. See keys.def for the rows.
 *
 * A file has four sections; the keys of [blue] and [green] are the same rows, with a field in
 * node[0] or node[1]. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_KEYS_H
#define TEAL_CONF_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "conf/fields.h"
#include "conf/value.h"

enum conf_section {
    CONF_SECTION_TEAL,
    CONF_SECTION_PAIR,
    CONF_SECTION_BLUE,
    CONF_SECTION_GREEN,
    CONF_SECTIONS_COUNT,
};

/* Which sections a row belongs to. */
enum conf_group { CONF_GROUP_TEAL, CONF_GROUP_PAIR, CONF_GROUP_NODE };

struct conf_key {
    enum conf_group group;
    const char *name;
    enum value_kind kind;
    size_t offset;            /* of the field in struct conf, or in struct conf_node */
    const char *default_text; /* NULL: the file must give it */
    struct value_limits limits;
    bool live; /* may change on a reload */
    const char *doc;
};

/* More than there are rows; keys.c asserts it. */
enum { CONF_KEYS_MAX = 200 };

const char *conf_section_name(enum conf_section section);
/* False when there is no such section. */
MUST_CHECK bool conf_section_find(const char *name, enum conf_section *out);

size_t conf_keys_count(void);
const struct conf_key *conf_key_at(size_t index);
/* Whether the key's row belongs to the section. */
bool conf_key_in(const struct conf_key *key, enum conf_section section);
/* The index of the key, or conf_keys_count(). */
size_t conf_key_find(enum conf_section section, const char *name);
/* The key of the section whose name is nearest to a misspelt one; NULL when none is near. */
const char *conf_key_nearest(enum conf_section section, const char *name);
const char *conf_section_nearest(const char *name);

/* The field of a key in a section that it belongs to. */
void *conf_field(struct conf *c, const struct conf_key *key, enum conf_section section);
const void *conf_field_const(const struct conf *c, const struct conf_key *key,
                             enum conf_section section);

#endif
