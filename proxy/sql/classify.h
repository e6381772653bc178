/* classify.h — what a statement does, as far as its text proves.
 *
 * One pass over the text, no allocation, no recursion. The classifier may only err towards the
 * writer: SQL_READ means that a read-only standby session would run it, and that Teal's own
 * knowledge finds no side effect; what is not understood (a parse that does not end, an unknown
 * function, invalid bytes, several statements that are not all reads) is SQL_WRITE. What it
 * says of a statement is described in traits.h.
 *
 * What a text cannot prove: a view, an operator, a cast or the notation row.f may call a function
 * that writes. Against these a read runs on a read-only backend.
 *
 * The text is read byte by byte, which is right in every encoding whose characters keep off the
 * ASCII bytes; what is not UTF-8 is SQL_WRITE. In the encodings that sql_encoding_is_safe refuses
 * (encoding.h) a backslash or a quote can be half of a character: do not ask about a text with
 * bytes beyond ASCII there. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SQL_CLASSIFY_H
#define TEAL_SQL_CLASSIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "sql/traits.h"

struct sql_extra; /* the operator's own functions, see functions.h */

/* extra: the operator's own functions; may be NULL and is only borrowed for the call. */
struct sql_traits sql_classify_with(struct slice text, const struct sql_extra *extra);

#endif
