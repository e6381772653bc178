/* replay.h — a read that cannot be served where it was sent, and is sent again.
 *
 * A read goes to a follower because the classifier says that it is one, over a backend that is
 * read-only by construction. When the server refuses it because it writes after all, or gives way,
 * its messages go to the writer: once, and only while the server has not begun to answer. Answers
 * that say nothing yet (ParseComplete, RowDescription, ...) are kept back until then. When the
 * server goes away and its side has others, it is routed again as the read that it is, and waits
 * for one of them if need be. A write is never sent again. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_REPLAY_H
#define TEAL_SESSION_QUERY_REPLAY_H

#include "session/state/session.h"

/* The first message on a backend that was just linked. */
void replay_arm(struct session *s);
/* The message is sent; as the client sent it, so that it can be sent again. */
void replay_remember(struct session *s, struct slice bytes);
/* What was sent will not be sent again: the client gets the answers kept back. */
void replay_disarm(struct session *s);
/* The same when nothing of it shall reach the client: its backend is broken. */
void replay_abandon(struct session *s);
/* Whether it could be sent again now. */
bool replay_is_possible(const struct session *s);
/* It will be, when the server has come to the end of its answer. is_lost: the server goes away. */
void replay_begin(struct session *s, bool is_lost);
/* Where an answer goes that says nothing yet. */
struct buf *replay_answers(struct session *s);
/* The server is gone: what can be sent again will be. */
void replay_note_lost(struct session *s);
/* Puts the messages ahead of the input again; the backend is free of them. */
void replay_again(struct session *s);
/* The transaction has ended. */
void replay_end(struct session *s);
void replay_fini(struct session *s);

#endif
