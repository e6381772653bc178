/* key_derivation.h — keys from passwords, computed in threads of their own.
 *
 * PBKDF2 takes some milliseconds for each password and salt, and would stop all traffic of a worker
 * for so long. So whoever has a plain password and no keys for a salt asks here and continues when
 * they have been derived. Equal requests (same cache, salt and rounds) are computed once.
 *
 *      key_derivation_ask -> ... -> done, in the loop of the asker's mailbox
 *
 * There is one request for each client or backend that logs in: their limits bound the queue. The
 * threads run at a lower priority than the workers, so that a burst of logins does not slow the
 * sessions that are logged in. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_KEY_DERIVATION_H
#define TEAL_POOL_KEY_DERIVATION_H

#include "auth/scram.h"
#include "net/loop.h"

struct key_derivation;
struct key_request;

/* Starts the threads. */
struct key_derivation *key_derivation_new(void);
/* Ends them; requests that were not delivered are dropped. To be called when no asker's loop runs
 * any more, and before their mailboxes are freed. NULL is fine. */
void key_derivation_free(struct key_derivation *d);

/* Called once, on the asker's thread, when the request is over: its pointer is invalid from then
 * on. keys are borrowed for the call; NULL when the library refuses to compute them. */
typedef void key_derivation_done_fn(void *arg, const struct scram_keys *keys);

struct key_asker {
    struct mailbox *mailbox; /* borrowed: of the asker's thread */
    key_derivation_done_fn *done;
    void *arg; /* borrowed */
};

/* password and asker are copied. The keys go into the cache as well, unless it is NULL: for a
 * password that may be wrong. Never calls done from within. */
struct key_request *key_derivation_ask(struct key_derivation *d, const char *password,
                                       const struct scram_need *need, struct scram_cache *cache,
                                       const struct key_asker *asker);
/* done is not called any more. On the asker's thread, not after done. NULL is fine. */
void key_derivation_cancel(struct key_request *request);

#endif
