/* flip.h — which flip is under way: its id and epoch, from which side to which, of what kind.
 *
 * One generic flip from -> to serves cutover, rollback and cutover again. CHECK, PREPARE and FINISH
 * have one too: it names the sides that they are about. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_FLIP_H
#define TEAL_CUTOVER_FLIP_FLIP_H

#include <stdbool.h>
#include <stdint.h>

#include "cutover/engine/record.h"
#include "cutover/engine/script.h"
#include "cutover/types/config.h"
#include "cutover/types/job.h"
#include "cutover/types/kind.h"
#include "model/side.h"

struct flip {
    bool known;     /* false: there was none yet */
    uint64_t epoch; /* the old one; the flip makes epoch + 1 */
    uint64_t id;    /* positive as a bigint; 0 in a database says that no flip is armed */
    enum side from;
    enum side to;
    enum cutover_kind kind;
    enum drain_policy drain;
    bool strict;
    bool way_back_wanted;
    bool dry_run;
};

/* A new flip to the side, from the epoch of the route, as the configuration wants it. Only begin.c
 * calls it: the other parts begin anew with it. */
void flip_init(struct cutover *c, enum side to);
/* As the operator wants it. */
void flip_set_options(struct cutover *c, const struct cutover_options *options);
/* The flip is the one of the record, which began at the epoch. */
void flip_resume(struct cutover *c, const struct record *record, uint64_t epoch);
void flip_set_kind(struct cutover *c, enum cutover_kind kind);
/* The old side is to be closed to the applications as well. */
void flip_set_strict(struct cutover *c, bool strict);

/* For the tables. */
enum side flip_line_side(const struct cutover *c, enum line_side side);
line_applies_fn flip_is_physical, flip_is_logical, flip_is_one_way, flip_is_two_way, flip_is_strict,
    flip_is_dry_run, flip_is_external;
/* Teal itself drives the servers. */
line_applies_fn flip_is_own;
/* A promotion decides it, by whomever. */
line_applies_fn flip_is_promoted;

#endif
