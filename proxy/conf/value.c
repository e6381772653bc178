/* value.c — the kinds of values. See value.h.
 *
 * One row a kind: its name, its words where it is a choice, how it is read and written. Numbers are
 * read by hand: strtoull takes signs, blanks and overflow for granted, and none of these is a value
 * here. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/value.h"

#include <inttypes.h>
#include <string.h>

#include "base/digits.h"
#include "base/mem.h"
#include "conf/fields.h"
#include "model/percent.h"

struct kind;
typedef bool value_parse_fn(const struct kind *kind, const struct value_limits *limits,
                            const char *text, void *field, struct err *err);
typedef void value_format_fn(const struct kind *kind, const void *field, struct buf *out);

struct kind {
    const char *name;         /* in the manual */
    const char *const *words; /* of a choice, NULL behind the last; the index is the value */
    value_parse_fn *parse;
    value_format_fn *format;
};

struct unit {
    const char *name;
    uint64_t factor;
};

/* The first is what a number without a unit means; the rest from large to small. */
static const struct unit time_units[] = {
    {"", 1000000},  {"d", 86400000000}, {"h", 3600000000}, {"min", 60000000},
    {"s", 1000000}, {"ms", 1000},       {"us", 1},
};
static const struct unit size_units[] = {
    {"", 1}, {"GB", 1 << 30}, {"MB", 1 << 20}, {"kB", 1 << 10}, {"B", 1},
};

/* ---- numbers ---- */

static bool
bad(struct err *err, const char *text, const char *expected)
{
    return err_set(err, SQLSTATE_CONFIG_FILE, "\"%.80s\" is not %s", text, expected);
}

/* A number and one of the units, blanks between them allowed. */
static bool
quantity_parse(const char *text, const struct unit *units, size_t units_count, uint64_t *out)
{
    uint64_t number = 0;
    if (!digits_take(&text, 10, &number)) {
        return false;
    }
    text += strspn(text, " \t");
    for (size_t i = 0; i < units_count; i++) {
        if (strcmp(text, units[i].name) != 0) {
            continue;
        }
        if (number > UINT64_MAX / units[i].factor) {
            return false;
        }
        *out = number * units[i].factor;
        return true;
    }
    return false;
}

static bool
limits_check(enum value_kind kind, const struct value_limits *limits, const char *text,
             uint64_t value, struct err *err)
{
    if (value >= limits->min && (limits->max == 0 || value <= limits->max)) {
        return true;
    }
    struct buf range;
    buf_init(&range);
    value_format_number(kind, limits->min, &range);
    buf_printf(&range, " to ");
    value_format_number(kind, limits->max, &range);
    (void)err_set(err, SQLSTATE_CONFIG_FILE, "\"%.80s\" is outside the limits %.*s", text,
                  (int)buf_len(&range), (const char *)buf_slice(&range).p);
    buf_fini(&range);
    return false;
}

/* A whole number without a unit. */
static bool
plain_parse(enum value_kind kind, const struct value_limits *limits, const char *text,
            uint64_t *out, struct err *err)
{
    const char *at = text;
    const unsigned base = kind == VALUE_MODE ? 8 : 10;
    if (!digits_take(&at, base, out) || *at != '\0') {
        return bad(err, text, kind == VALUE_MODE ? "an octal number" : "a whole number");
    }
    return limits_check(kind, limits, text, *out, err);
}

static bool
count_parse(const struct kind *kind, const struct value_limits *limits, const char *text,
            void *field, struct err *err)
{
    (void)kind;
    uint64_t value = 0;
    CHECK(limits->max > 0 && limits->max <= UINT32_MAX);
    if (!plain_parse(VALUE_COUNT, limits, text, &value, err)) {
        return false;
    }
    *(uint32_t *)field = (uint32_t)value;
    return true;
}

static bool
percent_parse_whole(const struct kind *kind, const struct value_limits *limits, const char *text,
                    void *field, struct err *err)
{
    uint32_t whole = 0;
    CHECK(limits->max == PERCENT_ALL / PERCENT_ONE);
    if (!count_parse(kind, limits, text, &whole, err)) {
        return false;
    }
    *(uint32_t *)field = whole * PERCENT_ONE;
    return true;
}

static bool
mode_parse(const struct kind *kind, const struct value_limits *limits, const char *text,
           void *field, struct err *err)
{
    (void)kind;
    uint64_t value = 0;
    CHECK(limits->max > 0 && limits->max <= 07777);
    if (!plain_parse(VALUE_MODE, limits, text, &value, err)) {
        return false;
    }
    *(uint32_t *)field = (uint32_t)value;
    return true;
}

static bool
port_parse(const struct kind *kind, const struct value_limits *limits, const char *text,
           void *field, struct err *err)
{
    (void)kind;
    uint64_t value = 0;
    CHECK(limits->max > 0 && limits->max <= UINT16_MAX);
    const bool none = *text == '\0' && limits->empty_ok;
    if (!none && !plain_parse(VALUE_PORT, limits, text, &value, err)) {
        return false;
    }
    *(uint16_t *)field = (uint16_t)value;
    return true;
}

static bool
duration_parse(const struct kind *kind, const struct value_limits *limits, const char *text,
               void *field, struct err *err)
{
    (void)kind;
    uint64_t value = 0;
    if (!quantity_parse(text, time_units, COUNT_OF(time_units), &value)) {
        return bad(err, text, "a duration: a whole number and us, ms, s, min, h or d");
    }
    if (!limits_check(VALUE_DURATION, limits, text, value, err)) {
        return false;
    }
    *(uint64_t *)field = value;
    return true;
}

static bool
size_parse(const struct kind *kind, const struct value_limits *limits, const char *text,
           void *field, struct err *err)
{
    (void)kind;
    uint64_t value = 0;
    if (!quantity_parse(text, size_units, COUNT_OF(size_units), &value)) {
        return bad(err, text, "a size: a whole number and B, kB, MB or GB");
    }
    if (!limits_check(VALUE_SIZE, limits, text, value, err)) {
        return false;
    }
    *(uint64_t *)field = value;
    return true;
}

static void
count_format(const struct kind *kind, const void *field, struct buf *out)
{
    (void)kind;
    value_format_number(VALUE_COUNT, *(const uint32_t *)field, out);
}

static void
percent_format(const struct kind *kind, const void *field, struct buf *out)
{
    (void)kind;
    value_format_number(VALUE_PERCENT, *(const uint32_t *)field / PERCENT_ONE, out);
}

static void
mode_format(const struct kind *kind, const void *field, struct buf *out)
{
    (void)kind;
    value_format_number(VALUE_MODE, *(const uint32_t *)field, out);
}

static void
port_format(const struct kind *kind, const void *field, struct buf *out)
{
    (void)kind;
    const uint16_t port = *(const uint16_t *)field;
    if (port != 0) {
        value_format_number(VALUE_PORT, port, out);
    }
}

static void
duration_format(const struct kind *kind, const void *field, struct buf *out)
{
    (void)kind;
    value_format_number(VALUE_DURATION, *(const uint64_t *)field, out);
}

static void
size_format(const struct kind *kind, const void *field, struct buf *out)
{
    (void)kind;
    value_format_number(VALUE_SIZE, *(const uint64_t *)field, out);
}

/* In the largest unit, from `first` on, that leaves no fraction. */
static void
quantity_format(uint64_t value, const struct unit *units, size_t first, size_t units_count,
                struct buf *out)
{
    size_t i = first;
    while (i + 1 < units_count && (value == 0 || value % units[i].factor != 0)) {
        i++;
    }
    buf_printf(out, "%" PRIu64 "%s", value / units[i].factor, units[i].name);
}

void
value_format_number(enum value_kind kind, uint64_t number, struct buf *out)
{
    if (kind == VALUE_DURATION && number == 0) {
        buf_printf(out, "0s");
    } else if (kind == VALUE_DURATION) { /* in seconds where it can be: 90s says more than 1.5min */
        quantity_format(number, time_units, 4, COUNT_OF(time_units), out);
    } else if (kind == VALUE_SIZE) {
        quantity_format(number, size_units, 1, COUNT_OF(size_units), out);
    } else {
        buf_printf(out, kind == VALUE_MODE ? "%04" PRIo64 : "%" PRIu64, number);
    }
}

/* ---- texts ---- */

static void
text_set(char **field, const char *text)
{
    char *copy = xstrdup(text);
    if (*field != NULL) {
        mem_wipe_free(*field, strlen(*field));
    }
    *field = copy;
}

static bool
text_parse(const struct kind *kind, const struct value_limits *limits, const char *text,
           void *field, struct err *err)
{
    (void)kind;
    if (*text == '\0' && !limits->empty_ok) {
        return err_set(err, SQLSTATE_CONFIG_FILE, "the value is empty");
    }
    text_set(field, text);
    return true;
}

static void
text_format(const struct kind *kind, const void *field, struct buf *out)
{
    (void)kind;
    const char *const *text = field;
    if (*text != NULL) {
        buf_printf(out, "%s", *text);
    }
}

static void
list_add(struct conf_list *list, const char *p, size_t len)
{
    list->items = xrealloc(list->items, (list->count + 1) * sizeof(list->items[0]));
    list->items[list->count++] = xstrndup(p, len);
}

static bool
list_parse(const struct kind *kind, const struct value_limits *limits, const char *text,
           void *field, struct err *err)
{
    (void)kind;
    (void)limits;
    struct conf_list more = {NULL, 0};
    const char *p = text + strspn(text, " \t");
    bool ok = true;
    while (ok && *p != '\0') {
        size_t len = strcspn(p, ",");
        const char *next = p + len;
        while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t')) {
            len--;
        }
        ok = len > 0 && (*next == '\0' || next[1 + strspn(next + 1, " \t")] != '\0');
        list_add(&more, p, len);
        p = *next == '\0' ? next : next + 1 + strspn(next + 1, " \t");
    }
    if (!ok) {
        value_fini(VALUE_LIST, &more);
        return err_set(err, SQLSTATE_CONFIG_FILE,
                       "nothing stands before or after a comma in "
                       "\"%.80s\"",
                       text);
    }
    for (size_t i = 0; i < more.count; i++) {
        list_add(field, more.items[i], strlen(more.items[i]));
    }
    value_fini(VALUE_LIST, &more);
    return true;
}

static void
list_format(const struct kind *kind, const void *field, struct buf *out)
{
    (void)kind;
    const struct conf_list *list = field;
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", list->items[i]);
    }
}

/* ---- choices ---- */

#define SSLNEGOTIATION_VALUES(X)                \
    X(CONF_SSLNEGOTIATION_POSTGRES, "postgres") \
    X(CONF_SSLNEGOTIATION_DIRECT, "direct")

static const char *const bool_words[] = {"no", "yes", "off", "on", "false", "true", "0", "1", NULL};

_Static_assert(sizeof(enum reads) == sizeof(unsigned), "a choice is written as an unsigned");

/* The index of the word; false with the words that would have done. */
static bool
word_find(const struct kind *kind, const char *text, unsigned *out, struct err *err)
{
    for (unsigned i = 0; kind->words[i] != NULL; i++) {
        if (strcmp(kind->words[i], text) == 0) {
            *out = i;
            return true;
        }
    }
    return err_set(err, SQLSTATE_CONFIG_FILE, "\"%.80s\" is none of %s", text, kind->name);
}

static bool
choice_parse(const struct kind *kind, const struct value_limits *limits, const char *text,
             void *field, struct err *err)
{
    (void)limits;
    unsigned index = 0;
    if (!word_find(kind, text, &index, err)) {
        return false;
    }
    memcpy(field, &index, sizeof(index));
    return true;
}

static void
choice_format(const struct kind *kind, const void *field, struct buf *out)
{
    unsigned index = 0;
    memcpy(&index, field, sizeof(index));
    buf_printf(out, "%s", kind->words[index]);
}

static bool
bool_parse(const struct kind *kind, const struct value_limits *limits, const char *text,
           void *field, struct err *err)
{
    (void)limits;
    unsigned index = 0;
    if (!word_find(kind, text, &index, err)) {
        return false;
    }
    *(bool *)field = index % 2 == 1;
    return true;
}

static void
bool_format(const struct kind *kind, const void *field, struct buf *out)
{
    buf_printf(out, "%s", kind->words[*(const bool *)field ? 1 : 0]);
}

/* ---- the table ---- */

/* clang-format off */
/* The words of a list of values, and "blue|green" from the same list. */
#define CHOICE(VALUES) \
    {&(VALUES(WORDS_BAR))[1], (const char *const[]){VALUES(WORDS_NAME) NULL}, choice_parse, choice_format}

static const struct kind kinds[VALUE_KINDS_COUNT] = {
    [VALUE_TEXT]         = {"text", NULL, text_parse, text_format},
    [VALUE_SECRET]       = {"secret", NULL, text_parse, text_format},
    [VALUE_LIST]         = {"list", NULL, list_parse, list_format},
    [VALUE_COUNT]        = {"number", NULL, count_parse, count_format},
    [VALUE_PERCENT]      = {"number", NULL, percent_parse_whole, percent_format},
    [VALUE_PORT]         = {"port", NULL, port_parse, port_format},
    [VALUE_MODE]         = {"mode", NULL, mode_parse, mode_format},
    [VALUE_BOOL]         = {"yes|no", bool_words, bool_parse, bool_format},
    [VALUE_DURATION]     = {"duration", NULL, duration_parse, duration_format},
    [VALUE_SIZE]         = {"size", NULL, size_parse, size_format},
    [VALUE_AUTH_TYPE]    = CHOICE(AUTH_TYPE_KEY_VALUES),
    [VALUE_SIDE]         = CHOICE(SIDE_VALUES),
    [VALUE_READS]        = CHOICE(READS_VALUES),
    [VALUE_FRESHNESS]    = CHOICE(FRESHNESS_VALUES),
    [VALUE_DRAIN_POLICY] = CHOICE(DRAIN_VALUES),
    [VALUE_FENCE]        = CHOICE(FENCE_VALUES),
    [VALUE_LOG_LEVEL]    = CHOICE(LOG_LEVEL_VALUES),
    [VALUE_SSLMODE]      = CHOICE(TLS_MODE_VALUES),
    [VALUE_SSLNEGOTIATION] = CHOICE(SSLNEGOTIATION_VALUES),
    [VALUE_BINDING]      = CHOICE(CHANNEL_BINDING_VALUES),
};
/* clang-format on */

bool
value_parse(enum value_kind kind, const struct value_limits *limits, const char *text, void *field,
            struct err *err)
{
    CHECK(kind < VALUE_KINDS_COUNT);
    return kinds[kind].parse(&kinds[kind], limits, text, field, err);
}

void
value_format(enum value_kind kind, const void *field, struct buf *out)
{
    CHECK(kind < VALUE_KINDS_COUNT);
    kinds[kind].format(&kinds[kind], field, out);
}

void
value_fini(enum value_kind kind, void *field)
{
    if (kind == VALUE_TEXT || kind == VALUE_SECRET) {
        char **text = field;
        mem_wipe_free(*text, *text == NULL ? 0 : strlen(*text));
        *text = NULL;
    }
    if (kind == VALUE_LIST) {
        struct conf_list *list = field;
        for (size_t i = 0; i < list->count; i++) {
            mem_free(list->items[i]);
        }
        mem_free(list->items);
        *list = (struct conf_list){NULL, 0};
    }
}

const char *
value_kind_name(enum value_kind kind)
{
    CHECK(kind < VALUE_KINDS_COUNT);
    return kinds[kind].name;
}
