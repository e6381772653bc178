/* pause.h — PAUSE, KILL and DISABLE: of everything, of a pair, or of a database.
 *
 * Paused, everything that begins waits in Teal, reads too; disabled, new clients are refused. A
 * database is meant by the name that clients use. A pause goes its way for each of them:
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

/* What is meant. */
struct pause_target {
    const char *alias; /* a database, by the name that clients use; borrowed. NULL: no single one */
    uint32_t pair;     /* without a database: a pair, or PAIR_ALL for everything */
};

/* PAUSE, KILL, or what they led to, is in force for just that: neither may begin. */
bool pause_is_on(const struct pause *p, const struct pause_target *target);
/* Whether there is anything to resume. */
bool pause_is_any_on(const struct pause *p);
/* False with err (54000), and nothing has changed, when too many databases are stopped; so the next
 * two. */
MUST_CHECK bool pause_begin(struct pause *p, const struct pause_target *target, uint64_t limit_us,
                            struct err *err);
/* The clients go, and the server connections with them: there is nothing to wait for. */
MUST_CHECK bool pause_kill(struct pause *p, const struct pause_target *target, struct err *err);
MUST_CHECK bool pause_disable(struct pause *p, const char *alias, bool disabled, struct err *err);
/* RECONNECT: server connections are closed as they become free; how many there are. */
uint32_t pause_reconnect(const struct pause *p, const struct pause_target *target);
/* Server connections, open or opening. */
uint32_t pause_servers(const struct pause *p, const struct pause_target *target);
/* RESUME; harmless when traffic runs. Everything includes pairs and databases. */
void pause_end(struct pause *p, const struct pause_target *target);
/* Ends that pause and no other; harmless when it is not on. */
void pause_cancel(struct pause *p, const struct pause_target *target);
/* How the last PAUSE stands; with detail when it is over, with err when it was given up. */
enum console_wait pause_state(const struct pause *p, const struct pause_target *target,
                              struct buf *detail, struct err *err);

#endif
