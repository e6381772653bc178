/* preflight.h — the preflight: what must hold before writes may move, asked in plain SQL.
 *
 * One row a check: id, name, what it blocks, to which kinds and sides it applies, the SQL, the
 * evaluation, and how to mend it. All findings are reported at once, with value and limit. A flip
 * runs the same rows and refuses when one that blocks has failed. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_PREFLIGHT_H
#define TEAL_CUTOVER_PREFLIGHT_H

#include <stddef.h>

#include "cutover/cutover.h"

/* The number of rows, and their ids and sentences, for the documentation. */
size_t check_count(void);
const char *check_id(size_t at);
const char *check_name(size_t at);
bool check_blocks(size_t at);
const char *check_hint(size_t at);

#endif
