/* rights.h — who may do what on the console: the kernel tells the uid, the configuration its
 * rights.
 *
 * Root, the user that runs teal, and admin_users may run every command; stats_users may look;
 * others may do nothing. What a command needs stands in its row of commands.def. Pure: facts in,
 * decision out. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_RIGHTS_H
#define TEAL_ADMIN_RIGHTS_H

#include <stdbool.h>
#include <sys/types.h>

#include "admin/grammar.h"
#include "conf/conf.h"

enum right { RIGHT_NONE, RIGHT_VIEW, RIGHT_OPERATE };

/* own: the uid of this process. name: of the peer's uid in the system; "" when it has none there.
 */
enum right right_of(const struct conf *conf, uid_t uid, uid_t own, const char *name);
bool right_suffices(enum right right, enum command_needs needs);

#endif
