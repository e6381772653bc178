/* runner.h — the one long command: check, prepare, cutover, rollback, finish.
 *
 * The console runs at most one job of the cutover machine at a time and remembers who started it,
 * by number: its rows stream to that client as long as it is there, and the job goes on when it has
 * gone. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_RUNNER_H
#define TEAL_ADMIN_RUNNER_H

#include "admin/console_client.h"

/* How a flip that failed ended, for the operator and scripts. In front of the machine's own text.
 */
#define SQLSTATE_FLIP_UNDONE "TL001" /* writes were held, and go on at the old side */
#define SQLSTATE_FLIP_BLOCKED \
    "TL002" /* decided, but not finished: writes are held, a person must look */

struct runner {
    struct console_clients *all; /* borrowed */
    bool active;                 /* with what follows */
    bool is_flip;
    struct audit audit;     /* of the command, and who started it */
    uint64_t errors_before; /* client errors when it started */
};

void runner_init(struct runner *r, struct console_clients *all);
/* Starts the client's command, whose reply is LONG; a second one is refused with who runs the
 * first, since when, and how far it has come. */
void runner_start(struct runner *r, struct console_client *client);
/* A row and the end of the job, from the machine; without a command nothing happens. */
void runner_report(struct runner *r, const struct cutover_report *row);
void runner_done(struct runner *r, bool ok, const struct err *err);
/* The operator cancels the client's command: when it is the long one the machine is asked to give
 * it up. */
void runner_call_off(struct runner *r, const struct console_client *client);

/* The control thread's snapshot, with the command under way. */
void runner_snapshot(const struct runner *r, struct snapshot *out);

#endif
