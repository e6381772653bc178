/* lines.h — the lines of teal.ini, and what kind each of them is.
 *
 * Blanks around a line are taken off. A line that is neither empty nor a comment nor the head of a
 * section should say something about a key; lines_is_pair looks closer. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_LINES_H
#define TEAL_CONF_LINES_H

#include <stdbool.h>

#include "base/slice.h"
#include "conf/mistakes.h"

enum line_kind {
    LINE_NOTHING,  /* empty, a comment, or a mistake that was reported */
    LINE_HEAD,     /* [name]; see head */
    LINE_BAD_HEAD, /* it should be one; reported */
    LINE_VALUE,    /* anything else */
};

struct lines {
    const char *path;               /* borrowed */
    struct conf_mistakes *mistakes; /* borrowed */
    struct slice rest;              /* of the text; borrowed */
    unsigned number;                /* of `now`, from 1 */
    struct slice now;               /* the line without blanks around it; borrowed from the text */
    struct slice head;              /* what stands in the brackets of a head, without blanks */
};

/* All three must outlive the lines. */
void lines_init(struct lines *l, struct slice text, const char *path,
                struct conf_mistakes *mistakes);
/* Goes to the next line; false at the end. */
MUST_CHECK bool lines_next(struct lines *l, enum line_kind *kind);
/* Whether a line that is LINE_VALUE is "key = value", of at most len_max bytes; reported when not.
 */
MUST_CHECK bool lines_is_pair(struct lines *l, size_t len_max);
/* The text behind the equals sign of such a line, without blanks around it. */
struct slice lines_value(const struct lines *l);

#endif
