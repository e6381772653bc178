/* record_ttl.h — for how long the records of a host name hold, as its name server says. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_RECORD_TTL_H
#define TEAL_NET_RECORD_TTL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "net/address.h"

/* The smallest time to live of the records that lead to addresses of the families in the list,
 * CNAMEs included, at least a second; 0 when no name server tells one. Blocks for some seconds at
 * most, one for each name server that does not answer: for a lookup's thread. */
uint64_t record_ttl_ask(const char *host, const struct address_list *addresses);
/* The same of one message of a name server, which may be anything; pure. False when it is no answer
 * or has no record. */
bool record_ttl_read(struct slice message, uint64_t *ttl_us);

#endif
