/* calls.h — what was asked of the world and has not been answered yet: statements, hooks, timers.
 *
 * Nothing that was asked can be taken back. An answer therefore carries the turn in which it was
 * asked; the one who asked compares it with the turn of now, and drops what is stale. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_ENGINE_CALLS_H
#define TEAL_CUTOVER_ENGINE_CALLS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"
#include "cutover/types/ops.h"

struct calls {
    const struct cutover_ops *ops; /* borrowed, outlives the calls */
    struct list open;              /* struct call, owned */
};

struct call;
typedef void call_timer_fn(const struct call *call);
typedef void call_rows_fn(const struct call *call, const struct cutover_rows *rows);
typedef void call_hook_fn(const struct call *call, const struct hook_answer *answer);

/* One question. The callback gets a copy; the question itself is gone by then. */
struct call {
    struct list node;
    void *arg;        /* borrowed: whoever asks outlives the question */
    const void *what; /* borrowed for ever, or NULL: what it is about */
    uint32_t turn;
    struct place at;        /* of a statement */
    call_rows_fn *on_rows;  /* of a statement */
    call_timer_fn *on_time; /* of a timer */
    call_hook_fn *on_hook;  /* of a hook */
};

void calls_init(struct calls *calls, const struct cutover_ops *ops);
/* Forgets what is open. The caller has seen to it that none of it completes any more. */
void calls_fini(struct calls *calls);

/* All copy *call, of which node is not read. */
void calls_timer(struct calls *calls, const struct call *call, uint64_t delay_us);
/* database: the name of call->at.database, borrowed during the call. fresh: on a connection of its
 * own, as a new client would have it. */
void calls_sql(struct calls *calls, const struct call *call, const char *database, const char *sql,
               uint64_t timeout_us, bool fresh);
void calls_hook(struct calls *calls, const struct call *call, const struct hook_about *about,
                uint64_t timeout_us);

#endif
