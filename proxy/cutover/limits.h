/* limits.h — how long each state may take, for the table of states. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_LIMITS_H
#define TEAL_CUTOVER_LIMITS_H

#include <stdint.h>

struct cutover;

/* From now, in microseconds. Those of the states before the commit end with the hold. */
typedef uint64_t limit_fn(const struct cutover *c);
limit_fn limit_job, limit_check, limit_gate, limit_drain, limit_fence, limit_catchup, limit_sync,
    limit_commit, limit_open, limit_after, limit_undo, limit_resume_ha;

#endif
