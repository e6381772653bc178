/* manual.h — the manual page teal.ini(5). */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_MANUAL_H
#define TEAL_CONF_MANUAL_H

#include "base/buf.h"

/* The file config/man/teal.ini.5 in the tree equals this output. */
void manual_print(struct buf *out);

#endif
