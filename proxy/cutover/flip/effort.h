/* effort.h — how hard a state that must not be given up has tried.
 *
 * Past the commit, and in an undo, there is one direction only. What holds writes is repeated for
 * ever, and the operator is told once (blocked); what happens behind them is tried so many times,
 * and then left to the tick. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_EFFORT_H
#define TEAL_CUTOVER_FLIP_EFFORT_H

#include <stdbool.h>
#include <stdint.h>

struct cutover;

struct effort {
    uint32_t tries; /* of AFTER or UNDO_AFTER that failed */
    bool blocked;   /* the operator was told */
};

void effort_clear(struct cutover *c);
/* For the tick: one try, and no more. */
void effort_last(struct cutover *c);

/* For the tables. */
bool effort_is_left(const struct cutover *c);
void effort_try(struct cutover *c);
/* Ends the command with an error; the machine goes on. */
void effort_blocked(struct cutover *c);

#endif
