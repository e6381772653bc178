/* keys.c — the table of keys. See keys.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/keys.h"

#include <string.h>

#define MS(n) (UINT64_C(n) * 1000)
#define US(seconds) (UINT64_C(seconds) * 1000000)
#define KB(n) (UINT64_C(n) << 10)
#define GB(n) (UINT64_C(n) << 30)
#define LIVE true
#define RESTART false
#define REQUIRED NULL

#define STRUCT_TEAL struct conf
#define STRUCT_PAIR struct conf
#define STRUCT_NODE struct conf_node

/* The C type of each kind's field. */
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
#define CTYPE_FENCE enum fence
#define CTYPE_LOG_LEVEL enum log_level
#define CTYPE_SSLMODE enum tls_mode
#define CTYPE_SSLNEGOTIATION enum conf_sslnegotiation
#define CTYPE_BINDING enum channel_binding

#define CONF_KEY(section, key, type, field, def, min, max, reload, sentence)                     \
    _Static_assert(_Generic(((STRUCT_##section *)0)->field, CTYPE_##type : 1, default : 0) == 1, \
                   key " has a field of another type");
#include "conf/keys.def"
#undef CONF_KEY

/* A value may be empty when it is so by default; REQUIRED has the size of a pointer. */
#define EMPTY_OK(def) (sizeof(def) == sizeof(""))

static const struct conf_key keys[] = {
#define CONF_KEY(section, key, type, field, def, min, max, reload, sentence)                  \
    {CONF_GROUP_##section,      key,    VALUE_##type, offsetof(STRUCT_##section, field), def, \
     {min, max, EMPTY_OK(def)}, reload, sentence},
#include "conf/keys.def"
#undef CONF_KEY
};

_Static_assert(COUNT_OF(keys) <= CONF_KEYS_MAX, "the loader's tables are large enough");

struct section {
    const char *name;
    enum conf_group group;
    size_t base; /* where in struct conf the fields of its rows begin */
};

static const struct section sections[CONF_SECTIONS_COUNT] = {
    [CONF_SECTION_TEAL] = {"teal", CONF_GROUP_TEAL, 0},
    [CONF_SECTION_PAIR] = {"pair", CONF_GROUP_PAIR, 0},
    [CONF_SECTION_BLUE] = {"blue", CONF_GROUP_NODE, offsetof(struct conf, node[SIDE_BLUE])},
    [CONF_SECTION_GREEN] = {"green", CONF_GROUP_NODE, offsetof(struct conf, node[SIDE_GREEN])},
};

const char *
conf_section_name(enum conf_section section)
{
    CHECK(section < CONF_SECTIONS_COUNT);
    return sections[section].name;
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

size_t
conf_keys_count(void)
{
    return COUNT_OF(keys);
}

const struct conf_key *
conf_key_at(size_t index)
{
    CHECK(index < COUNT_OF(keys));
    return &keys[index];
}

bool
conf_key_in(const struct conf_key *key, enum conf_section section)
{
    CHECK(section < CONF_SECTIONS_COUNT);
    return key->group == sections[section].group;
}

size_t
conf_key_find(enum conf_section section, const char *name)
{
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (conf_key_in(&keys[i], section) && strcmp(keys[i].name, name) == 0) {
            return i;
        }
    }
    return COUNT_OF(keys);
}

/* ---- the nearest name ---- */

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

/* Keeps the candidate when it is nearer than the best so far, and near at all: a third of its
 * letters. */
static void
nearest_try(const char *name, const char *candidate, size_t *best, const char **nearest)
{
    const size_t len = strlen(candidate);
    const size_t far = len < 3 ? 1 : len / 3;
    const size_t d = distance(name, candidate);
    if (d <= far && d < *best) {
        *best = d;
        *nearest = candidate;
    }
}

const char *
conf_key_nearest(enum conf_section section, const char *name)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    if (strlen(name) > NAME_MAX_LEN) {
        return NULL;
    }
    for (size_t i = 0; i < COUNT_OF(keys); i++) {
        if (conf_key_in(&keys[i], section)) {
            nearest_try(name, keys[i].name, &best, &nearest);
        }
    }
    return nearest;
}

const char *
conf_section_nearest(const char *name)
{
    const char *nearest = NULL;
    size_t best = SIZE_MAX;
    if (strlen(name) > NAME_MAX_LEN) {
        return NULL;
    }
    for (size_t i = 0; i < CONF_SECTIONS_COUNT; i++) {
        nearest_try(name, sections[i].name, &best, &nearest);
    }
    return nearest;
}

/* ---- fields ---- */

void *
conf_field(struct conf *c, const struct conf_key *key, enum conf_section section)
{
    CHECK(conf_key_in(key, section));
    return (char *)c + sections[section].base + key->offset;
}

const void *
conf_field_const(const struct conf *c, const struct conf_key *key, enum conf_section section)
{
    CHECK(conf_key_in(key, section));
    return (const char *)c + sections[section].base + key->offset;
}
