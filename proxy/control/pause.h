/* pause.h — PAUSE, KILL and DISABLE: of everything, or of single databases.
 *
 * Paused, everything that begins waits in Teal, reads too; disabled, new clients are refused. A
 * database is meant by the name that clients use. A pause goes its way for each name, and for all:
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
#include "control/pair_control.h"
#include "net/loop.h"
#include "session/workers.h"

struct pause;

/* What it acts on; all borrowed. */
struct pause_parts {
    struct loop *loop;
    const struct pair_control *pairs;
    uint32_t pairs_count;
    struct workers *workers;
    struct keeper *keeper;
};

/* PAUSED is what the keeper says, and the first views do. */
struct pause *pause_new(const struct pause_parts *parts);
/* NULL is fine. */
void pause_free(struct pause *p);

/* In the following, NULL instead of the name of a database means everything. */

/* PAUSE, KILL, or what they led to, is in force for just that: neither may begin. */
bool pause_is_on(const struct pause *p, const char *alias);
/* False with err (54000), and nothing has changed, when too many databases are stopped; so the next
 * two. */
MUST_CHECK bool pause_begin(struct pause *p, const char *alias, uint64_t limit_us, struct err *err);
/* The clients go, and the server connections with them: there is nothing to wait for. */
MUST_CHECK bool pause_kill(struct pause *p, const char *alias, struct err *err);
MUST_CHECK bool pause_disable(struct pause *p, const char *alias, bool disabled, struct err *err);
/* RESUME; harmless when traffic runs. NULL ends the pauses of single databases as well. */
void pause_end(struct pause *p, const char *alias);
/* How the last PAUSE stands; with detail when it is over, with err when it was given up. */
enum console_wait pause_state(const struct pause *p, const char *alias, struct buf *detail,
                              struct err *err);

#endif
