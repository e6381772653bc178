/* cutover_ops.h — the cutover machine in the process: it gives the machine SQL, time, the record
 * and the workers (struct cutover_ops), and owns it.
 *
 * SQL runs over one operator connection to each database of a side; "fresh" SQL over a connection
 * of its own that is closed afterwards. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_CUTOVER_OPS_H
#define TEAL_CONTROL_CUTOVER_OPS_H

#include "admin/console.h"
#include "conf/conf.h"
#include "control/publish.h"
#include "cutover/cutover.h"
#include "monitor/monitor.h"
#include "net/loop.h"
#include "session/workers.h"

/* What the machine acts on; all borrowed. */
struct cutover_host_parts {
    struct loop *loop;
    struct monitor *monitor;
    struct publisher *publisher;
    struct workers *workers;
    struct console *console; /* its rows and its end go there */
};

struct cutover_host;

/* Where the record of the pair of that number stands: in state_file, or in a file beside it with
 * the pair's name when there are several. The caller owns the text. */
char *cutover_record_path(const struct conf *conf, uint32_t pair);

/* The machine of the pair of that number, made but not started: cutover_recover does. */
struct cutover_host *cutover_host_new(const struct conf *conf, uint32_t pair,
                                      const struct cutover_host_parts *parts);
/* Drops what is under way. NULL is fine. */
void cutover_host_free(struct cutover_host *h);
struct cutover *cutover_host_machine(const struct cutover_host *h);
/* As cutover_tick, each second or so. */
void cutover_host_tick(struct cutover_host *h);
/* As cutover_reconfigure. */
bool cutover_host_reconfigure(struct cutover_host *h, const struct conf *conf);

#endif
