/* console.h — the admin socket: who may connect, what a statement does, who runs what.
 *
 * A Unix socket DIR/.s.PGSQL.PORT that speaks the PostgreSQL protocol. The uid of the peer decides
 * what he may, whatever user he names: see rights.h. At most CONSOLE_SESSIONS_MAX sessions: one
 * more takes the place of one that has been idle for a minute, or is refused.
 *
 * The console decides nothing about the pair: it parses, checks, calls the ops, lays the answer
 * out, and writes the audit line. One long command (check, prepare, cutover, rollback, finish) runs
 * at a time; its rows stream to whoever started it, and it goes on when he disconnects. A
 * CancelRequest of his asks a flip to undo itself. Other sessions stay usable meanwhile.
 *
 * Belongs to the control loop. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_CONSOLE_H
#define TEAL_ADMIN_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/grammar.h"
#include "admin/snapshot.h"
#include "base/buf.h"
#include "base/err.h"
#include "cutover/cutover.h"
#include "net/loop.h"
#include "session/workers.h"

enum { CONSOLE_SESSIONS_MAX = 8, CONSOLE_SOCKETS_MAX = 16, CONSOLE_STRANGERS_MAX = 4 };

/* How a flip that failed ended, for whoever must act on it. In front of the machine's own text. */
#define SQLSTATE_FLIP_UNDONE "TL001" /* writes were held, and go on at the old side */
#define SQLSTATE_FLIP_BLOCKED \
    "TL002" /* decided, but not finished: writes are held, a person must look */

/* How a command that waits stands. */
enum console_wait { CONSOLE_WAITS, CONSOLE_WAIT_OVER, CONSOLE_WAIT_FAILED };

/* What the console asks of the control thread. detail is for the answer's row. A false comes with
 * err. None of them may free the console; shutdown happens after the call. */
struct console_ops {
    void *ctx; /* borrowed as long as the console lives */
    /* Fills all but runner. The pointers stay good until the next turn of the loop. */
    void (*snapshot)(void *ctx, struct snapshot *out);
    /* As workers_report, answered on the control loop, never before it returns. */
    void (*report)(void *ctx, enum worker_report what, workers_report_fn *done, void *arg);
    /* As cutover_start and cutover_abort; may call console_report and console_done before it
     * returns. */
    bool (*start)(void *ctx, enum cutover_job job, const struct cutover_options *options,
                  struct err *err);
    bool (*abort)(void *ctx);
    bool (*reads)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    bool (*hold)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    bool (*release)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    bool (*kill)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    /* Begins the pause; paused tells how it stands, at any time. resume also calls it off. */
    bool (*pause)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    enum console_wait (*paused)(void *ctx, struct buf *detail, struct err *err);
    bool (*resume)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    bool (*kill_all)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    bool (*reconnect)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    /* Only whether the statement may wait: the console looks at the servers' report itself. */
    bool (*wait_close)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    bool (*disable)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    bool (*enable)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    bool (*set)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    bool (*reload)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
    bool (*shutdown)(void *ctx, const struct command *s, struct buf *detail, struct err *err);
};

struct console;

/* Opens the socket. NULL with err when it cannot, for instance because another Teal answers on it.
 */
struct console *console_new(struct loop *loop, const struct conf *conf,
                            const struct console_ops *ops, struct err *err);
/* Says goodbye to all sessions (57P01), removes the socket file. NULL is fine. */
void console_free(struct console *console);

/* A row and the end of the long command under way; without one, nothing happens. */
void console_report(struct console *console, const struct cutover_report *row);
void console_done(struct console *console, bool ok, const struct err *err);

#endif
