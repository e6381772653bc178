/* words.c — the value of a name. See words.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/words.h"

#include <strings.h>

bool
words_find(const char *const *names, size_t count, const char *word, unsigned *out)
{
    *out = 0;
    for (unsigned i = 0; i < count; i++) {
        CHECK(names[i] != NULL); /* the list leaves no value out */
        if (strcasecmp(names[i], word) == 0) {
            *out = i;
            return true;
        }
    }
    return false;
}
