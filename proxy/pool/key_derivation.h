/* keysmith.h — keys from passwords, computed in threads of their own.
 *
 * PBKDF2 takes some milliseconds for each password and salt, and would stop all traffic of a worker
 * for so long. So whoever has a plain password and no keys for a salt asks here and goes on when
 * they are there. Equal orders (same cache, salt and rounds) are computed once.
 *
 *      keysmith_ask -> ... -> done, in the loop of the asker's mailbox
 *
 * One order for each client or backend that logs in: their limits bound the queue. The threads are
 * nicer than the workers, so that a burst of logins does not take the time of those who are in. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_KEYSMITH_H
#define TEAL_POOL_KEYSMITH_H

#include "auth/scram.h"
#include "net/loop.h"

struct keysmith;
struct keysmith_order;

/* Starts the threads. */
struct keysmith *keysmith_new(void);
/* Ends them; orders that were not delivered are dropped. When no asker's loop runs any more, and
 * before their mailboxes are freed. NULL is fine. */
void keysmith_free(struct keysmith *k);

/* Called once, on the asker's thread, when the order is over: its pointer is void from then on.
 * keys are borrowed for the call; NULL when the library refuses to compute them. */
typedef void keysmith_done_fn(void *arg, const struct scram_keys *keys);

/* password is copied. The keys go into the cache as well, unless it is NULL: for a password that
 * may be wrong. Never calls done from within. */
struct keysmith_order *keysmith_ask(struct keysmith *k, struct mailbox *mailbox,
                                    const char *password, const struct scram_need *need,
                                    struct scram_cache *cache, keysmith_done_fn *done, void *arg);
/* done is not called any more. On the asker's thread, not after done. NULL is fine. */
void keysmith_cancel(struct keysmith_order *order);

#endif
