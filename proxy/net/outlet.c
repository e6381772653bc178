/* outlet.c — the bytes on their way out of a stream. See outlet.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/outlet.h"

void
outlet_init(struct outlet *o)
{
    o->run = SLICE_EMPTY;
    buf_init_soft(&o->queue);
}

void
outlet_fini(struct outlet *o)
{
    o->run = SLICE_EMPTY;
    buf_fini(&o->queue);
}

size_t
outlet_len(const struct outlet *o)
{
    return buf_len(&o->queue) + o->run.len;
}

bool
outlet_is_empty(const struct outlet *o)
{
    return o->run.len == 0 && buf_len(&o->queue) == 0 && !o->queue.failed;
}

struct buf *
outlet_queue(struct outlet *o)
{
    if (o->run.len > 0) {
        buf_put(&o->queue, o->run.p, o->run.len);
        o->run = SLICE_EMPTY;
    }
    return &o->queue;
}

void
outlet_pass(struct outlet *o, struct slice bytes)
{
    if (o->run.len > 0 && o->run.p + o->run.len == bytes.p) {
        o->run.len += bytes.len;
        return;
    }
    (void)outlet_queue(o); /* the run before it is copied; the new one follows */
    o->run = bytes;
}

static enum stream_status
send_run(struct outlet *o, struct stream *stream, size_t *sent)
{
    const enum stream_status status = stream_send(stream, o->run.p, o->run.len, sent);
    if (status == STREAM_CLOSED) {
        outlet_drop_run(o);
        o->queue.failed = true; /* bytes are missing */
        return STREAM_CLOSED;
    }
    o->run = slice_of(o->run.p + *sent, o->run.len - *sent);
    if (o->run.len == 0) {
        return STREAM_OK;
    }
    (void)outlet_queue(o); /* the socket is full: the rest waits */
    return o->queue.failed ? STREAM_CLOSED : STREAM_AGAIN;
}

enum stream_status
outlet_send(struct outlet *o, struct stream *stream, size_t *sent)
{
    *sent = 0;
    if (buf_len(&o->queue) == 0 && !o->queue.failed) {
        return o->run.len == 0 ? STREAM_OK : send_run(o, stream, sent);
    }
    struct buf *queue = outlet_queue(o);
    const size_t before = buf_len(queue);
    const enum stream_status status = stream_flush(stream, queue);
    *sent = before - buf_len(queue);
    if (status == STREAM_OK) {
        buf_shrink(queue);
    }
    return status;
}

void
outlet_drop_run(struct outlet *o)
{
    o->run = SLICE_EMPTY;
}

void
outlet_clear(struct outlet *o)
{
    o->run = SLICE_EMPTY;
    buf_clear(&o->queue);
}
