/* origin.h — where in its file a configuration says what it says: the lines that mistakes name. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_ORIGIN_H
#define TEAL_CONF_ORIGIN_H

#include "conf/keys.h"

/* A line is 0 when the file has none such. The lines of databases stand in struct conf_database. */
struct conf_origin {
    const char *path;                               /* borrowed */
    unsigned lines[CONF_ENTRIES_MAX];               /* of each entry */
    unsigned heads[PAIRS_MAX][CONF_SECTIONS_COUNT]; /* of "[pair NAME]" and its like */
};

/* The line of a key, which there is. pair: of a section of pairs. */
unsigned origin_line(const struct conf_origin *origin, enum conf_section section, uint32_t pair,
                     const char *key);

#endif
