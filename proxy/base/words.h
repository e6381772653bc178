/* words.h — an enum whose values have names: both come from one list.
 *
 * The list is a macro of the values and their names, in the order of the enum. Everything else is
 * made from it:
 *
 *     #define READS_VALUES(X)          \
 *         X(READS_FOLLOW, "follow")    \
 *         X(READS_BLUE, "blue")        \
 *         X(READS_GREEN, "green")
 *
 *     enum reads { READS_VALUES(WORDS_VALUE) };
 *     enum { READS_COUNT = 0 READS_VALUES(WORDS_ONE) };
 *     static const char *const names[] = {READS_VALUES(WORDS_NAME)};
 *     READS_VALUES(WORDS_BAR)          "|follow|blue|green"
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_WORDS_H
#define TEAL_BASE_WORDS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"

#define WORDS_VALUE(value, name) value,
#define WORDS_ONE(value, name) +1
#define WORDS_NAME(value, name) [value] = name,
#define WORDS_BAR(value, name) "|" name

/* The index of the word among the names, whatever the case of its letters; false when it is none of
 * them. */
MUST_CHECK bool words_find(const char *const *names, size_t count, const char *word, unsigned *out);

#endif
