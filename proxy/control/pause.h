/* pause.h — PAUSE and KILL: everything that begins waits in Teal, reads too.
 *
 *     RUNS --PAUSE--> WAITING --no server connection is left--> PAUSED --RESUME--> RUNS
 *       |                `--too late, or called off--> RUNS       ^
 *       `--KILL---------------------------------------------------'
 *
 * What is under way ends, and its server connection is closed. A session that keeps its backend
 * keeps it here as well, as PgBouncer's do in session mode; but then PAUSE gives up in time and
 * lets the traffic go on.
 *
 * A restart ends all server connections, so what was in force before it is PAUSED behind it. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_PAUSE_H
#define TEAL_CONTROL_PAUSE_H

#include "admin/console_ops.h"
#include "control/keeper.h"
#include "control/publish.h"
#include "net/loop.h"
#include "session/workers.h"

struct pause;

/* What it acts on; all borrowed. */
struct pause_parts {
    struct loop *loop;
    struct publisher *publisher;
    struct workers *workers;
    struct keeper *keeper;
    const char *pair; /* its name */
};

/* PAUSED when the publisher's view is, that is after a restart. */
struct pause *pause_new(const struct pause_parts *parts);
/* NULL is fine. */
void pause_free(struct pause *p);

/* PAUSE, KILL, or what they led to, is in force: neither may begin. */
bool pause_is_on(const struct pause *p);
void pause_begin(struct pause *p, uint64_t limit_us);
/* The clients go, and the server connections with them: there is nothing to wait for. */
void pause_kill(struct pause *p);
/* RESUME; harmless when traffic runs. */
void pause_end(struct pause *p);
/* How the last PAUSE stands; with detail when it is over, with err when it was given up. */
enum console_wait pause_state(const struct pause *p, struct buf *detail, struct err *err);

#endif
