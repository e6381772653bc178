/* command.c — begins a command, and ends it once. See command.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/command.h"

#include "cutover/flip/parts.h"

void
command_begin(struct cutover *c, enum cutover_job job)
{
    CHECK(job != CUTOVER_JOB_NONE && c->command.job == CUTOVER_JOB_NONE);
    c->command.job = job;
}

void
command_end(struct cutover *c, bool ok)
{
    if (c->command.job == CUTOVER_JOB_NONE) {
        return;
    }
    c->command.job = CUTOVER_JOB_NONE;
    struct err err = err_is_set(&c->machine.failure) ? c->machine.failure : c->report.err;
    if (!ok && !err_is_set(&err)) {
        (void)err_set(&err, SQLSTATE_INTERNAL, "it failed without saying why");
    }
    c->ops.done(c->ops.ctx, ok, ok ? NULL : &err);
}
