/* functions.h — what is known of a function by its name.
 *
 * A function in a statement decides whether it is a read, so the built-in ones are rows of one
 * table (functions.def). The operator may add names (struct sql_extra); all others are unknown. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SQL_FUNCTIONS_H
#define TEAL_SQL_FUNCTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "sql/traits.h"

enum function_effect {
    FUNCTION_EFFECT_NONE,  /* its answer is all that it does */
    FUNCTION_EFFECT_WRITE, /* it does more than answer */
};

struct function_row {
    const char *name; /* static, as pg_proc spells it */
    enum function_effect effect;
    uint32_t pins; /* enum sql_pin: what it leaves behind in the session */
};

/* NULL when the name is unknown. Letters of an unquoted name compare without case (ASCII only, as
 * the server folds them); those of a quoted one as they are. */
const struct function_row *function_find(struct slice name, bool quoted);

/* All rows, sorted by name. */
const struct function_row *function_rows(uint32_t *count);

/* Functions that the operator declares to be reads, beside those that Teal knows. Immutable once
 * made. */
struct sql_extra;

/* list is the value of read_functions: "name, schema.name, ..."; names are taken in lower case. A
 * function that Teal knows to write stays a write. NULL and "" give an empty list. The caller owns
 * it: sql_extra_free. */
struct sql_extra *sql_extra_new(const char *list);
/* sql_extra_free(NULL) is fine. */
void sql_extra_free(struct sql_extra *extra);

/* Whether the operator named it: schema is empty for an unqualified call. Only names without quotes
 * can match. extra may be NULL. */
bool sql_extra_has(const struct sql_extra *extra, struct slice schema, struct slice name);

#endif
