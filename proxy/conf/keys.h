/* keys.h — the table of keys, for the files of this layer. See keys.def for the rows.
 *
 * There are five kinds of sections. [teal] and [databases] stand once in a file; [pair], [blue] and
 * [green] once for each pair. [blue] and [green] share their rows. A row in one section of one pair
 * is an entry: a possible "name = value" with a field of its own in struct conf. Entries are
 * numbered in the order of SHOW CONFIG: those of [teal], then pair by pair those of [pair NAME],
 * [blue NAME] and [green NAME].
 *
 * [databases] is another thing: what its lines call keys are names of databases, and its rows here
 * are what may stand behind such a name. They have fields in struct conf_database, and no entries.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_KEYS_H
#define TEAL_CONF_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"
#include "conf/fields.h"
#include "conf/value.h"

enum conf_section {
    CONF_SECTION_TEAL,
    CONF_SECTION_PAIR,
    CONF_SECTION_BLUE,
    CONF_SECTION_GREEN,
    CONF_SECTION_DATABASES,
    CONF_SECTIONS_COUNT,
};

struct conf_key {
    const char *name;
    enum value_type type;
    size_t offset;            /* of the field in what its section describes */
    const char *default_text; /* NULL: the file must give it */
    uint64_t min;
    uint64_t max; /* 0: the type has no limits */
    bool live;    /* may change on a reload */
    const char *text;
};

struct conf_entry {
    size_t number;
    enum conf_section section;
    uint32_t pair; /* its number; 0 in [teal] */
    const struct conf_key *key;
};

/* More than there are entries with PAIRS_MAX pairs; keys.c asserts it. */
enum { CONF_ENTRIES_MAX = 1200 };

/* ---- sections ---- */

const char *conf_section_name(enum conf_section section);
/* What it is about, in one sentence. */
const char *conf_section_text(enum conf_section section);
/* False when there is no such section. */
MUST_CHECK bool conf_section_find(const char *name, enum conf_section *out);
/* Whether each pair has one. */
bool conf_section_is_of_pair(enum conf_section section);
/* The section of a side. */
enum conf_section conf_section_of(enum side side);
/* Its rows. */
const struct conf_key *conf_section_keys(enum conf_section section, size_t *count);
/* NULL when the section has no such key. */
const struct conf_key *conf_section_key(enum conf_section section, const char *name);

/* ---- entries ---- */

size_t conf_entries_count(uint32_t pairs_count);
struct conf_entry conf_entry_at(size_t number);
/* False when the section has no such key; not for [databases]. */
MUST_CHECK bool conf_entry_find(enum conf_section section, uint32_t pair, const char *name,
                                struct conf_entry *out);

/* The field of the entry; its pair must be there. */
void *conf_field(struct conf *c, const struct conf_entry *entry);
const void *conf_field_const(const struct conf *c, const struct conf_entry *entry);

/* What the text of a value must obey: a value may be empty when it is so by default. */
struct value_limits conf_key_limits(const struct conf_key *key);

#endif
