/* retry.h — when a pool that could not open a backend tries again, and what it was told.
 *
 * The pause begins at a 25th of server_login_retry and doubles with each failure up to the whole of
 * it; a fifth less at random, so that many proxies do not come back to a server at the same moment.
 * Pure: the caller brings the time. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_RETRY_H
#define TEAL_POOL_RETRY_H

#include "pool/opening.h"

/* Zeroed: no attempt has failed since the last success. */
struct retry {
    uint64_t at_us;    /* no attempt before this moment */
    uint32_t failures; /* since the last success, counted as far as the pause grows */
    bool failed;       /* the last attempt has; then what it was told: */
    struct opening_failure last;
};

/* An attempt has failed at now_us. */
void retry_note(struct retry *r, const struct opening_failure *failure, uint64_t now_us,
                uint64_t pause_max_us);
/* An attempt has succeeded, or another reason to begin anew is known. */
void retry_reset(struct retry *r);
bool retry_is_due(const struct retry *r, uint64_t now_us);

#endif
