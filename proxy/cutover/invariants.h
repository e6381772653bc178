/* invariants.h — what holds in each state of a cutover; asserted whenever the state changes. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_INVARIANTS_H
#define TEAL_CUTOVER_INVARIANTS_H

struct cutover;

void invariants_check(const struct cutover *c);

#endif
