/* pressure.h — how much of its memory the process uses, and what follows from that.
 *
 * What is measured is the resident size, which is what a control group counts and kills for; the
 * buffers of the kernel's sockets are not in it, which is why max_memory is by default less than
 * there is. Worker 0 measures for all. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_PRESSURE_H
#define TEAL_SESSION_PRESSURE_H

#include "session/state/worker.h"

enum pressure pressure_of(uint64_t used, uint64_t max);
/* The least of the limits that bound the process, in bytes: given as the texts of the files that
 * the kernel shows; NULL or "max" is none. */
uint64_t pressure_ceiling(uint64_t ram, const char *cgroup_v2, const char *cgroup_v1);
/* The resident bytes, from the text of /proc/self/statm (NULL: not readable). 0 when it does not
 * tell: unknown is no reason to end anything. */
uint64_t pressure_resident(const char *statm, uint64_t page_size);
/* max_memory, or the default of it. */
uint64_t pressure_max(const struct conf *conf);

/* Measures (worker 0), and does what the pressure asks of this worker. */
void pressure_tick(struct worker *w);

#endif
