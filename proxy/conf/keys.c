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
#define CTYPE_POOL_MODE enum pool_mode
#define CTYPE_PAIR_KIND enum pair_kind
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
        .text = "A pair of clusters, and how a cutover between them goes."},
    [CONF_SECTION_BLUE] = {
        .name = "blue", KEYS(side_keys),
        .text = "The cluster that is the writer at the beginning."},
    [CONF_SECTION_GREEN] = {
        .name = "green", KEYS(side_keys),
        .text = "The cluster that becomes the writer; the keys are those of [blue]."},
    [CONF_SECTION_DATABASES] = {
        .name = "databases", KEYS(database_keys),
        .text = "Names of databases as clients say them, each with what is special to it."},
};
/* clang-format on */

/* Of a pair, and of all. */
#define PAIR_ENTRIES (COUNT_OF(pair_keys) + 2 * COUNT_OF(side_keys))
#define ENTRIES(pairs) (COUNT_OF(teal_keys) + (size_t)(pairs)*PAIR_ENTRIES)
_Static_assert(ENTRIES(PAIRS_MAX) <= CONF_ENTRIES_MAX, "the loader's table is large enough");

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

bool
conf_section_is_of_pair(enum conf_section section)
{
    CHECK(section < CONF_SECTIONS_COUNT);
    return section != CONF_SECTION_TEAL && section != CONF_SECTION_DATABASES;
}

enum conf_section
conf_section_of(enum side side)
{
    CHECK((size_t)side < SIDES_COUNT);
    return side == SIDE_BLUE ? CONF_SECTION_BLUE : CONF_SECTION_GREEN;
}

const struct conf_key *
conf_section_keys(enum conf_section section, size_t *count)
{
    CHECK(section < CONF_SECTIONS_COUNT);
    *count = sections[section].keys_count;
    return sections[section].keys;
}

const struct conf_key *
conf_section_key(enum conf_section section, const char *name)
{
    CHECK(section < CONF_SECTIONS_COUNT);
    for (size_t i = 0; i < sections[section].keys_count; i++) {
        if (strcmp(sections[section].keys[i].name, name) == 0) {
            return &sections[section].keys[i];
        }
    }
    return NULL;
}

/* ---- entries ---- */

/* The number of the first entry of a section. */
static size_t
first_entry(enum conf_section section, uint32_t pair)
{
    CHECK(section != CONF_SECTION_DATABASES && pair < PAIRS_MAX);
    size_t first = section == CONF_SECTION_TEAL ? 0 : ENTRIES(pair);
    for (size_t i = CONF_SECTION_PAIR; i < section; i++) {
        first += sections[i].keys_count;
    }
    return first;
}

size_t
conf_entries_count(uint32_t pairs_count)
{
    CHECK(pairs_count <= PAIRS_MAX);
    return ENTRIES(pairs_count);
}

struct conf_entry
conf_entry_at(size_t number)
{
    CHECK(number < ENTRIES(PAIRS_MAX));
    if (number < COUNT_OF(teal_keys)) {
        return (struct conf_entry){number, CONF_SECTION_TEAL, 0, &teal_keys[number]};
    }
    const size_t behind = number - COUNT_OF(teal_keys);
    size_t at = behind % PAIR_ENTRIES;
    size_t section = CONF_SECTION_PAIR;
    while (at >= sections[section].keys_count) {
        at -= sections[section++].keys_count;
    }
    return (struct conf_entry){number, (enum conf_section)section,
                               (uint32_t)(behind / PAIR_ENTRIES), &sections[section].keys[at]};
}

bool
conf_entry_find(enum conf_section section, uint32_t pair, const char *name, struct conf_entry *out)
{
    const struct conf_key *key = conf_section_key(section, name);
    if (key == NULL) {
        return false;
    }
    *out = (struct conf_entry){
        .number = first_entry(section, pair) + (size_t)(key - sections[section].keys),
        .section = section,
        .pair = pair,
        .key = key,
    };
    return true;
}

/* ---- fields ---- */

/* What the fields of an entry are fields of. */
static const char *
owner_of(const struct conf *c, const struct conf_entry *entry)
{
    if (entry->section == CONF_SECTION_TEAL) {
        return (const char *)c;
    }
    CHECK(conf_section_is_of_pair(entry->section) && entry->pair < c->pairs_count);
    const struct conf_pair *pair = &c->pairs[entry->pair];
    if (entry->section == CONF_SECTION_PAIR) {
        return (const char *)pair;
    }
    return (const char *)&pair->side[entry->section == CONF_SECTION_BLUE ? SIDE_BLUE : SIDE_GREEN];
}

const void *
conf_field_const(const struct conf *c, const struct conf_entry *entry)
{
    return owner_of(c, entry) + entry->key->offset;
}

void *
conf_field(struct conf *c, const struct conf_entry *entry)
{
    /* The configuration may be written to, so its fields may. */
    union {
        const void *read;
        void *write;
    } field = {.read = conf_field_const(c, entry)};
    return field.write;
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
