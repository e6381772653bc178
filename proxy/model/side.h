/* side.h — the two sides of a pair. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_SIDE_H
#define TEAL_MODEL_SIDE_H

#include <stdbool.h>

#include "base/check.h"

enum side { SIDE_BLUE, SIDE_GREEN };
enum { SIDES_COUNT = 2 };

/* "blue" or "green". */
const char *side_name(enum side side);
enum side side_other(enum side side);
/* False when the word is neither. */
MUST_CHECK bool side_parse(const char *word, enum side *out);

#endif
