/* mistakes.h — what is wrong with a file of the configuration, each mistake with its line. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_MISTAKES_H
#define TEAL_CONF_MISTAKES_H

#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"

struct conf_mistake {
    char *file;    /* owned */
    unsigned line; /* from 1; 0 when the mistake is about the file as a whole */
    char *text;    /* owned; one sentence without the place */
};

/* Begin with = {0}. */
struct conf_mistakes {
    struct conf_mistake *items; /* owned */
    size_t count;
};

void conf_mistake_add(struct conf_mistakes *m, const char *file, unsigned line, const char *fmt,
                      ...) PRINTF_LIKE(4, 5);
/* Those from the index on by their lines, the ones about the whole file last; as they came where
 * equal. */
void conf_mistakes_sort(struct conf_mistakes *m, size_t first);
/* "FILE:LINE: TEXT\n" for each. */
void conf_mistakes_print(const struct conf_mistakes *m, struct buf *out);
void conf_mistakes_fini(struct conf_mistakes *m);

#endif
