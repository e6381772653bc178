/* load.h — a configuration from teal.ini, or all that is wrong with the file.
 *
 * A file is accepted whole or not at all: the result is NULL when there is any mistake, and then at
 * least one was added. The mistakes are in the order of their lines, those about the whole file
 * last. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_LOAD_H
#define TEAL_CONF_LOAD_H

#include "conf/conf.h"
#include "conf/mistakes.h"

/* Reads the file, and the password files that it names. The caller owns the one reference. */
MUST_CHECK struct conf *conf_load(const char *path, struct conf_mistakes *mistakes);
/* The same from text; path is the name that mistakes show. */
MUST_CHECK struct conf *conf_load_string(const char *text, const char *path,
                                         struct conf_mistakes *mistakes);

#endif
