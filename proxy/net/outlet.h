/* outlet.h — the bytes on their way out of a stream.
 *
 *      queue (copied) | run (where it was received)   --outlet_send-->   socket
 *
 * What a proxy sends on was just received: a run points at those bytes and goes out from where they
 * are, without a copy. What the socket does not take, and what must stand in front of something
 * that was made here, moves to the queue. The run always comes after the queue, and stretches that
 * lie one behind the other are one run, so a turn is one send.
 *
 * Invariant: between two turns of the loop the run is empty, because the receive buffer that it
 * points at is used again. outlet_send sees to that. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_OUTLET_H
#define TEAL_NET_OUTLET_H

#include "net/stream.h"

struct outlet {
    struct slice run; /* borrowed from a receive buffer, until outlet_send */
    struct buf queue; /* owned; becomes `failed` when there is no memory, see buf_init_soft */
};

void outlet_init(struct outlet *o);
void outlet_fini(struct outlet *o);

/* Sends these bytes on, from where they are. */
void outlet_pass(struct outlet *o, struct slice bytes);
/* The queue, to append what is made here: it comes after all that was passed before. */
struct buf *outlet_queue(struct outlet *o);
/* Sends what the socket takes and queues the rest. OK: all is out. AGAIN: some is left. CLOSED: the
 * connection is broken, or bytes are missing because memory was. *sent: bytes that went out. */
enum stream_status outlet_send(struct outlet *o, struct stream *stream, size_t *sent);
/* Discards the run: the bytes that it points at go away. */
void outlet_drop_run(struct outlet *o);
/* Discards all. */
void outlet_clear(struct outlet *o);
/* Bytes that are not sent yet. */
size_t outlet_len(const struct outlet *o);
/* Nothing is left to be sent, and nothing is missing. */
bool outlet_is_empty(const struct outlet *o);

#endif
