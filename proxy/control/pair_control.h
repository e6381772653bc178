/* pair_control.h — what the control thread has of one pair: monitor, reads, view, machine, hold.
 *
 * The pairs know nothing of each other: each has a record, an epoch and a route of its own, and one
 * whose servers cannot be reached stops no other. The parts are open to those who act on them (the
 * operator's verbs, the configuration in force, the end); their lives are here.
 *
 * The order of the start: begin (the view that the workers start with), start (what acts on the
 * workers), recover (which publishes the first route). */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_PAIR_CONTROL_H
#define TEAL_CONTROL_PAIR_CONTROL_H

#include "admin/console.h"
#include "base/buf.h"
#include "base/err.h"
#include "conf/conf.h"
#include "control/cutover_ops.h"
#include "control/hold.h"
#include "control/keeper.h"
#include "control/publish.h"
#include "control/read_policy.h"
#include "control/used_databases.h"
#include "monitor/monitor.h"
#include "net/loop.h"
#include "net/resolver.h"
#include "session/workers.h"

/* The parts are owned, and NULL before they are made. */
struct pair_control {
    uint32_t number;
    const char *name;  /* borrowed from the configuration of the start */
    struct buf record; /* as read at the start, until recovery */
    struct monitor *monitor;
    struct read_policy reads;
    struct publisher *publisher;
    struct cutover_host *cutover;
    struct hold *hold;
    struct used_databases *used;
    const struct workers *workers; /* borrowed */
    bool conf_pending;             /* the machine still goes by an older configuration */
};

/* What all pairs share; all borrowed. */
struct pair_parts {
    struct loop *loop;
    struct resolver *resolver;
    struct keeper *keeper;
    struct console *console;
    struct workers *workers; /* none at the begin */
};

/* Reads the record of the pair of that number of conf, which is that of the start. False with err
 * when there is one and it cannot be read; always follow with pair_control_fini. */
MUST_CHECK bool pair_control_init(struct pair_control *p, const struct conf *conf, uint32_t number,
                                  struct err *err);
void pair_control_fini(struct pair_control *p);

void pair_control_begin(struct pair_control *p, struct conf *conf, const struct pair_parts *parts);
void pair_control_start(struct pair_control *p, const struct conf *conf,
                        const struct pair_parts *parts);
void pair_control_recover(struct pair_control *p);

/* Another configuration is in force. A flip under way keeps the limits that it began with; true
 * when there is one. */
bool pair_control_reconfigure(struct pair_control *p, struct conf *conf);
/* Each second, with the configuration in force. At the end of the process the machine begins
 * nothing new. */
void pair_control_tick(struct pair_control *p, const struct conf *conf, bool machine_may_begin);
struct cutover *pair_control_machine(const struct pair_control *p);

#endif
