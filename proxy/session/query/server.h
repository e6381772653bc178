/* server.h — messages on their way to the session's backend, and what they leave in its flow.
 *
 * Every message that will be answered leaves an entry in the flow, in the order of sending; what
 * Teal answers for the server has its place there too, and is answered when its turn has come. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_QUERY_SERVER_H
#define TEAL_SESSION_QUERY_SERVER_H

#include "session/query/about.h"
#include "session/state/session.h"

/* Sends bytes of the client on, from where they are. */
void server_pass(struct session *s, struct slice bytes);
/* The queue for messages that Teal makes itself. */
struct buf *server_queue(struct session *s);
/* The message just sent, or answered here in its place (FLOW_LOCAL), will be answered. */
void server_owe(struct session *s, enum flow_kind kind, enum flow_action action,
                struct flow_tag tag);
/* Whether the server skips what is sent now, because of an error before it: then it changes nothing
 * here either. */
bool server_skips(const struct session *s);
/* Gives the client what Teal answers for the server, as far as its turn has come. */
void server_answer_local(struct session *s);
/* Whether so much is on its way that no more is processed for it. */
bool server_is_full(const struct session *s);
/* Sends what there is. True when that made room where there was none. A connection that turns out
 * to be broken stays writable, and relay.c hears of it. */
bool server_send(struct session *s);

#endif
