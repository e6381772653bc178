/* lines.h — the lines of teal.ini: which of them are "key = value", and in which section.
 *
 * A line that is neither that, nor the head of a section, nor empty or a comment is a mistake,
 * which is reported here. Keys of an unknown section are skipped; the section itself is
 * reported. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_LINES_H
#define TEAL_CONF_LINES_H

#include <stdbool.h>

#include "base/slice.h"
#include "conf/keys.h"
#include "conf/mistakes.h"

struct lines {
    const char *path;               /* borrowed */
    struct conf_mistakes *mistakes; /* borrowed */
    struct slice rest;              /* of the text; borrowed */
    unsigned number;                /* of `now`, from 1 */
    struct slice now;               /* the line without blanks around it; borrowed from the text */
    bool section_any;               /* one was seen */
    bool section_known;
    enum conf_section section; /* of `now`, when it is known */
};

/* All three must outlive the lines. */
void lines_init(struct lines *l, struct slice text, const char *path,
                struct conf_mistakes *mistakes);
/* Goes to the next line; false at the end. *is_value: it is "key = value" in a known section, and
 * of at most len_max bytes. */
MUST_CHECK bool lines_next(struct lines *l, size_t len_max, bool *is_value);
/* The text behind the equals sign of a line that is a value, without blanks around it. */
struct slice lines_value(const struct lines *l);

#endif
