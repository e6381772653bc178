/* effects.h — what a statement leaves behind in the session.
 *
 * It is tracked along (a setting, statements that are forgotten), or the session keeps its backend
 * from now on; and what may have written makes the session's reads follow the writer. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_EFFECTS_H
#define TEAL_SESSION_QUERY_EFFECTS_H

#include "session/state/session.h"

/* A statement of the class is sent. */
void effects_note_class(struct session *s, enum sql_class class);
/* A statement of this text with these traits is sent (simple), or bound (extended). */
void effects_note(struct session *s, uint32_t pins, enum sql_special special, struct slice text);
/* A text that nobody has read is sent. */
void effects_note_unread(struct session *s);

#endif
