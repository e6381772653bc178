/* lookup.h — a host name asked of the resolver in a thread of its own.
 *
 * getaddrinfo blocks for as long as a dead name server is waited for, half a minute and more, and
 * cannot be stopped. So each lookup has a thread, which nobody waits for: when the owner has lost
 * interest, the thread clears up behind itself whenever it comes back. At most one lookup a node is
 * under way, so there are never many. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_LOOKUP_H
#define TEAL_MONITOR_LOOKUP_H

#include <stdint.h>

#include "monitor/address.h"

struct loop;
struct lookup;

/* In the loop, once: with the addresses, or with NULL and why there are none. Both are borrowed for
 * the call; the lookup is over. */
typedef void lookup_done_fn(void *arg, const struct address_list *found, const struct err *err);

/* Never calls done from within. Belongs to the loop's thread; host is copied. */
struct lookup *lookup_start(struct loop *loop, const char *host, uint16_t port,
                            lookup_done_fn *done, void *arg);
/* done is not called any more. Not after it was. NULL is fine. */
void lookup_cancel(struct lookup *lookup);

#endif
