/* runner.h — the long commands: check, prepare, cutover, rollback, finish.
 *
 * At most one job of a cutover machine runs at a time, and there is a machine for each pair: so two
 * pairs may flip at the same time. Who started a job is remembered by number: its rows stream to
 * that client as long as it is there, and the job goes on when it has gone. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_RUNNER_H
#define TEAL_ADMIN_RUNNER_H

#include "admin/console_client.h"

/* How a flip that failed ended, for the operator and scripts. In front of the machine's own text.
 */
#define SQLSTATE_FLIP_UNDONE "TL001" /* writes were held, and go on at the old side */
#define SQLSTATE_FLIP_BLOCKED \
    "TL002" /* decided, but not finished: writes are held, a person must look */

/* The command of one pair. */
struct runner {
    bool active; /* with what follows */
    bool is_flip;
    struct audit audit;     /* of the command, and who started it */
    uint64_t errors_before; /* client errors when it started */
};

struct runners {
    struct console_clients *all; /* borrowed */
    struct runner of_pair[PAIRS_MAX];
};

void runners_init(struct runners *r, struct console_clients *all);
/* Starts the client's command, whose reply is LONG and whose pair is known; a second one of the
 * pair is refused with who runs the first, since when, and how far it has come. */
void runners_start(struct runners *r, struct console_client *client);
/* A row and the end of the pair's job, from its machine; without a command nothing happens. */
void runners_report(struct runners *r, uint32_t pair, const struct cutover_report *row);
void runners_done(struct runners *r, uint32_t pair, bool ok, const struct err *err);
/* The operator cancels the client's command: when it is a long one its machine is asked to give it
 * up. */
void runners_call_off(struct runners *r, const struct console_client *client);

/* The control thread's snapshot, with the commands under way; about all pairs. */
void runners_snapshot(const struct runners *r, struct snapshot *out);

#endif
