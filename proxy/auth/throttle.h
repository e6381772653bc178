/* throttle.h — bad passwords are answered late, and later each time.
 *
 * Two counts. Of a source and a user together: each failure doubles the delay of the next answer,
 * until a success or a quiet minute clears it. Of a source alone: one that fails too often
 * within a minute is refused for a while. There is no count of a user alone, so nobody can lock
 * others out of an account.
 *
 * Memory is fixed: a table of each, in which the oldest makes room. Names are kept as keyed hashes
 * only. Time is given in, so the rules can be tested. Any thread may call; one lock, never held
 * while anything is computed that takes time. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_THROTTLE_H
#define TEAL_AUTH_THROTTLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

/* Monotonic microseconds. */
struct throttle_limits {
    uint64_t delay_us;     /* of the first failure; 0: none are delayed */
    uint64_t delay_max_us; /* of any */
    uint32_t failures_max; /* of a source within a minute; 0: no limit */
    uint64_t ban_us;       /* how long it is then not asked */
};

struct throttle;

struct throttle *throttle_new(void);
void throttle_free(struct throttle *t); /* NULL is fine */

/* Whether the source is to be refused without being asked. */
MUST_CHECK bool throttle_bans(struct throttle *t, const char *source, uint64_t now_us);
/* A bad password; how long the answer is to be held back. */
MUST_CHECK uint64_t throttle_fail(struct throttle *t, const char *source, const char *user,
                                  const struct throttle_limits *limits, uint64_t now_us);
/* A good one: what the source has guessed for this user is forgotten. */
void throttle_pass(struct throttle *t, const char *source, const char *user);

#endif
