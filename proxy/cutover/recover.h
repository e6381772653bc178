/* recover.h — start-up: which side is the writer, and what to do about an interrupted flip.
 *
 * Decided from the record and from what the sides say of themselves alone. Until it is decided,
 * writes are held and the sides are asked again each second. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_RECOVER_H
#define TEAL_CUTOVER_RECOVER_H

#include "cutover/types/states.h"

struct cutover;
struct recover;

struct recover *recover_new(void);
void recover_free(struct recover *r);

/* What the state starts with, and what follows the look. */
enum cutover_event recover_begin(struct cutover *c);
enum cutover_event recover_looked(struct cutover *c);

#endif
