/* control.h — the control thread: everything that is not on the data path, wired together.
 *
 * It owns the console and the workers and, for each pair, a monitor and a cutover machine, and it
 * is the only one that makes and publishes the routing views:
 *
 *     monitor facts ---+
 *     cutover route ---+--> view --> every worker
 *     READS, HOLD   ---+
 *
 * The parts, each with what it owns behind its header:
 *
 *     control.c      life, start and end, signals     pair_control.c what it has of a pair
 *     publish.c      the routing view
 *     operator.c     the operator's verbs             read_policy.c  READS and its rules
 *     hold.c         HOLD                             pause.c        PAUSE and KILL
 *     cutover_ops.c  what the machine asks for        side_sql.c     its SQL on the two sides
 *     live_conf.c    the configuration in force       shutdown.c     the end
 *     keeper.c       what outlives a restart          wishes.c       its form in a file
 *     notify.c       systemd                           used_databases.c  which databases are in use
 *
 * All calls are for the loop's thread. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_CONTROL_H
#define TEAL_CONTROL_CONTROL_H

#include "admin/grammar.h"
#include "base/err.h"
#include "conf/conf.h"
#include "net/loop.h"

struct control;

/* Opens the console, reads the records, starts the workers, and begins to find out which side of
 * each pair is the writer. Takes a reference to conf. NULL with err when Teal cannot run. */
struct control *control_new(struct loop *loop, struct conf *conf, struct err *err);
/* Ends everything. NULL is fine. */
void control_free(struct control *c);

/* Reads the configuration again and reopens the log; what came of it is in the log. */
void control_reload(struct control *c);
/* PAUSE and RESUME without a console; what came of it is in the log. */
void control_signal_pause(struct control *c);
void control_signal_resume(struct control *c);
/* Begins to end; the loop stops when it is done. Asked again, it ends at once. */
void control_shutdown(struct control *c, enum shutdown_mode mode);

#endif
