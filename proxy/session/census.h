/* census.h — how many clients there are of a kind: from an address, of a user, logging in.
 *
 * One for all workers, under a lock that is taken when a client comes, has logged in and goes,
 * never in between. A name is known only while somebody is counted under it, so that an attacker
 * with many addresses leaves nothing behind. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_CENSUS_H
#define TEAL_SESSION_CENSUS_H

#include <stdint.h>

#include "base/check.h"

enum census_kind {
    CENSUS_SOURCE,          /* connections from an address */
    CENSUS_ARRIVING,        /* those that log in, in all */
    CENSUS_ARRIVING_SOURCE, /* ... from an address */
    CENSUS_USER,            /* clients of a user */
    CENSUS_DATABASE,        /* clients of a database */
    CENSUS_KINDS_COUNT,
};

struct census;
struct headcount; /* one that is counted holds it, and gives it back by census_leave */

struct census *census_new(void);
/* Nobody is counted any more. */
void census_free(struct census *c);

/* Counts one more; NULL when max are counted already. max 0: no limit. */
MUST_CHECK struct headcount *census_enter(struct census *c, enum census_kind kind, const char *name,
                                          uint32_t max);
/* Counts one less; harmless with NULL. */
void census_leave(struct census *c, struct headcount *h);

/* The address that a peer ("1.2.3.4:5", "[::1]:5", "unix") is counted under: without the port, and
 * of IPv6 the /64, which is what one subscriber has. */
enum { CENSUS_SOURCE_SIZE = 64, CENSUS_HOST_SIZE = CENSUS_SOURCE_SIZE };
void census_host(const char *peer, char out[CENSUS_HOST_SIZE]); /* the same, but all of it */
void census_source(const char *peer, char out[CENSUS_SOURCE_SIZE]);

#endif
