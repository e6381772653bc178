/* names.h — how the parts of an estate are called: sections in mistakes, entries in SHOW CONFIG.
 *
 *                              in the file          in SHOW CONFIG and SET
 *     one pair without a name  [pair], [blue]       lag_max, blue.host
 *     pairs with names         [pair a], [blue a]   a.lag_max, a.blue.host */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_NAMES_H
#define TEAL_CONF_NAMES_H

#include "conf/keys.h"

enum { PAIR_NAME_MAX = 30, SECTION_LABEL_SIZE = PAIR_NAME_MAX + 16 };

/* False with err when the text cannot name a section's pair. */
MUST_CHECK bool pair_name_check(const char *name, struct err *err);
/* The number of the pair; false when there is none of the name. */
MUST_CHECK bool pair_find(const struct conf *c, const char *name, uint32_t *out);

/* "[blue]" or "[blue a]", in a buffer that the caller gives; "[blue]" for a pair that is not there.
 */
const char *section_label(const struct conf *c, enum conf_section section, uint32_t pair,
                          char label[SECTION_LABEL_SIZE]);

/* The name of an entry in SHOW CONFIG, and the other way round: false when there is none. */
void entry_name_put(const struct conf *c, const struct conf_entry *entry, struct buf *out);
MUST_CHECK bool entry_name_find(const struct conf *c, const char *name, struct conf_entry *out);

#endif
