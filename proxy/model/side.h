/* side.h — the two sides of a pair. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_SIDE_H
#define TEAL_MODEL_SIDE_H

#include <stdbool.h>

#include "base/check.h"
#include "base/words.h"

#define SIDE_VALUES(X)   \
    X(SIDE_BLUE, "blue") \
    X(SIDE_GREEN, "green")

/* Also the index of a side in arrays of SIDES_COUNT. */
enum side { SIDE_VALUES(WORDS_VALUE) };
enum { SIDES_COUNT = 0 SIDE_VALUES(WORDS_ONE) };

/* "blue" or "green". */
const char *side_name(enum side side);
enum side side_other(enum side side);
/* False when the word is neither. */
MUST_CHECK bool side_parse(const char *word, enum side *out);

#endif
