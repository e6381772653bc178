/* value.c — the types of values. See value.h.
 *
 * One row a type: its name, its words where it is a choice, its unit where it is a number, and the
 * functions that read and write it. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/value.h"

#include <string.h>

#include "base/mem.h"
#include "base/words.h"
#include "conf/fields.h"
#include "conf/number.h"
#include "model/percent.h"

struct type;
typedef bool value_parse_fn(const struct type *type, const struct value_limits *limits,
                            const char *text, void *field, struct err *err);
typedef void value_format_fn(const struct type *type, const void *field, struct buf *out);

struct type {
    const char *name; /* in the manual */
    value_parse_fn *parse;
    value_format_fn *format;
    /* Of a choice; the index is the value. */
    const char *const *words;
    unsigned words_count;
    size_t size; /* of the field; 0 for what is owned */
    /* Of a number. */
    enum number_unit unit;
    uint32_t scale; /* the field holds so many times what is written */
};

static value_parse_fn text_parse;
static value_format_fn text_format;
static value_parse_fn list_parse;
static value_format_fn list_format;
static value_parse_fn whole_parse;
static value_format_fn whole_format;
static value_parse_fn port_parse;
static value_format_fn port_format;
static value_parse_fn bool_parse;
static value_format_fn bool_format;
static value_parse_fn choice_parse;
static value_format_fn choice_format;

static const char *const bool_words[] = {"no", "yes", "off", "on", "false", "true", "0", "1"};

/* clang-format off */
#define TEXT .parse = text_parse, .format = text_format
#define LIST .parse = list_parse, .format = list_format
#define BOOL .parse = bool_parse, .format = bool_format, .words = bool_words, .words_count = COUNT_OF(bool_words), .size = sizeof(bool)
#define WHOLE .parse = whole_parse, .format = whole_format
#define PORT .parse = port_parse, .format = port_format
/* The words of a list of values, and their names with bars between from the same list. */
#define CHOICE(VALUES) \
    .name = &(VALUES(WORDS_BAR))[1], .parse = choice_parse, .format = choice_format, \
    .words = (const char *const[]){VALUES(WORDS_NAME)}, .words_count = 0 VALUES(WORDS_ONE), \
    .size = sizeof(unsigned)

static const struct type types[VALUE_TYPES_COUNT] = {
    [VALUE_TEXT]     = {.name = "text", TEXT},
    [VALUE_SECRET]   = {.name = "secret", TEXT},
    [VALUE_LIST]     = {.name = "list", LIST},
    [VALUE_COUNT]    = {.name = "number", WHOLE, .unit = NUMBER_PLAIN, .size = sizeof(uint32_t), .scale = 1},
    [VALUE_PERCENT]  = {.name = "number", WHOLE, .unit = NUMBER_PLAIN, .size = sizeof(uint32_t), .scale = PERCENT_ONE},
    [VALUE_PORT]     = {.name = "port", PORT, .unit = NUMBER_PLAIN, .size = sizeof(uint16_t), .scale = 1},
    [VALUE_MODE]     = {.name = "mode", WHOLE, .unit = NUMBER_OCTAL, .size = sizeof(uint32_t), .scale = 1},
    [VALUE_BOOL]     = {.name = "yes|no", BOOL},
    [VALUE_DURATION] = {.name = "duration", WHOLE, .unit = NUMBER_DURATION, .size = sizeof(uint64_t), .scale = 1},
    [VALUE_SIZE]     = {.name = "size", WHOLE, .unit = NUMBER_SIZE, .size = sizeof(uint64_t), .scale = 1},

    [VALUE_AUTH_TYPE]      = {CHOICE(AUTH_TYPE_KEY_VALUES)},
    [VALUE_SIDE]           = {CHOICE(SIDE_VALUES)},
    [VALUE_READS]          = {CHOICE(READS_VALUES)},
    [VALUE_FRESHNESS]      = {CHOICE(FRESHNESS_VALUES)},
    [VALUE_DRAIN_POLICY]   = {CHOICE(DRAIN_VALUES)},
    [VALUE_FENCE]          = {CHOICE(FENCE_VALUES)},
    [VALUE_POOL_MODE]      = {CHOICE(POOL_MODE_VALUES)},
    [VALUE_PAIR_KIND]      = {CHOICE(PAIR_KIND_VALUES)},
    [VALUE_LOG_LEVEL]      = {CHOICE(LOG_LEVEL_VALUES)},
    [VALUE_SSLMODE]        = {CHOICE(TLS_MODE_VALUES)},
    [VALUE_SSLNEGOTIATION] = {CHOICE(CONF_SSLNEGOTIATION_VALUES)},
    [VALUE_BINDING]        = {CHOICE(CHANNEL_BINDING_VALUES)},
};
/* clang-format on */

_Static_assert(sizeof(enum reads) == sizeof(unsigned), "a choice is written as an unsigned");

bool
value_parse(enum value_type type, const struct value_limits *limits, const char *text, void *field,
            struct err *err)
{
    CHECK(type < VALUE_TYPES_COUNT);
    return types[type].parse(&types[type], limits, text, field, err);
}

void
value_format(enum value_type type, const void *field, struct buf *out)
{
    CHECK(type < VALUE_TYPES_COUNT);
    types[type].format(&types[type], field, out);
}

void
value_format_number(enum value_type type, uint64_t number, struct buf *out)
{
    CHECK(type < VALUE_TYPES_COUNT && types[type].scale > 0);
    number_format(types[type].unit, number, out);
}

static bool
is_text(enum value_type type)
{
    return type == VALUE_TEXT || type == VALUE_SECRET;
}

void
value_fini(enum value_type type, void *field)
{
    if (is_text(type)) {
        char **text = field;
        mem_wipe_free(*text, *text == NULL ? 0 : strlen(*text));
        *text = NULL;
    }
    if (type == VALUE_LIST) {
        conf_list_fini(field);
    }
}

static const char *
text_of(const void *field)
{
    const char *const *text = field;
    return *text == NULL ? "" : *text;
}

void
value_copy(enum value_type type, const void *from, void *to)
{
    CHECK(type < VALUE_TYPES_COUNT && from != to);
    value_fini(type, to);
    if (is_text(type)) {
        *(char **)to = xstrdup(text_of(from));
    } else if (type == VALUE_LIST) {
        conf_list_copy(from, to);
    } else {
        CHECK(types[type].size > 0);
        memcpy(to, from, types[type].size);
    }
}

bool
value_equal(enum value_type type, const void *a, const void *b)
{
    CHECK(type < VALUE_TYPES_COUNT);
    if (is_text(type)) {
        return strcmp(text_of(a), text_of(b)) == 0;
    }
    if (type == VALUE_LIST) {
        return conf_list_equal(a, b);
    }
    CHECK(types[type].size > 0);
    return memcmp(a, b, types[type].size) == 0;
}

const char *
value_type_name(enum value_type type)
{
    CHECK(type < VALUE_TYPES_COUNT);
    return types[type].name;
}

/* ---- texts and lists ---- */

static bool
text_parse(const struct type *type, const struct value_limits *limits, const char *text,
           void *field, struct err *err)
{
    (void)type;
    if (*text == '\0' && !limits->empty_ok) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "the value is empty");
    }
    char *copy = xstrdup(text);
    value_fini(VALUE_SECRET, field);
    *(char **)field = copy;
    return true;
}

static void
text_format(const struct type *type, const void *field, struct buf *out)
{
    (void)type;
    const char *const *text = field;
    if (*text != NULL) {
        buf_printf(out, "%s", *text);
    }
}

static bool
list_parse(const struct type *type, const struct value_limits *limits, const char *text,
           void *field, struct err *err)
{
    (void)type;
    (void)limits;
    return conf_list_parse(field, text, err);
}

static void
list_format(const struct type *type, const void *field, struct buf *out)
{
    (void)type;
    conf_list_format(field, out);
}

/* ---- numbers ---- */

static void
whole_store(const struct type *type, uint64_t number, void *field)
{
    if (type->size == sizeof(uint64_t)) {
        *(uint64_t *)field = number;
    } else if (type->size == sizeof(uint32_t)) {
        CHECK(number <= UINT32_MAX);
        *(uint32_t *)field = (uint32_t)number;
    } else {
        CHECK(type->size == sizeof(uint16_t) && number <= UINT16_MAX);
        *(uint16_t *)field = (uint16_t)number;
    }
}

static uint64_t
whole_load(const struct type *type, const void *field)
{
    return type->size == sizeof(uint64_t)   ? *(const uint64_t *)field
           : type->size == sizeof(uint32_t) ? *(const uint32_t *)field
                                            : *(const uint16_t *)field;
}

static bool
whole_parse(const struct type *type, const struct value_limits *limits, const char *text,
            void *field, struct err *err)
{
    uint64_t number = 0;
    CHECK(limits->max > 0 || type->size == sizeof(uint64_t)); /* what was parsed fits the field */
    if (!number_parse(type->unit, limits->min, limits->max, text, &number, err)) {
        return false;
    }
    whole_store(type, number * type->scale, field);
    return true;
}

static void
whole_format(const struct type *type, const void *field, struct buf *out)
{
    number_format(type->unit, whole_load(type, field) / type->scale, out);
}

/* A port may be left to another key: 0, written as nothing. */
static bool
port_parse(const struct type *type, const struct value_limits *limits, const char *text,
           void *field, struct err *err)
{
    if (*text == '\0' && limits->empty_ok) {
        whole_store(type, 0, field);
        return true;
    }
    return whole_parse(type, limits, text, field, err);
}

static void
port_format(const struct type *type, const void *field, struct buf *out)
{
    if (whole_load(type, field) != 0) {
        whole_format(type, field, out);
    }
}

/* ---- choices ---- */

/* The index of the word; false with the words that would have done. */
static bool
word_find(const struct type *type, const char *text, unsigned *out, struct err *err)
{
    for (unsigned i = 0; i < type->words_count; i++) {
        if (strcmp(type->words[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return err_set(err, SQLSTATE_CONFIG_FILE, "\"%.80s\" is none of %s", text, type->name);
}

static bool
bool_parse(const struct type *type, const struct value_limits *limits, const char *text,
           void *field, struct err *err)
{
    (void)limits;
    unsigned index = 0;
    if (!word_find(type, text, &index, err)) {
        return false;
    }
    *(bool *)field = index % 2 == 1;
    return true;
}

static void
bool_format(const struct type *type, const void *field, struct buf *out)
{
    buf_printf(out, "%s", type->words[*(const bool *)field ? 1 : 0]);
}

static bool
choice_parse(const struct type *type, const struct value_limits *limits, const char *text,
             void *field, struct err *err)
{
    (void)limits;
    unsigned index = 0;
    if (!word_find(type, text, &index, err)) {
        return false;
    }
    memcpy(field, &index, sizeof(index));
    return true;
}

static void
choice_format(const struct type *type, const void *field, struct buf *out)
{
    unsigned index = 0;
    memcpy(&index, field, sizeof(index));
    CHECK(index < type->words_count);
    buf_printf(out, "%s", type->words[index]);
}
