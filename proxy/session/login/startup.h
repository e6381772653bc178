/* startup.h — the start of a connection: encryption, the start-up packet, a CancelRequest.
 *
 * SSLRequest and GSSENCRequest are each answered once; a client may also begin with a TLS handshake
 * at once. What kind of packet it is comes before everything else: a CancelRequest needs no login.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LOGIN_STARTUP_H
#define TEAL_SESSION_LOGIN_STARTUP_H

#include "session/state/session.h"

/* Before the first byte of all is read: begins TLS when it is that of a TLS handshake. False when
 * the session has ended. */
MUST_CHECK bool startup_first_byte(struct session *s);
/* Processes one packet at the front of in; the number of bytes, 0 when more is needed. */
size_t startup_consume(struct session *s, struct slice in);

#endif
