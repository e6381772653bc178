/* health.h — when a server serves reads: a failure counts at once, one good answer is no recovery.
 *
 * A server that comes and goes would take the reads with it each time. So one that was down serves
 * reads again after HEALTH_GOOD_MIN good answers on end; at the beginning the first will do. It
 * holds for reads, which have other servers to go to, and not for the writes of a primary. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_HEALTH_H
#define TEAL_MONITOR_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

enum { HEALTH_GOOD_MIN = 2 };

/* All zero is a good beginning. */
struct health {
    bool was_down;
    uint32_t good; /* answers since */
};

void health_good(struct health *h);
void health_bad(struct health *h);
bool health_serves_reads(const struct health *h);

#endif
