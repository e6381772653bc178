/* publish.h — the one that makes and publishes the routing view.
 *
 * It gathers what a view is made of: the cutover's route, the operator's wishes (reads, hold,
 * pause, disable), the configuration, and the facts of the monitor. Each of the setters below
 * changes one of them; a view with the next version is published to every worker when it differs
 * from the last one in anything but its version. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_PUBLISH_H
#define TEAL_CONTROL_PUBLISH_H

#include "conf/conf.h"
#include "control/read_policy.h"
#include "cutover/cutover.h"
#include "monitor/monitor.h"
#include "session/workers.h"
#include "topo/view.h"

struct publisher;

/* Of the pair of that number. Begins with a view that holds all writes, for the writer is not
 * known. monitor and reads are borrowed. */
struct publisher *publisher_new(const struct conf *conf, uint32_t pair,
                                const struct monitor *monitor, const struct read_policy *reads);
/* NULL is fine. */
void publisher_free(struct publisher *p);
/* The workers, who began with publisher_view, get every view from now on. */
void publisher_set_workers(struct publisher *p, struct workers *workers);

/* As published last; borrowed until the next change. */
const struct view *publisher_view(const struct publisher *p);

/* The monitor or the reads have changed: looks whether the view has. */
void publisher_refresh(struct publisher *p);
void publisher_set_conf(struct publisher *p, const struct conf *conf);
/* The writer changes only while writes are held. */
void publisher_set_route(struct publisher *p, const struct cutover_route *route);
/* The operator's HOLD, on top of the route's. */
void publisher_set_hold(struct publisher *p, bool held);
/* Everything, and single databases; the stops are borrowed until the next call. */
void publisher_set_paused(struct publisher *p, bool paused);
void publisher_set_stops(struct publisher *p, struct view_stop *stops, uint32_t count);

#endif
