/* link.h — the backend that serves a session's transaction, from when to when.
 *
 *      unlinked --link_seek--> linked                      (an idle backend was there)
 *                        `---> waiting --> linked          (pool full, or connecting)
 *                        `---> held ----> looks again      (writes are held)
 *      linked --link_give_back--> unlinked                 (owes nothing, no transaction, no pin)
 *
 * A link is busy while a transaction is under way on it: that is what a cutover drains. A pinned
 * session keeps its backend between transactions, and is not busy then. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LINK_LINK_H
#define TEAL_SESSION_LINK_LINK_H

#include "session/state/session.h"

void link_init(struct session *s);
/* The router knows it from here on: the names are those of the identity. */
void link_identify(struct session *s, bool is_reader, uint32_t bucket);

/* Looks for a backend for a statement of the class: true when one is linked, false when the session
 * now waits. */
bool link_seek(struct session *s, enum sql_class class);
/* Whether it waits for a backend, or for the release of writes. */
bool link_waits(const struct session *s);
/* It waits no more, for whatever it waited; its statement was not begun. */
void link_abandon_wait(struct session *s);
/* It waits no more, but what it waited for is still wanted: it can be sought again. */
void link_stop_waiting(struct session *s);

/* A session that sits on its backend begins another transaction there. */
void link_begin_transaction(struct session *s);
/* The transaction has ended; with a write, reads follow the writer until a follower has it. */
void link_end_transaction(struct session *s, bool wrote);
/* The settings ahead of its messages have been answered. */
void link_settings_applied(struct session *s);

/* Whether nothing has been sent on the backend since it was linked; asked once. */
MUST_CHECK bool link_take_fresh(struct session *s);

/* The backend owes nothing but the answer to the settings that were put ahead. */
bool link_owes_only_settings(const struct session *s);
/* Nothing is on its way in either direction, and no transaction is open. */
bool link_is_quiet(const struct session *s);
/* Something that may call nextval is sent. */
void link_note_write(struct session *s);
/* Whether all of that was sent on this backend, and no other session has used it since: then
 * currval and lastval mean there what they mean in the session. */
bool link_has_sequence_state(const struct session *s);
/* Gives the backend back, or closes it when anything is left on it; harmless without one. */
void link_give_back(struct session *s);
/* Closes the backend: it is broken. */
void link_lose(struct session *s);
/* The server has closed the connection: reads avoid it for a moment, and what idles there is looked
 * at. Before link_lose. */
void link_server_is_lost(struct session *s);
/* What a session is told that idles on a backend, which it keeps, and has lost it. */
void link_say_lost_state(const struct session *s, const char *why, struct err *err);
/* Writes have moved away from the side that its backend is on: the session ends. */
void link_left_behind(struct session *s);
/* The backend does something that a transaction does not end: it is a walsender. */
void link_is_a_stream(struct session *s);

/* Waits until writes are released; it has waited since then. */
void link_hold(struct session *s, uint64_t since_us);
void link_unhold(struct session *s);
/* It is held again, and has waited since an earlier moment. */
void link_waited_since(struct session *s, uint64_t since_us);
/* The client was told that it waits. */
void link_told_wait(struct session *s);

/* The side of its backend; only while linked. */
enum side link_side(const struct session *s);

#endif
