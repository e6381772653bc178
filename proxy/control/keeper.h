/* keeper.h — keeps what the operator has said in a file, so that a restart goes on with it.
 *
 * The file is STATE_FILE.operator, beside the record and apart from it: see proxy/README.md. It is
 * replaced as a whole whenever somebody puts something, before the operator has an answer; one that
 * cannot be written is logged, tried again each second, and told to the operator. A file that
 * cannot be read at the start is logged, and Teal goes on by the configuration.
 *
 * The parts of the control thread put here what they are told, and ask here once, at the start. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_KEEPER_H
#define TEAL_CONTROL_KEEPER_H

#include "control/wishes.h"

struct keeper;

/* Reads the file; afterwards nobody else may write it. What it says of pairs other than these,
 * which are borrowed for the call, is dropped. */
struct keeper *keeper_new(const char *state_file, const char *const *pairs, uint32_t pairs_count);
/* NULL is fine. */
void keeper_free(struct keeper *k);

/* What was found or put; borrowed until the next put. */
const struct wishes *keeper_wishes(const struct keeper *k);
/* Of the pair; never NULL: nothing when nothing is wished. Borrowed in the same way. */
const struct wishes_pair *keeper_pair(const struct keeper *k, const char *pair);

/* All is copied. */
void keeper_put_reads(struct keeper *k, const char *pair, const struct wish_reads *reads);
void keeper_put_hold(struct keeper *k, const char *pair, const struct wish_hold *hold);
void keeper_put_paused(struct keeper *k, bool paused);
/* Of one database, by the name that clients use. False with err (54000), and nothing has changed,
 * when there are too many. */
MUST_CHECK bool keeper_put_stop(struct keeper *k, const struct view_stop *stop, struct err *err);
/* In the place of all before. */
void keeper_put_sets(struct keeper *k, const struct wish_set *sets, uint32_t count);

/* NULL when all that was put stands in the file; else the path, which could not be written. */
const char *keeper_unwritten(const struct keeper *k);
/* Each second: what could not be written is tried again. */
void keeper_tick(struct keeper *k);

#endif
