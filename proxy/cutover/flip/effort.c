/* effort.c — counts tries, and says once that a flip is blocked. See effort.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/effort.h"

#include "cutover/flip/parts.h"

enum { TRIES_MAX = 25 };

void
effort_clear(struct cutover *c)
{
    c->effort = (struct effort){0};
}

void
effort_last(struct cutover *c)
{
    c->effort.tries = TRIES_MAX;
}

bool
effort_is_left(const struct cutover *c)
{
    return c->effort.tries < TRIES_MAX;
}

void
effort_try(struct cutover *c)
{
    CHECK(c->effort.tries < TRIES_MAX);
    c->effort.tries++;
}

void
effort_blocked(struct cutover *c)
{
    if (c->effort.blocked) {
        return;
    }
    c->effort.blocked = true;
    const char *step = cutover_step_name(cutover_state_step(c->machine.state));
    CHECK(err_is_set(&c->report.err));
    report_line(&c->report, CUTOVER_FAIL, step,
                "BLOCKED: %s; writes stay held and every retry goes on", c->report.err.text);
    (void)report_hint(&c->report, "the machine goes on trying in the background: see SHOW CUTOVER");
    command_end(c, false);
}
