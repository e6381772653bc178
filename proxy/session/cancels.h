/* cancels.h — how many CancelRequests are carried out: so many a second in all, and from one
 * address.
 *
 * A CancelRequest needs no login, and each one costs a connection to a server. What is beyond the
 * limits is dropped without a word, as any CancelRequest may be lost. Shared by all workers, behind
 * a lock of its own: no query goes this way. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_CANCELS_H
#define TEAL_SESSION_CANCELS_H

#include <pthread.h>

#include "base/slice.h"

/* Addresses are told apart by where their hash falls: two that meet share a limit for that second.
 */
enum { CANCELS_SOURCES = 1024 };

struct cancels {
    pthread_mutex_t lock;
    uint64_t seed;
    uint64_t second; /* that the counts are of */
    uint32_t all;
    uint32_t by_source[CANCELS_SOURCES];
    uint64_t dropped; /* since it was last told */
};

void cancels_init(struct cancels *c);
void cancels_fini(struct cancels *c);
/* Counts one from the source at the moment; false when it is beyond a limit. */
bool cancels_admit(struct cancels *c, struct slice source, uint64_t now_us, uint32_t max,
                   uint32_t max_per_source);

#endif
