/* client.h — the wire to the client: what it has sent, and what goes to it.
 *
 *      fresh (received in this turn) or in (kept)  --client_input-->   processed message by message
 *      out: outlet                                 --client_send-->    the client's socket
 *
 * Bytes are framed where they were received. Whatever could not be processed (half a message, one
 * whose backend is not there yet) is kept in `in`, whose length is bounded by not reading any more.
 * When the client takes no more answers while what it asked for is still being finished, its write
 * side is closed: answers are read and discarded. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_CLIENT_CLIENT_H
#define TEAL_SESSION_CLIENT_CLIENT_H

#include "session/state/session.h"

/* Takes the descriptor; ready is the stream's callback, with the session as its argument. */
void client_init(struct session *s, int fd, const char *peer, bool is_local, watch_fn *ready);
/* Sends once what is queued, and closes the socket. */
void client_close(struct session *s);
void client_fini(struct session *s);

/* Receives into the worker's receive buffer, or behind what is kept. The end of the input is noted;
 * without memory for it the session fails. */
void client_receive(struct session *s);
/* All input that is not processed yet; borrowed until the next call of this file. */
struct slice client_input(const struct session *s);
/* So many bytes at its front are processed; the run that points at them has been sent. */
void client_processed(struct session *s, size_t used);
/* Keeps what is left of the fresh input: the receive buffer will be used again. */
void client_keep(struct session *s);
/* Puts these messages ahead of all input; the buffer is taken over. False without memory. */
MUST_CHECK bool client_prepend(struct session *s, struct buf *messages);
/* From here on the stream is encrypted; false when the session has failed. */
MUST_CHECK bool client_begin_tls(struct session *s);
bool client_has_input(const struct session *s);
/* The length of the Query, or of the batch up to its Sync, at the front of the kept input; 0 when
 * its end has not arrived. */
size_t client_waiting_len(const struct session *s);
/* Whether a Terminate stands at the end of it: then what is before it was meant to be done. */
bool client_terminate_waits(const struct session *s);

/* The whole message of this length is waited for; 0: none. */
void client_await(struct session *s, uint64_t total);
/* So many bytes of a long message that come now go on unread, or are discarded. */
void client_pass(struct session *s, uint64_t left, bool discard);
void client_passed(struct session *s, size_t len);
/* The rest of it is discarded: where it went is gone. */
void client_discard_rest(struct session *s);

/* Sends what there is for the client. When it takes no more, the session fails, or goes on without
 * it if it is leaving. */
void client_send(struct session *s);
/* Sets what both of the session's streams wait for: each end is read only while what it sends has
 * somewhere to go. */
void client_arm(struct session *s);

#endif
