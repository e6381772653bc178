/* command.h — which command of the operator runs.
 *
 * Recovery and the tick run without one. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_COMMAND_H
#define TEAL_CUTOVER_FLIP_COMMAND_H

#include <stdbool.h>

#include "cutover/types/job.h"

struct cutover;

struct command {
    enum cutover_job job; /* NONE: no command waits for its end */
};

void command_begin(struct cutover *c, enum cutover_job job);
/* Tells the operator, once: with the failure of a step, or else the error of the state. Does
 * nothing when no command runs. */
void command_end(struct cutover *c, bool ok);

#endif
