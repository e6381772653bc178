/* patroni.h — the Patroni of a side is asked who leads: a hint, never a proof.
 *
 * Each Patroni of the key `patroni` is asked in turn (GET /cluster), every two seconds, and each
 * time the side is urgent every tenth of one. What it says makes the monitor look at that server at
 * once, and tells two primaries apart that nothing else does (side.h). Whether a server takes
 * writes is said by the server itself, by SQL; a Patroni that does not answer changes nothing. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_PATRONI_H
#define TEAL_MONITOR_PATRONI_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor/patroni_cluster.h"

struct loop;
struct patroni;
struct resolver;

typedef void patroni_said_fn(void *arg, const struct patroni_cluster *cluster);

/* addresses is the value of the key, "http://HOST:PORT, ..."; name is the side's, borrowed for
 * ever. NULL when there is none. loop and resolver are borrowed. */
struct patroni *patroni_new(struct loop *loop, struct resolver *resolver, const char *addresses,
                            const char *name, patroni_said_fn *said, void *arg);
/* NULL is fine. */
void patroni_free(struct patroni *p);
/* Each round: asks when it is time. said is called later, from the loop. NULL is fine. */
void patroni_tick(struct patroni *p, bool is_urgent);

#endif
