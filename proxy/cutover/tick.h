/* tick.h — what a cutover does each second while it is idle: keeps the idle slot close to the tip,
 * watches that an undone fence stays off, takes a strict one off the follower that is not wanted
 * any more, looks whether there is a way back, and finishes what a
 * flip has left. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_TICK_H
#define TEAL_CUTOVER_TICK_H

struct cutover;
struct tick;

struct tick *tick_new(void);
void tick_free(struct tick *t);

/* The machine is idle. */
void tick_run(struct cutover *c);
/* The configuration may want another fence. */
void tick_reconfigured(struct cutover *c);
/* A flip was undone just now: its statements may still run late, so the fence is watched. */
void tick_undone(struct cutover *c);

#endif
