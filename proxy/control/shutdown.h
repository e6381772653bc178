/* shutdown.h — the end of Teal, from the signal or SHUTDOWN to the last turn of the loop.
 *
 * It waits, within a limit, for the clients (or their open transactions) and for what the cutover
 * machine must bring to an end, but for nothing that cannot come: with no session and no flip under
 * way the loop stops at once. Writes that are held for a reason that nobody removes any more, like
 * a writer that is not known, keep no transaction from having ended: it was not begun.
 *
 * What waits for HOLD or PAUSE is ended, not let through: they outlive the process, and would be
 * worth little if a restart were a way past them. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONTROL_SHUTDOWN_H
#define TEAL_CONTROL_SHUTDOWN_H

#include "admin/grammar.h"
#include "control/pair_control.h"
#include "net/loop.h"
#include "session/workers.h"

/* What it waits for; all borrowed. */
struct shutdown_parts {
    struct loop *loop;
    struct workers *workers;
    const struct pair_control *pairs;
    uint32_t pairs_count;
};

struct shutdown;

struct shutdown *shutdown_new(const struct shutdown_parts *parts);
/* NULL is fine. */
void shutdown_free(struct shutdown *s);

/* Begins to end; the loop stops when it is done, limit_us from now at the latest. Asked again, it
 * ends at once. The loop does not stop within the call: an answer can still go out. */
void shutdown_begin(struct shutdown *s, enum shutdown_mode mode, uint64_t limit_us);
bool shutdown_has_begun(const struct shutdown *s);

#endif
