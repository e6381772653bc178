/* answer.h — how a command of the console is answered: a table as a whole, or step by step.
 *
 * Each answer ends once, in answer_table, answer_done or answer_fail, which write the audit line
 * and let the dialog go on: the next command of the client may run before they return. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_ANSWER_H
#define TEAL_ADMIN_ANSWER_H

#include "admin/console_client.h"
#include "base/table.h"

/* All of the table; only its columns when the client asked for no more. */
void answer_table(struct console_client *client, const struct table *t);
/* The columns result, step, detail, took, if they are not out yet. */
void answer_begin_steps(struct console_client *client);
/* One step; took is "" when there is nothing to show. */
void answer_step(struct console_client *client, const char *result, const char *step,
                 const char *detail, const char *took);
/* One step that went well and took from the begin of the command until now. */
void answer_ok(struct console_client *client, const char *step, const struct buf *detail);
/* The steps are over. */
void answer_done(struct console_client *client);
void answer_fail(struct console_client *client, const struct err *err);

#endif
