/* server.h — how the server of a side is reached: its address, and TLS on the way to it.
 *
 * For logins and for CancelRequests alike: both go the same way, as the configuration and the view
 * in force say. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_SERVER_H
#define TEAL_POOL_SERVER_H

#include "net/stream.h"
#include "net/tls.h"
#include "pool/context.h"

/* Begins to connect; as stream_connect, -1 with errno also while no address is known. */
MUST_CHECK int server_connect(const struct pool_context *c, const struct node_id *id);
/* Keepalive and time-outs of a connection that is to stay. */
void server_tune(const struct pool_context *c, int fd);

enum tls_mode server_tls_mode(const struct pool_context *c);
/* Whether a connection to the side begins with TLS. demanded: with sslmode allow, that the server
 * has refused a plain login. */
bool server_wants_tls(const struct pool_context *c, const struct node_id *id, bool demanded);
/* ... and from its first byte on, without asking. */
bool server_tls_is_direct(const struct pool_context *c);
/* All bytes from here on are TLS; false with err when the library refuses. */
MUST_CHECK bool server_begin_tls(const struct pool_context *c, const struct node_id *id,
                                 struct stream *s, struct err *err);
/* Whether nobody but the server can read what the stream sends to the side. */
bool server_is_private(const struct pool_context *c, const struct node_id *id,
                       const struct stream *s);

#endif
