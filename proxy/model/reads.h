/* reads.h — which side serves the reads: one of the two, or wherever the writes go. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_READS_H
#define TEAL_MODEL_READS_H

#include <stdbool.h>

#include "base/check.h"
#include "base/words.h"
#include "model/side.h"

#define READS_VALUES(X)       \
    X(READS_FOLLOW, "follow") \
    X(READS_BLUE, "blue")     \
    X(READS_GREEN, "green")

enum reads { READS_VALUES(WORDS_VALUE) };
enum { READS_COUNT = 0 READS_VALUES(WORDS_ONE) };

/* "follow", "blue" or "green". */
const char *reads_name(enum reads reads);
/* False when the word is none of them. */
MUST_CHECK bool reads_parse(const char *word, enum reads *out);
/* The side that the reads go to while the writes go to writer. */
enum side reads_side(enum reads reads, enum side writer);

#endif
