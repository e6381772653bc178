/* value.h — the types of values that a key may have: from text, to text, and how the manual calls
 * them.
 *
 * A field is the place of the value in struct conf. Its C type goes with the type of the value
 * (keys.c asserts it). */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_VALUE_H
#define TEAL_CONF_VALUE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum value_type {
    VALUE_TEXT,     /* char *, owned */
    VALUE_SECRET,   /* char *, owned, never shown */
    VALUE_LIST,     /* struct conf_list */
    VALUE_COUNT,    /* uint32_t */
    VALUE_PERCENT,  /* uint32_t, hundredths; written, and limited, in whole percent */
    VALUE_PORT,     /* uint16_t; 0 is written as nothing */
    VALUE_MODE,     /* uint32_t, octal */
    VALUE_BOOL,     /* bool */
    VALUE_DURATION, /* uint64_t, microseconds */
    VALUE_SIZE,     /* uint64_t, bytes */
    /* Choices: the enum of the same name, see conf/fields.h. */
    VALUE_AUTH_TYPE,
    VALUE_SIDE,
    VALUE_READS,
    VALUE_FRESHNESS,
    VALUE_DRAIN_POLICY,
    VALUE_FENCE,
    VALUE_POOL_MODE,
    VALUE_PAIR_KIND,
    VALUE_LOG_LEVEL,
    VALUE_SSLMODE,
    VALUE_SSLNEGOTIATION,
    VALUE_BINDING,
    VALUE_TYPES_COUNT,
};

/* What else a value must obey. */
struct value_limits {
    uint64_t min;
    uint64_t max; /* 0: none */
    bool empty_ok;
};

/* Sets the field, freeing what it held; a list grows. False with err, and the field as it was, when
 * the text is not such a value. The text of a secret is never repeated in err. */
MUST_CHECK bool value_parse(enum value_type type, const struct value_limits *limits,
                            const char *text, void *field, struct err *err);
/* Appends the text that value_parse reads back; secrets too. */
void value_format(enum value_type type, const void *field, struct buf *out);
/* The same of a plain number, for limits. */
void value_format_number(enum value_type type, uint64_t number, struct buf *out);
/* Makes the one what the other is, freeing what it held. */
void value_copy(enum value_type type, const void *from, void *to);
bool value_equal(enum value_type type, const void *a, const void *b);
/* Frees, and wipes a secret. */
void value_fini(enum value_type type, void *field);
/* "duration", "follow|blue|green", ... */
const char *value_type_name(enum value_type type);

#endif
