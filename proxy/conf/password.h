/* password.h — a password in a file of its own. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_PASSWORD_H
#define TEAL_CONF_PASSWORD_H

#include "base/err.h"

/* The first line of a plain file that nobody but its owner may read; the caller owns and wipes it.
 * NULL with err when the file is not like that. */
MUST_CHECK char *password_load(const char *path, struct err *err);

#endif
