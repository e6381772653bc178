/* begin.h — a new flip: its identity, and every part that belongs to a flip as new. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_BEGIN_H
#define TEAL_CUTOVER_FLIP_BEGIN_H

#include <stdint.h>

#include "cutover/engine/record.h"
#include "model/side.h"

struct cutover;

/* Nothing of the last flip is left but the way back. */
void flip_begin(struct cutover *c, enum side to);
/* The flip of the record, which began at the epoch and may have touched the databases. */
void flip_begin_again(struct cutover *c, const struct record *record, uint64_t epoch);

#endif
