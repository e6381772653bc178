/* console_ops.h — what the console asks of the control thread. A header only: control/operator.c
 * fills it, the files of the console call it.
 *
 * None of the functions may free the console. A false comes with err. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_CONSOLE_OPS_H
#define TEAL_ADMIN_CONSOLE_OPS_H

#include <stdbool.h>

#include "admin/grammar.h"
#include "admin/snapshot.h"
#include "base/buf.h"
#include "base/err.h"
#include "cutover/cutover.h"
#include "session/workers.h"

/* How a command that waits stands. */
enum console_wait { CONSOLE_WAITS, CONSOLE_WAIT_OVER, CONSOLE_WAIT_FAILED };

struct console_ops {
    void *ctx; /* borrowed as long as the console lives */
    /* Fills all but what the console sets. The pointers stay good until the next turn of the loop.
     */
    void (*snapshot)(void *ctx, struct snapshot *out);
    /* As workers_report, answered on the control loop, never before it returns. */
    void (*report)(void *ctx, enum worker_report what, workers_report_fn *done, void *arg);
    /* As cutover_start and cutover_abort of the pair's machine; may call console_report and
     * console_done before it returns. */
    bool (*start)(void *ctx, uint32_t pair, enum cutover_job job,
                  const struct cutover_options *options, struct err *err);
    bool (*abort)(void *ctx, uint32_t pair);
    /* Does what a command that is over at once says, to the pair that it names by number; detail is
     * for the answer's row. PAUSE only begins here; WAIT_CLOSE is only checked: the console looks
     * at the servers' report itself. SHUTDOWN takes effect after the call. */
    bool (*perform)(void *ctx, const struct command *c, struct buf *detail, struct err *err);
    /* How the pause that the command began stands, at any time. */
    enum console_wait (*pause_state)(void *ctx, const struct command *c, struct buf *detail,
                                     struct err *err);
    /* Calls that pause off, and no other. */
    void (*pause_cancel)(void *ctx, const struct command *c);
};

#endif
