/* job.c — the names of the commands. See job.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/types/job.h"

#include "base/check.h"

static const char *const names[CUTOVER_JOBS_COUNT] = {
    [CUTOVER_JOB_NONE] = "none", [CUTOVER_JOB_CHECK] = "check",   [CUTOVER_JOB_PREPARE] = "prepare",
    [CUTOVER_JOB_FLIP] = "flip", [CUTOVER_JOB_FINISH] = "finish",
};

const char *
cutover_job_name(enum cutover_job job)
{
    CHECK((unsigned)job < CUTOVER_JOBS_COUNT);
    return names[job];
}
