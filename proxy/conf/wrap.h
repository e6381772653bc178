/* wrap.h — lines of the generated documents. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_WRAP_H
#define TEAL_CONF_WRAP_H

#include <stddef.h>

/* How much of the text goes into one line, broken at a blank. */
size_t wrap_len(const char *text, size_t columns);

#endif
