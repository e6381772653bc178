/* list.h — a list of words, as the value of a key. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_LIST_H
#define TEAL_CONF_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

/* Split at commas, without the blanks around the words. Begin with = {0}. */
struct conf_list {
    char **items; /* owned, and so is each item */
    size_t count;
};

/* Appends the words of the text. False with err, and the list as it was, when a word is empty; an
 * empty text has no words. */
MUST_CHECK bool conf_list_parse(struct conf_list *list, const char *text, struct err *err);
void conf_list_format(const struct conf_list *list, struct buf *out);
/* Into an empty one. */
void conf_list_copy(const struct conf_list *from, struct conf_list *to);
bool conf_list_equal(const struct conf_list *a, const struct conf_list *b);
bool conf_list_has(const struct conf_list *list, const char *word);
void conf_list_fini(struct conf_list *list);

#endif
