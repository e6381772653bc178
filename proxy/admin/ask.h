/* ask.h — a question to the workers on behalf of a command, whose client may have gone when they
 * answer. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_ASK_H
#define TEAL_ADMIN_ASK_H

#include "admin/console_client.h"
#include "base/table.h"

/* Answers the command with what the workers told, or waits on. The table ends with the call. */
typedef void ask_fn(struct console_client *client, const struct table *t);

/* Asks for a report. answer is called later on the control loop, unless the command has gone; what
 * it answers is sent. */
void ask_workers(struct console_client *client, enum worker_report what, ask_fn *answer);

#endif
