/* health.c — when a server serves reads. See health.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/health.h"

void
health_good(struct health *h)
{
    h->good = h->good < HEALTH_GOOD_MIN ? h->good + 1 : h->good;
}

void
health_bad(struct health *h)
{
    h->was_down = true;
    h->good = 0;
}

bool
health_serves_reads(const struct health *h)
{
    return h->was_down ? h->good >= HEALTH_GOOD_MIN : h->good > 0;
}
