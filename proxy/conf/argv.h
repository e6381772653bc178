/* argv.h — a command as a list of words, as the value of a key.
 *
 * Words are separated by blanks. '...' keeps everything as it is; within "..." and outside of
 * quotes a backslash keeps the next character. That is all of a shell that there is: nothing is
 * expanded, and no shell ever sees it. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_ARGV_H
#define TEAL_CONF_ARGV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/check.h"
#include "base/err.h"

enum { ARGV_WORDS_MAX = 32 };

/* Begin with = {0}. */
struct argv {
    char *words[ARGV_WORDS_MAX + 1]; /* owned; NULL behind the last */
    size_t count;
};

/* False with err, and no words, when a quote is not closed, a backslash ends the text, there are
 * too many words, or none. */
MUST_CHECK bool argv_split(struct argv *argv, const char *text, struct err *err);
/* The first word is an absolute path of a file that may be executed; false with err. */
MUST_CHECK bool argv_check(const struct argv *argv, struct err *err);
void argv_fini(struct argv *argv);

#endif
