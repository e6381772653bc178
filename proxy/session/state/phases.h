/* phases.h — the phases of a session, and the steps between them: phases.def as a table. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_STATE_PHASES_H
#define TEAL_SESSION_STATE_PHASES_H

#include "base/buf.h"

enum session_phase {
#define SESSION_PHASE(id, name) id,
#include "session/state/phases.def"
#undef SESSION_PHASE
    SESSION_PHASES_COUNT,
};

enum session_event {
#define SESSION_EVENT(id, name) id,
#include "session/state/phases.def"
#undef SESSION_EVENT
    SESSION_EVENTS_COUNT,
};

const char *session_phase_name(enum session_phase phase);
/* Where the event leads from the phase. False when there is no such step. */
MUST_CHECK bool session_step(enum session_phase from, enum session_event event,
                             enum session_phase *to);

/* The steps as a Mermaid state diagram; the documentation shows exactly this. */
void session_print_phases(struct buf *out);

#endif
