/* carry.h — settings that a client changes on its way, so that they follow it from backend to
 * backend.
 *
 * A lone SET outside a transaction is sent on like any statement; when the server has agreed, it
 * becomes part of the session's settings, as if the client had asked for it at start. What cannot
 * be carried keeps its backend. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_CARRY_H
#define TEAL_SESSION_CARRY_H

#include "base/slice.h"

struct session;

/* The statement text is about to be sent (simple), or bound (extended). True when it was taken as a
 * change of settings that can be carried: then it need not pin. */
bool carry_note(struct session *s, struct slice text);
/* DISCARD ALL or DEALLOCATE ALL is about to be sent: prepared statements go (relay.c hears when),
 * and with the former the settings. */
void carry_note_discard(struct session *s, bool settings_too);
/* A text of several statements whose last is RESET ALL is about to be sent. True when it is
 * carried, as carry_note(). */
bool carry_note_reset(struct session *s);
/* Whether a change waits for the server's answer: nothing else is begun meanwhile. */
bool carry_is_pending(const struct session *s);
/* The server has answered everything. */
void carry_settle(struct session *s);

#endif
