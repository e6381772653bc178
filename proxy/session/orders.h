/* orders.h — what the control thread orders of a worker (workers.c), on the worker's own thread. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_ORDERS_H
#define TEAL_SESSION_ORDERS_H

#include "session/state/worker.h"

/* Before its thread runs; the struct is zeroed. */
void order_begin(struct worker *w, const struct worker_ops *ops, struct workers *workers,
                 uint32_t index, const struct view *const *views, uint32_t views_count);
/* After its thread has ended. */
void order_fini(struct worker *w);
/* Closes everything and lets the loop end. */
void order_end(struct worker *w);

void order_take_conf(struct worker *w, struct conf *conf, struct access *access);
/* Takes the view. */
void order_take_view(struct worker *w, struct view *view);
void order_drain(struct worker *w, bool wait_for_clients);

/* Ends every session and closes every backend of the database that clients name so, NULL: of all;
 * only closes the backends, as they become free. */
void order_kill_all(struct worker *w, const char *alias);
void order_reconnect(struct worker *w, const char *alias);
void order_cancel_busy(struct worker *w, uint32_t pair, enum side side);
void order_terminate_busy(struct worker *w, uint32_t pair, enum side side);
void order_leave_side(struct worker *w, uint32_t pair, enum side side);
void order_cancel(struct worker *w, uint32_t pid, struct slice key);
/* Ends the session of this id with 57P01, when there is one. */
void order_kill_session(struct worker *w, uint64_t id);

#endif
