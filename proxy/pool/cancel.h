/* cancel.h — a CancelRequest on its way to a server.
 *
 * The protocol wants a connection of its own for it and gives no answer but the close. Until then
 * the backend it is meant for is not given to anybody else, so that a late cancel cannot hit the
 * next client's query: backend.cancels counts those on their way. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_CANCEL_H
#define TEAL_POOL_CANCEL_H

#include "model/estate.h"

struct backend;
struct pool_context;

/* One has been delivered or has failed, and is not counted any more. Not called for a backend that
 * was forgotten. */
typedef void cancel_done_fn(struct backend *b);

/* Sends one for what the ACTIVE backend does now, and counts it. When no connection can be begun it
 * is lost, as it may be on the way: the protocol promises nothing. */
void cancel_send(struct backend *b, const struct node_id *id, cancel_done_fn *done);
/* The backend is gone: done is not called for it any more. */
void cancels_forget(struct backend *b);
void cancels_close_all(struct pool_context *c);

#endif
