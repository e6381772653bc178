/* encoding.h — the bytes of a text: whether it is UTF-8, and whether its encoding may be read byte
 * by byte. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SQL_ENCODING_H
#define TEAL_SQL_ENCODING_H

#include <stdbool.h>

#include "base/check.h"
#include "base/slice.h"

/* Whether the text is UTF-8 throughout, as the server means it. */
bool sql_is_utf8(struct slice text);
/* The same, and whether it holds a backslash, in one pass. False when it holds a NUL; *backslash is
 * then false. */
MUST_CHECK bool sql_text_check(struct slice text, bool *utf8, bool *backslash);
/* Whether texts in the client_encoding may be classified: in some, a quote or a backslash can be
 * half of a character. */
bool sql_encoding_is_safe(const char *encoding);

#endif
