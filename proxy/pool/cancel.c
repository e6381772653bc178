/* cancel.c — a CancelRequest on its way to a server.
 *
 * The protocol wants a connection of its own for it and gives no answer but the close. Until then
 * the backend it is meant for is not given to anybody else, so that a late cancel cannot hit the
 * next client's query. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/mem.h"
#include "pool/pool_internal.h"
#include "wire/message.h"

enum { CANCEL_TIMEOUT_US = 5 * 1000 * 1000 };

struct cancel {
    struct list node;        /* in pools->cancels */
    struct pools *pools;     /* borrowed */
    struct backend *backend; /* borrowed; NULL when it was closed meanwhile */
    struct stream stream;
    struct timer *timer; /* owned */
    struct buf out;
};

static void
cancel_free(void *arg)
{
    struct cancel *c = arg;
    timer_free(c->timer);
    buf_fini(&c->out);
    mem_free(c);
}

static void
cancel_end(struct cancel *c)
{
    stream_close(&c->stream);
    timer_stop(c->timer);
    list_remove(&c->node);
    struct backend *b = c->backend;
    c->backend = NULL;
    loop_dispose(c->pools->config.loop, cancel_free, c);
    if (b != NULL) {
        pool_cancel_done(b);
    }
}

static void
cancel_ready(void *arg, unsigned ready)
{
    struct cancel *c = arg;
    if ((ready & WATCH_WRITE) != 0) {
        const enum stream_status status = stream_flush(&c->stream, &c->out);
        if (status == STREAM_CLOSED) {
            cancel_end(c);
            return;
        }
        if (status == STREAM_OK) {
            stream_want(&c->stream, WATCH_READ);
        }
        return;
    }
    char byte;
    size_t n;
    if (stream_recv(&c->stream, &byte, 1, &n) != STREAM_AGAIN) {
        cancel_end(c); /* the server has closed: the signal was sent */
    }
}

/* It may still be delivered: whoever had the backend next would be hit by it. */
static void
cancel_expired(void *arg)
{
    struct cancel *c = arg;
    if (c->backend != NULL) {
        c->backend->close_when_idle = true;
    }
    cancel_end(c);
}

void
cancel_send(struct backend *b)
{
    struct pools *pools = b->pool->pools;
    const struct view_node *node = &pools->nodes[b->pool->key.side];
    const int fd = node->addr_len == 0
                       ? -1
                       : stream_connect((const struct sockaddr *)&node->addr, node->addr_len);
    if (fd == -1) {
        return; /* as when a CancelRequest is lost on the way: the protocol promises nothing */
    }
    struct cancel *c = xcalloc(1, sizeof(*c));
    c->pools = pools;
    c->backend = b;
    list_init(&c->node);
    list_push_back(&pools->cancels, &c->node);
    buf_init(&c->out);
    message_put_cancel(&c->out, b->pid, slice_of(b->key, b->key_len));
    c->timer = timer_new(pools->config.loop, cancel_expired, c);
    timer_start(c->timer, CANCEL_TIMEOUT_US);
    stream_init(&c->stream, pools->config.loop, fd, cancel_ready, c);
    stream_want(&c->stream, WATCH_WRITE);
    b->cancels++;
}

void
cancels_forget(struct pools *p, const struct backend *b)
{
    LIST_EACH(node, &p->cancels)
    {
        struct cancel *c = LIST_OBJECT(node, struct cancel, node);
        if (c->backend == b) {
            c->backend = NULL;
        }
    }
}

void
cancels_close_all(struct pools *p)
{
    LIST_EACH(node, &p->cancels)
    {
        struct cancel *c = LIST_OBJECT(node, struct cancel, node);
        c->backend = NULL;
        cancel_end(c);
    }
}
