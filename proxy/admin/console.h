/* console.h — the admin socket: who may connect, what a command does, who runs what.
 *
 * A Unix socket DIR/.s.PGSQL.PORT that speaks the PostgreSQL protocol. The uid of the peer decides
 * what it may do, whatever user it names: see rights.h. At most CONSOLE_SESSIONS_MAX sessions: one
 * more takes the place of one that has been idle for a minute, or is refused.
 *
 * The console decides nothing about the pairs: it parses, checks, calls the ops, lays the answer
 * out, and writes the audit line. One long command (check, prepare, cutover, rollback, finish) of a
 * pair runs at a time; its rows stream to the client that started it, and it goes on when that
 * client disconnects. A CancelRequest asks a flip to undo itself. Other sessions stay usable
 * meanwhile.
 *
 *     console.c         the socket, and who may do what
 *     console_client.c  one connection       dialog.c   its protocol
 *     commands.c        what each does       grammar.c  the words
 *     answer.c          rows and ends        ask.c      questions to the workers
 *     runner.c          the long commands      pairs.c    which pair is meant
 *     audit.c           the line in the log
 *
 * Belongs to the control loop. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_CONSOLE_H
#define TEAL_ADMIN_CONSOLE_H

#include "admin/console_ops.h"
#include "base/err.h"
#include "conf/conf.h"
#include "net/loop.h"

enum { CONSOLE_SESSIONS_MAX = 8, CONSOLE_SOCKETS_MAX = 16, CONSOLE_STRANGERS_MAX = 4 };

struct console;

/* Opens the socket. NULL with err when it cannot, for instance because another Teal answers on it.
 */
struct console *console_new(struct loop *loop, const struct conf *conf,
                            const struct console_ops *ops, struct err *err);
/* Says goodbye to all sessions (57P01), removes the socket file. NULL is fine. */
void console_free(struct console *console);

/* A row and the end of the pair's long command under way; without one, nothing happens. */
void console_report(struct console *console, uint32_t pair, const struct cutover_report *row);
void console_done(struct console *console, uint32_t pair, bool ok, const struct err *err);

#endif
