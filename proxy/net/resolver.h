/* resolver.h — where host names lead, asked without ever making the loop wait.
 *
 * A question is about a host name and a port, and is answered once, in the loop. Questions about
 * the same name at the same time are one question to the system, and at most RESOLVER_THREADS_MAX
 * names are asked at a time: a name server that does not answer keeps a thread for half a minute
 * and more, and the others wait for a free one. Nothing is kept as an answer: a new question asks
 * anew, for it is asked because the last answer has become too old or wrong.
 *
 * How soon it is too old is what the resolver remembers (resolver_ttl_us).
 *
 * All calls are for the loop's thread. A fixed host (address_is_fixed) needs no resolver. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_RESOLVER_H
#define TEAL_NET_RESOLVER_H

#include <stdint.h>

#include "net/address.h"

struct loop;
struct resolver;
struct resolver_question;

enum { RESOLVER_THREADS_MAX = 32, RESOLVER_NAMES_MAX = 1024 };

/* With the addresses, at least one, or with NULL and why there are none. Both are borrowed for the
 * call. The question is gone; new ones may be asked and others cancelled. */
typedef void resolver_done_fn(void *arg, const struct address_list *found, const struct err *err);

struct resolver *resolver_new(struct loop *loop);
/* All questions must have been answered or cancelled. Waits for no thread. Not from within a
 * resolver_done_fn. NULL is fine. */
void resolver_free(struct resolver *r);

/* Never calls done from within. The host is copied. */
struct resolver_question *resolver_ask(struct resolver *r, const char *host, uint16_t port,
                                       resolver_done_fn *done, void *arg);
/* done is not called any more. Not after it was. NULL is fine. */
void resolver_cancel(struct resolver_question *q);

/* For how long an answer about the name holds: the time to live of its records as last told, from 1
 * to 60 s; 15 s while none is known, as of a name that stands in a file. A caller that finds an
 * address dead asks earlier. */
uint64_t resolver_ttl_us(const struct resolver *r, const char *host, uint16_t port);

#endif
