/* keys.c — the table of keys. See keys.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/keys.h"

#include <string.h>

#include "base/clock.h"

/* Limits are in microseconds and in bytes. */
#define MS(n) CLOCK_MS(n)
#define SECONDS(n) CLOCK_SECONDS(n)
#define MINUTES(n) SECONDS(60 * (n))
#define HOURS(n) MINUTES(60 * (n))
#define DAYS(n) HOURS(24 * (n))
#define KB(n) ((uint64_t)(n) << 10)
#define GB(n) ((uint64_t)(n) << 30)

/* The C type of each type's field. */
#define CTYPE_TEXT char *
#define CTYPE_SECRET char *
#define CTYPE_LIST struct conf_list
#define CTYPE_COUNT uint32_t
#define CTYPE_PERCENT uint32_t
#define CTYPE_PORT uint16_t
#define CTYPE_MODE uint32_t
#define CTYPE_BOOL bool
#define CTYPE_DURATION uint64_t
#define CTYPE_SIZE uint64_t
#define CTYPE_AUTH_TYPE enum auth_type
#define CTYPE_SIDE enum side
#define CTYPE_READS enum reads
#define CTYPE_FRESHNESS enum freshness
#define CTYPE_DRAIN_POLICY enum drain_policy
#define CTYPE_FENCE enum fence_policy
#define CTYPE_LOG_LEVEL enum log_level
#define CTYPE_SSLMODE enum tls_mode
#define CTYPE_SSLNEGOTIATION enum conf_sslnegotiation
#define CTYPE_BINDING enum channel_binding

/* The type and the place of a key's value; does not compile when the field has another C type. */
#define FIELD_OF(owner, value, field) \
    .type = VALUE_##value,            \
    .offset = offsetof(owner, field) * _Generic(((owner *)0)->field, CTYPE_##value : 1)

#include "conf/keys.def"

struct section {
    const char *name;
    const struct conf_key *keys;
    size_t keys_count;
    size_t base; /* where in struct conf the fields of its keys begin */
    const char *text;
};

/* clang-format off */
#define KEYS(table) .keys = (table), .keys_count = COUNT_OF(table)

static const struct section sections[CONF_SECTIONS_COUNT] = {
    [CONF_SECTION_TEAL] = {
        .name = "teal", KEYS(teal_keys),
        .text = "The proxy itself: where it listens, who may log in, its limits."},
    [CONF_SECTION_PAIR] = {
        .name = "pair", KEYS(pair_keys),
        .text = "The pair of servers, and how a cutover between them goes."},
    [CONF_SECTION_BLUE] = {
        .name = "blue", KEYS(node_keys), .base = offsetof(struct conf, node[SIDE_BLUE]),
        .text = "The server that is the writer at the beginning."},
    [CONF_SECTION_GREEN] = {
        .name = "green", KEYS(node_keys), .base = offsetof(struct conf, node[SIDE_GREEN]),
        .text = "The server that becomes the writer; the keys are those of [blue]."},
};
/* clang-format on */

#define ENTRIES_COUNT (COUNT_OF(teal_keys) + COUNT_OF(pair_keys) + 2 * COUNT_OF(node_keys))
_Static_assert(ENTRIES_COUNT <= CONF_ENTRIES_MAX, "the loader's table is large enough");

/* ---- sections ---- */

const char *
conf_section_name(enum conf_section section)
{
    CHECK(section < CONF_SECTIONS_COUNT);
    return sections[section].name;
}

const char *
conf_section_text(enum conf_section section)
{
    CHECK(section < CONF_SECTIONS_COUNT);
    return sections[section].text;
}

bool
conf_section_find(const char *name, enum conf_section *out)
{
    for (size_t i = 0; i < CONF_SECTIONS_COUNT; i++) {
        if (strcmp(sections[i].name, name) == 0) {
            *out = (enum conf_section)i;
            return true;
        }
    }
    return false;
}

/* ---- entries ---- */

size_t
conf_entries_count(void)
{
    return ENTRIES_COUNT;
}

struct conf_entry
conf_entry_at(size_t number)
{
    CHECK(number < ENTRIES_COUNT);
    size_t section = 0;
    size_t at = number;
    while (at >= sections[section].keys_count) {
        at -= sections[section++].keys_count;
    }
    return (struct conf_entry){number, (enum conf_section)section, &sections[section].keys[at]};
}

bool
conf_entry_find(enum conf_section section, const char *name, struct conf_entry *out)
{
    for (size_t i = 0; i < ENTRIES_COUNT; i++) {
        const struct conf_entry entry = conf_entry_at(i);
        if (entry.section == section && strcmp(entry.key->name, name) == 0) {
            *out = entry;
            return true;
        }
    }
    return false;
}

/* Only the keys of the sides say which section they belong to. */
static bool
is_shown_with_section(enum conf_section section)
{
    return section == CONF_SECTION_BLUE || section == CONF_SECTION_GREEN;
}

bool
conf_entry_find_shown(const char *name, struct conf_entry *out)
{
    for (size_t i = 0; i < CONF_SECTIONS_COUNT; i++) {
        const enum conf_section section = (enum conf_section)i;
        const char *rest = name;
        if (is_shown_with_section(section)) {
            const size_t len = strlen(sections[i].name);
            if (strncmp(name, sections[i].name, len) != 0 || name[len] != '.') {
                continue;
            }
            rest = name + len + 1;
        }
        if (conf_entry_find(section, rest, out)) {
            return true;
        }
    }
    return false;
}

void
conf_entry_put_shown(const struct conf_entry *entry, struct buf *out)
{
    if (is_shown_with_section(entry->section)) {
        buf_printf(out, "%s.", sections[entry->section].name);
    }
    buf_printf(out, "%s", entry->key->name);
}

/* ---- fields ---- */

void *
conf_field(struct conf *c, const struct conf_entry *entry)
{
    CHECK(entry->section < CONF_SECTIONS_COUNT);
    return (char *)c + sections[entry->section].base + entry->key->offset;
}

const void *
conf_field_const(const struct conf *c, const struct conf_entry *entry)
{
    CHECK(entry->section < CONF_SECTIONS_COUNT);
    return (const char *)c + sections[entry->section].base + entry->key->offset;
}

struct value_limits
conf_key_limits(const struct conf_key *key)
{
    CHECK(key->max == 0 || key->min <= key->max);
    return (struct value_limits){
        .min = key->min,
        .max = key->max,
        .empty_ok = key->default_text != NULL && key->default_text[0] == '\0',
    };
}
