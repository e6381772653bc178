/* retry.c — when a pool that could not open a backend tries again. See retry.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/retry.h"

#include "base/rand.h"

static uint64_t
next_pause_us(struct retry *r, uint64_t pause_max_us)
{
    enum { STEPS = 5, FIRST = 25 };
    const uint64_t grown_us = pause_max_us / FIRST << r->failures;
    const uint64_t pause_us = grown_us < pause_max_us ? grown_us : pause_max_us;
    r->failures += r->failures < STEPS ? 1 : 0;
    return pause_us - rand_u64() % (pause_us / 5 + 1);
}

void
retry_note(struct retry *r, const struct opening_failure *failure, uint64_t now_us,
           uint64_t pause_max_us)
{
    CHECK(err_is_set(&failure->err));
    r->failed = true;
    r->last = *failure;
    r->at_us = now_us + next_pause_us(r, pause_max_us);
}

void
retry_reset(struct retry *r)
{
    *r = (struct retry){.failed = false};
}

bool
retry_is_due(const struct retry *r, uint64_t now_us)
{
    CHECK(r->failed || r->at_us == 0);
    return now_us >= r->at_us;
}
