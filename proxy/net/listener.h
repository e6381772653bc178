/* listener.h — listening sockets.
 *
 * Opened once at start, by the main thread; each worker watches the same descriptors and the least
 * busy one accepts. The caller owns the descriptor. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_LISTENER_H
#define TEAL_NET_LISTENER_H

#include <stdint.h>

#include "base/check.h"
#include "base/err.h"

/* A listening socket (TCP of a numeric or resolvable host, or a Unix socket path); -1 and err on
 * failure. A stale Unix socket file, on which nobody answers, is replaced. */
MUST_CHECK int listener_open_tcp(const char *host, uint16_t port, int backlog, struct err *err);
MUST_CHECK int listener_open_unix(const char *dir, uint16_t port, unsigned mode, int backlog,
                                  struct err *err);

#endif
