/* client_limits.h — how many clients there are of a kind, against a limit: from an address, of a
 * user, logging in.
 *
 * One for all workers, under a lock that is taken when a client comes, has logged in and goes,
 * never in between. A name is known only while somebody is counted under it, so that an attacker
 * with many addresses leaves nothing behind. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LOGIN_CLIENT_LIMITS_H
#define TEAL_SESSION_LOGIN_CLIENT_LIMITS_H

#include <stdint.h>

#include "base/check.h"

enum client_limit {
    CLIENT_LIMIT_SOURCE,          /* connections from an address */
    CLIENT_LIMIT_ARRIVING,        /* those that log in, in all */
    CLIENT_LIMIT_ARRIVING_SOURCE, /* ... from an address */
    CLIENT_LIMIT_USER,            /* clients of a user */
    CLIENT_LIMIT_DATABASE,        /* clients of a database */
    CLIENT_LIMITS_COUNT,
};

struct client_limits;
struct client_count; /* one that is counted holds it, and gives it back by client_limits_leave */

struct client_limits *client_limits_new(void);
/* Nobody is counted any more. */
void client_limits_free(struct client_limits *c);

/* Counts one more; NULL when max are counted already. max 0: no limit. */
MUST_CHECK struct client_count *client_limits_enter(struct client_limits *c, enum client_limit kind,
                                                    const char *name, uint32_t max);
/* Counts one less; harmless with NULL. */
void client_limits_leave(struct client_limits *c, struct client_count *h);

/* How many are counted under the name. */
uint32_t client_limits_count(struct client_limits *c, enum client_limit kind, const char *name);

/* The address that a peer ("1.2.3.4:5", "[::1]:5", "unix") is counted under: without the port, and
 * of IPv6 the /64, which is what one subscriber has. */
enum { CLIENT_SOURCE_SIZE = 64, CLIENT_HOST_SIZE = CLIENT_SOURCE_SIZE };
void client_host(const char *peer, char out[CLIENT_HOST_SIZE]); /* the same, but all of it */
void client_source(const char *peer, char out[CLIENT_SOURCE_SIZE]);

#endif
