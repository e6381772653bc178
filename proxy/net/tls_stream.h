/* tls_stream.h — what stream.c needs of a TLS connection.
 *
 * The library may have to send in order to read and the reverse (a handshake, a key update): wants
 * tells what the socket must be watched for in the place of what the owner asked. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_TLS_STREAM_H
#define TEAL_NET_TLS_STREAM_H

#include "net/stream.h"
#include "net/tls.h"

/* Takes over the connected descriptor's bytes, not the descriptor. host: whose certificate is
 * expected, NULL at the accepting end. NULL with err when the library refuses. */
MUST_CHECK struct tls *tls_new(struct tls_context *context, int fd, const char *host,
                               struct err *err);
void tls_free(struct tls *tls);
/* Says goodbye, as far as the socket takes it at once. */
void tls_goodbye(struct tls *tls);

MUST_CHECK enum stream_status tls_recv(struct tls *tls, void *out, size_t len, size_t *n);
MUST_CHECK enum stream_status tls_send(struct tls *tls, const void *bytes, size_t len, size_t *n);

/* What to watch for, for an owner with this interest. */
unsigned tls_interest(const struct tls *tls, unsigned interest);
/* What the owner is told when the socket is ready for this. */
unsigned tls_ready(const struct tls *tls, unsigned interest, unsigned ready);
/* Bytes are there that the socket does not show. */
bool tls_pending(const struct tls *tls);

#endif
