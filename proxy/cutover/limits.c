/* limits.c — the limits of the states: from the configuration, or fixed. See limits.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/limits.h"

#include "base/clock.h"
#include "cutover/flip/parts.h"

/* PREPARE copies for an hour and analyzes for another; its other statements take a minute at most.
 */
uint64_t
limit_job(const struct cutover *c)
{
    (void)c;
    return CLOCK_SECONDS(3 * 3600);
}

/* More than all checks take when each takes its 5 s. The gate connects to every database, one after
 * the other in the worst case. */
uint64_t
limit_check(const struct cutover *c)
{
    return CLOCK_SECONDS(600) + databases_count(c) * CLOCK_SECONDS(1);
}

/* Some run in every kind of flip (pause_ha), others where somebody else drives the servers. */
static uint64_t
with_hooks(const struct cutover *c, uint64_t limit, unsigned hooks)
{
    return flip_is_external(c) ? external_with_hooks(c, limit, hooks) : limit;
}

uint64_t
limit_gate(const struct cutover *c)
{
    const bool pauses = cutover_config_has_hook(&c->config, HOOK_PAUSE_HA);
    const uint64_t own = CLOCK_SECONDS(10) + databases_count(c) * CLOCK_MS(100);
    return with_hooks(c, external_with_hooks(c, own, pauses ? 1 : 0), 1);
}

static uint64_t
within_hold(const struct cutover *c, uint64_t limit)
{
    if (c->hold.deadline_us == 0) {
        return limit;
    }
    const uint64_t now = machine_now(&c->machine);
    const uint64_t left = c->hold.deadline_us > now ? c->hold.deadline_us - now : 0;
    return left < limit ? left : limit;
}

uint64_t
limit_drain(const struct cutover *c)
{
    return within_hold(c, c->config.drain_timeout_us);
}

uint64_t
limit_fence(const struct cutover *c)
{
    return within_hold(c, with_hooks(c, c->config.fence_timeout_us, 1));
}

uint64_t
limit_catchup(const struct cutover *c)
{
    return within_hold(c, with_hooks(c, c->config.catchup_timeout_us, 1));
}

uint64_t
limit_sync(const struct cutover *c)
{
    return within_hold(c, c->config.sync_timeout_us);
}

uint64_t
limit_commit(const struct cutover *c)
{
    return with_hooks(c, c->config.commit_timeout_us, 1);
}

uint64_t
limit_open(const struct cutover *c)
{
    return c->config.open_timeout_us;
}

/* Longer than its tries, each with a statement that gets no answer: the limit is for what waits
 * without failing. */
uint64_t
limit_after(const struct cutover *c)
{
    (void)c;
    return CLOCK_SECONDS(120);
}

uint64_t
limit_undo(const struct cutover *c)
{
    return with_hooks(c, CLOCK_SECONDS(5) + databases_count(c) * CLOCK_MS(10), 1);
}

uint64_t
limit_resume_ha(const struct cutover *c)
{
    return external_with_hooks(c, CLOCK_SECONDS(3), 1);
}
