/* answers.h — one text from each side, and what one has that the other lacks.
 *
 * The preflight and the set-up ask both sides for a list, one thing a line, and compare. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_PREFLIGHT_ANSWERS_H
#define TEAL_CUTOVER_PREFLIGHT_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "cutover/types/rows.h"
#include "model/side.h"

struct answers {
    struct answer {
        bool known;  /* false: the text is the error */
        bool denied; /* not known, for our role may not ask */
        char *text;  /* owned */
    } of[SIDES_COUNT];
};

/* Keeps the first cell of the rows, or their error. */
void answers_take(struct answers *a, enum side side, const struct cutover_rows *rows);
void answers_fini(struct answers *a);
/* Puts the lines that one side has and the other lacks into out, at most ten of them; their number.
 * Cuts both texts up. */
size_t answers_missing(struct answers *a, enum side has, enum side lacks, struct buf *out);

#endif
