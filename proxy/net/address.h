/* address.h — where a host name leads: the addresses that can be connected to.
 *
 * A loop must never wait for a name server. So whoever connects has a ready address, and libpq,
 * which would resolve a name while the thread waits, is given the addresses of the name as well
 * (address_conninfo). resolver.h is how a loop gets them. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_ADDRESS_H
#define TEAL_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

enum { ADDRESSES_MAX = 8 };

struct address {
    struct sockaddr_storage addr;
    socklen_t len; /* 0: none */
};

/* In the resolver's order, which is that of preference; what is more than fits is left out. */
struct address_list {
    struct address items[ADDRESSES_MAX];
    size_t count;
};

/* The name needs no resolver: a numeric address, or a directory of a Unix socket. */
bool address_is_fixed(const char *host);
/* The addresses of the host, at least one; a directory stands for the Unix socket in it. Blocks as
 * long as the resolver takes, unless the host is fixed: for a lookup's thread. */
MUST_CHECK bool address_resolve(const char *host, uint16_t port, struct address_list *out,
                                struct err *err);
bool address_equal(const struct address *a, const struct address *b);
bool address_list_equal(const struct address_list *a, const struct address_list *b);
/* `current` when it is in the list, else the first; borrowed from the list. */
const struct address *address_choose(const struct address_list *list,
                                     const struct address *current);
/* The conninfo with the addresses of its host, in the order of the list, so that libpq asks no
 * resolver. As secret as the conninfo; the caller frees it. */
char *address_conninfo(const char *conninfo, const char *host, const struct address_list *list);

#endif
