/* ending.h — how a start-up, a command and a flip end: what is done on the way into idle. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_ENDING_H
#define TEAL_CUTOVER_ENDING_H

#include <stdbool.h>

struct cutover;
typedef void ending_fn(struct cutover *c);

ending_fn ending_recovered; /* the writer is known: writes flow */
ending_fn ending_job;       /* check, prepare or finish has done what it is for */
ending_fn ending_refused;   /* it has not, or a flip ended before anything was touched */
ending_fn ending_flip;      /* the flip is complete */
ending_fn ending_undone;    /* everything is as before the flip */
/* Writes flow, and what is still to be done is left to the tick. */
ending_fn ending_after_failed, ending_undo_after_failed;

/* Failover is still paused: the ending waits for resume_ha. */
ending_fn ending_flip_later, ending_undone_later, ending_refused_later;
bool ending_untouched_later(const struct cutover *c); /* and the databases were not touched */
/* resume_ha has run, or failed and is left to the tick: now it ends. */
ending_fn ending_resumed, ending_not_resumed;

#endif
