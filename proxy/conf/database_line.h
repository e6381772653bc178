/* database_line.h — a line of [databases]: the name that clients say, and what is special to it.
 *
 *     name = dbname=x pool_size=20 auth_query='select ''a'' ...'   ; comment
 *     "a name" = ...         with characters other than letters, digits, _, . and -
 *     * = ...                every name that is not listed
 *
 * The syntax is that of PgBouncer's [databases], and so are the words. Each of its options is
 * either a row of database_keys in keys.def, or refused with a reason of its own. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_DATABASE_LINE_H
#define TEAL_CONF_DATABASE_LINE_H

#include "base/slice.h"
#include "conf/conf.h"
#include "conf/mistakes.h"

enum {
    /* Names of databases have at most this many bytes in PostgreSQL. */
    DATABASE_NAME_MAX = 63,
    /* In one configuration. */
    ALIASES_MAX = 4096,
};

/* Adds the database, or sets the rest; a mistake in the line is added with its number. */
void database_line_read(struct conf *c, struct slice line, unsigned number,
                        struct conf_mistakes *mistakes);

#endif
