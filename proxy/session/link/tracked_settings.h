/* tracked_settings.h — settings that a client changes, so that they follow it from backend to
 * backend.
 *
 * A lone SET outside a transaction is sent on like any statement; when the server has agreed, it
 * becomes part of the session's settings, as if the client had asked for it at start. What cannot
 * be tracked keeps its backend. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LINK_TRACKED_SETTINGS_H
#define TEAL_SESSION_LINK_TRACKED_SETTINGS_H

#include "session/state/session.h"

/* What the client set in its start-up packet: name NUL value NUL ... */
void tracked_begin(struct session *s, struct slice text);
void tracked_fini(struct session *s);

/* The statement text is about to be sent (simple), or bound (extended). True when it was taken as a
 * change of settings that can be tracked: then it need not pin. */
bool tracked_note(struct session *s, struct slice text);
/* The same of RESET ALL, which brings back the settings of the login. */
bool tracked_note_reset(struct session *s);
/* What was noted is executed: at once by a Query, and by an Execute behind its Bind. Without one it
 * does not take place. */
void tracked_execute(struct session *s);
/* Something else is asked for in the same batch, which may undo the change or commit it: then
 * nobody here can tell what becomes of it, and the session keeps its backend. */
void tracked_disturb(struct session *s);
/* Whether a change waits for the server's answer: nothing else is begun meanwhile. */
bool tracked_is_changing(const struct session *s);
/* The server has discarded all. It commits that at once (postgres.c,
 * XACT_FLAGS_NEEDIMMEDIATECOMMIT), whatever becomes of the rest of its batch. */
void tracked_discarded(struct session *s);
/* The server has answered everything, and agreed or not. */
void tracked_settle(struct session *s);

#endif
