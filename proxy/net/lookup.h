/* lookup.h — a host name asked of the system's resolver, in a thread of its own.
 *
 * getaddrinfo blocks for as long as a dead name server is waited for, half a minute and more, and
 * cannot be stopped. So each lookup has a thread, which nobody waits for: when the owner has lost
 * interest, the thread clears up behind itself whenever it comes back.
 *
 * getaddrinfo gives addresses, in the order of preference that the system is set up for, and does
 * not tell for how long they hold. When the owner has them, the thread asks the name server for the
 * records once more, for their time to live alone. That is answered by the same cache in most
 * cases; where the name stands in a file instead, nobody waits for the answer that does not come.
 *
 * resolver.h is what others use. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_LOOKUP_H
#define TEAL_NET_LOOKUP_H

#include <stdint.h>

#include "net/address.h"

struct loop;
struct lookup;

/* Both come once, in the loop, in this order. found: with the addresses, or with NULL and why there
 * are none; both are borrowed for the call. over: the lookup is gone; ttl_us is 0 when not known.
 */
struct lookup_ops {
    void (*found)(void *arg, const struct address_list *addresses, const struct err *err);
    void (*over)(void *arg, uint64_t ttl_us);
};

/* Never calls back from within. Belongs to the loop's thread; host is copied, ops is borrowed. */
struct lookup *lookup_start(struct loop *loop, const char *host, uint16_t port,
                            const struct lookup_ops *ops, void *arg);
/* Nothing is called any more. Not from within a call, nor after over. NULL is fine. */
void lookup_cancel(struct lookup *lookup);

#endif
