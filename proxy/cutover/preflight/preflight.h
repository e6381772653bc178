/* preflight.h — the preflight: what must hold before writes may move, asked in plain SQL.
 *
 * A check about what is in a database is asked in every database, one about the server once. One
 * row a check in checks.def: id, name, what it blocks, to which kinds and sides it applies, the
 * SQL, the evaluation, and how to fix it. All findings are reported at once, with value and limit.
 * CHECK shows them; a flip runs the same rows and refuses when one that blocks has failed. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_PREFLIGHT_PREFLIGHT_H
#define TEAL_CUTOVER_PREFLIGHT_PREFLIGHT_H

#include "cutover/engine/script.h"

struct preflight;

struct preflight *preflight_new(void);
void preflight_free(struct preflight *p);

/* What the state starts with, and what follows a look and a check. */
enum cutover_event preflight_begin(struct cutover *c);
enum cutover_event preflight_looked(struct cutover *c);
enum cutover_event preflight_asked(struct cutover *c);

/* Lines: the check that it has come to, on each side and in each database that it is about. */
line_wants_fn preflight_asks;
line_write_fn preflight_write_from, preflight_write_to;
line_judge_fn preflight_judge;

#endif
