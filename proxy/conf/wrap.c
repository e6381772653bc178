/* wrap.c — lines of the generated documents. See wrap.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/wrap.h"

#include <string.h>

#include "base/check.h"

size_t
wrap_len(const char *text, size_t columns)
{
    size_t len = strlen(text);
    if (len <= columns) {
        return len;
    }
    len = columns;
    while (len > 0 && text[len] != ' ') {
        len--;
    }
    CHECK(len > 0); /* no word of ours is so long */
    return len;
}
