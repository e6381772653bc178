/* states.c — the names of states, events and steps. See states.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/types/states.h"

#include "base/check.h"

static const struct {
    const char *name;
    enum cutover_step step;
} states[CUTOVER_STATES_COUNT] = {
#define CUTOVER_STATE(id, name, step, sentence) [id] = {name, step},
#include "cutover/types/states.def"
};

static const char *const event_names[CUTOVER_EVENTS_COUNT] = {
#define CUTOVER_EVENT(id, name, sentence) [id] = name,
#include "cutover/types/states.def"
};

static const char *const step_names[CUTOVER_STEPS_COUNT] = {
#define CUTOVER_STEP(id, name) [id] = name,
#include "cutover/types/states.def"
};

const char *
cutover_state_name(enum cutover_state state)
{
    CHECK((unsigned)state < CUTOVER_STATES_COUNT);
    return states[state].name;
}

const char *
cutover_event_name(enum cutover_event event)
{
    CHECK((unsigned)event < CUTOVER_EVENTS_COUNT);
    return event_names[event];
}

const char *
cutover_step_name(enum cutover_step step)
{
    CHECK((unsigned)step < CUTOVER_STEPS_COUNT);
    return step_names[step];
}

enum cutover_step
cutover_state_step(enum cutover_state state)
{
    CHECK((unsigned)state < CUTOVER_STATES_COUNT);
    return states[state].step;
}
