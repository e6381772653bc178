/* messages.h — what a client may send: the limit of each type of message.
 *
 * The limits are PostgreSQL's own (postgres.c, SocketBackend), enforced here so that one client's
 * oversize message never costs a pooled backend. A type without a row is a protocol error. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_CLIENT_MESSAGES_H
#define TEAL_SESSION_CLIENT_MESSAGES_H

#include "session/state/session.h"
#include "wire/frame.h"

enum { MESSAGE_TYPES = 128 };

/* The message at the front of in. BAD: its type or its length is wrong; message_refuse says so. */
MUST_CHECK enum wire_result message_read(const struct session *s, struct slice in, struct frame *f);
/* Ends the session because of a message that is BAD. */
void message_refuse(struct session *s, struct slice in);
/* Whether enough of the message has arrived to be processed: of a long Bind or Parse the names, of
 * everything else that is read as a whole all of it. If not, the session awaits it. */
bool message_suffices(struct session *s, const struct frame *f);

#endif
