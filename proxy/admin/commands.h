/* commands.h — what each command of the console does, once it is known that the client may. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_COMMANDS_H
#define TEAL_ADMIN_COMMANDS_H

#include "admin/console_client.h"
#include "admin/runner.h"

/* Runs the client's command, or tells its columns when no more was asked for. The answer comes at
 * once or later. */
void command_run(struct console_client *client, struct runners *runners);

#endif
