/* address.h — where a node's name leads: the address that the data path connects to.
 *
 * The data path needs a ready address, for it must never wait for a resolver. The best one is the
 * address that the monitor's own connection reached; before there is a connection, the first that
 * the resolver gives. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_ADDRESS_H
#define TEAL_MONITOR_ADDRESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

struct address {
    struct sockaddr_storage addr;
    socklen_t len; /* 0: none */
};

/* The name needs no resolver: a numeric address, or a directory of a Unix socket. */
bool address_is_fixed(const char *host);
/* The addresses of the host (a directory stands for the Unix socket in it). When `current` is among
 * them it stays
 * (*out = *current), else *out is the first. May block as long as the resolver takes. */
MUST_CHECK bool address_resolve(const char *host, uint16_t port, const struct address *current,
                                struct address *out, struct err *err);
bool address_equal(const struct address *a, const struct address *b);

#endif
