/* phases.c — the phases of a session. See phases.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/state/phases.h"

static const struct session_step {
    enum session_phase from;
    enum session_event event;
    enum session_phase to;
    const char *reason;
} steps[] = {
#define SESSION_STEP(from, event, to, reason) {from, event, to, reason},
#include "session/state/phases.def"
#undef SESSION_STEP
};

static const char *const phase_names[SESSION_PHASES_COUNT] = {
#define SESSION_PHASE(id, name) [id] = name,
#include "session/state/phases.def"
#undef SESSION_PHASE
};

static const char *const event_names[SESSION_EVENTS_COUNT] = {
#define SESSION_EVENT(id, name) [id] = name,
#include "session/state/phases.def"
#undef SESSION_EVENT
};

const char *
session_phase_name(enum session_phase phase)
{
    CHECK(phase < SESSION_PHASES_COUNT);
    return phase_names[phase];
}

bool
session_step(enum session_phase from, enum session_event event, enum session_phase *to)
{
    if (event == SESSION_EV_ENDS) {
        *to = SESSION_ENDING;
        return from < SESSION_ENDING;
    }
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        if (steps[i].from == from && steps[i].event == event) {
            *to = steps[i].to;
            return true;
        }
    }
    return false;
}

static void
print_step(struct buf *out, const struct session_step *step)
{
    buf_printf(out, "    s%d --> s%d: %s, %s\n", (int)step->from, (int)step->to,
               event_names[step->event], step->reason);
}

void
session_print_phases(struct buf *out)
{
    buf_printf(out, "stateDiagram-v2\n");
    for (int i = 0; i < SESSION_PHASES_COUNT; i++) {
        buf_printf(out, "    state \"%s\" as s%d\n", phase_names[i], i);
    }
    for (size_t i = 0; i < COUNT_OF(steps); i++) {
        print_step(out, &steps[i]);
    }
    for (int i = 0; i < SESSION_ENDING; i++) {
        const struct session_step end = {(enum session_phase)i, SESSION_EV_ENDS, SESSION_ENDING,
                                         "it is over"};
        print_step(out, &end);
    }
}
