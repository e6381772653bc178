/* states.h — the states, events and steps of a cutover as enums, and their names.
 *
 * The rows are in states.def. The engine takes them as they come: it tells apart only the outcomes
 * that any state may have (none, ok, again, no, fail, unknown, late, abort). What a state does, and
 * which event leads where, is in tables.c. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_TYPES_STATES_H
#define TEAL_CUTOVER_TYPES_STATES_H

enum cutover_state {
#define CUTOVER_STATE(id, name, step, sentence) id,
#include "cutover/types/states.def"
    CUTOVER_STATES_COUNT,
};

enum cutover_event {
#define CUTOVER_EVENT(id, name, sentence) id,
#include "cutover/types/states.def"
    CUTOVER_EVENTS_COUNT,
};

/* The steps that the operator sees, in their order; a step is one or more states. */
enum cutover_step {
#define CUTOVER_STEP(id, name) id,
#include "cutover/types/states.def"
    CUTOVER_STEPS_COUNT,
};

/* All are borrowed for ever. */
const char *cutover_state_name(enum cutover_state state);
const char *cutover_event_name(enum cutover_event event);
const char *cutover_step_name(enum cutover_step step);
enum cutover_step cutover_state_step(enum cutover_state state);

#endif
