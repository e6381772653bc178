/* job.h — the commands of the operator and their options. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_TYPES_JOB_H
#define TEAL_CUTOVER_TYPES_JOB_H

#include <stdbool.h>

#include "cutover/types/config.h"
#include "model/side.h"

enum cutover_job {
    CUTOVER_JOB_NONE,
    CUTOVER_JOB_CHECK,   /* the preflight, every finding */
    CUTOVER_JOB_PREPARE, /* sets the replication up */
    CUTOVER_JOB_FLIP,    /* moves the writes to options.to */
    CUTOVER_JOB_FINISH,  /* drops the replication: no way back afterwards */
};
enum { CUTOVER_JOBS_COUNT = 5 };

struct cutover_options {
    enum side to;     /* FLIP: the side that is to become the writer */
    bool no_way_back; /* FLIP: go even when there is no way back */
    /* FLIP: the preflight and the gate only, then the drain and a release without a fence. */
    bool dry_run;
    bool drain_set; /* FLIP: drain overrides the configuration */
    enum drain_policy drain;
};

/* "none", "check", ..; borrowed for ever. */
const char *cutover_job_name(enum cutover_job job);

#endif
