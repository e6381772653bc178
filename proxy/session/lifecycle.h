/* lifecycle.h — what workers.c asks of a worker, on the worker's own thread. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LIFECYCLE_H
#define TEAL_SESSION_LIFECYCLE_H

#include "session/thread.h"

struct session;

/* Before its thread runs; the struct is zeroed. */
void worker_init(struct worker *w, struct workers *workers, uint32_t index,
                 const struct view *view);
/* After its thread has ended. */
void worker_fini(struct worker *w);
/* Closes everything and lets the loop end. */
void worker_end(struct worker *w);

void worker_take_conf(struct worker *w, struct conf *conf, struct access *access);
/* Takes the view. */
void worker_take_view(struct worker *w, struct view *view);
void worker_drain(struct worker *w, bool wait_for_clients);

/* Ends every session and closes every backend; only closes the backends, as they become free. */
void worker_kill_all(struct worker *w);
void worker_reconnect(struct worker *w);
void worker_cancel_busy(struct worker *w, enum side side);
void worker_terminate_busy(struct worker *w, enum side side);
void worker_leave_side(struct worker *w, enum side side);
void worker_cancel(struct worker *w, uint32_t pid, struct slice key);
struct session *worker_find(struct worker *w, uint64_t id);

#endif
