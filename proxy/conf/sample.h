/* sample.h — the sample teal.ini, with every key at its default. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_SAMPLE_H
#define TEAL_CONF_SAMPLE_H

#include "base/buf.h"

/* The file config/teal.ini in the tree equals this output. */
void sample_print(struct buf *out);

#endif
