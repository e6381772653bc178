/* ha.h — keeps whoever fails over by itself still during a flip: pause_ha before it, resume_ha
 * behind.
 *
 * Patroni and its like promote and demote as they see fit; in the middle of a flip that would be a
 * second hand at the wheel. The record says so before pause_ha runs, and until resume_ha has run:
 * whatever happens in between, a crash too, resume_ha is called at the end, and again each ten
 * seconds while it fails. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_HA_H
#define TEAL_CUTOVER_FLIP_HA_H

#include <stdbool.h>
#include <stdint.h>

#include "cutover/engine/script.h"

struct ha {
    void (*ending)(
        struct cutover *c); /* how the flip ends when it is resumed; NULL: it has ended */
    uint64_t again_at_us;   /* after a failure: not before */
    bool doubt; /* pause_ha failed, and may yet have an effect: one resume_ha is not enough */
};

/* How the flip is to end behind resume_ha. */
void ha_set_ending(struct cutover *c, void (*ending)(struct cutover *c));
/* resume_ha failed: it is tried again later. */
void ha_failed(struct cutover *c);

/* Rows, and the tick. */
bool ha_is_paused(const struct cutover *c);
bool ha_is_due(const struct cutover *c);

/* Lines. */
line_applies_fn ha_wants_pause;
line_call_fn ha_call_paused, ha_call_resumed; /* the record */
line_answer_fn ha_judge_pause, ha_judge_resume;

#endif
