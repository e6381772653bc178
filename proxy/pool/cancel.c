/* cancel.c — a CancelRequest on its way to a server.
 *
 * The protocol wants a connection of its own for it and gives no answer but the close. Until then
 * the backend it is meant for is not given to anybody else, so that a late cancel cannot hit the
 * next client's query. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/mem.h"
#include "net/tls.h"
#include "pool/pool_internal.h"
#include "wire/message.h"

struct cancel {
    struct list node;        /* in pools->cancels */
    struct pools *pools;     /* borrowed */
    struct backend *backend; /* borrowed; NULL when it was closed meanwhile */
    struct stream stream;
    struct timer *timer; /* owned */
    struct buf out;
    bool asked_for_tls; /* and awaits the one byte of the answer */
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
cancel_put(struct cancel *c)
{
    const struct backend *b = c->backend;
    if (b != NULL) {
        message_put_cancel(&c->out, b->pid, slice_of(b->key, b->key_len));
    }
    stream_want(&c->stream, WATCH_READ | WATCH_WRITE);
}

/* The answer to the request for TLS. The backend itself was opened with TLS: a server that has none
 * any more is not told the key. */
static bool
cancel_encrypt(struct cancel *c, uint8_t answer)
{
    struct err err;
    c->asked_for_tls = false;
    if (answer != 'S' || c->backend == NULL ||
        !pool_begin_tls(c->backend->pool, &c->stream, &err)) {
        return false;
    }
    cancel_put(c);
    return true;
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
    }
    if ((ready & WATCH_READ) == 0) {
        return;
    }
    uint8_t byte;
    size_t n;
    const enum stream_status status = stream_recv(&c->stream, &byte, 1, &n);
    if (status == STREAM_AGAIN) {
        return;
    }
    if (status == STREAM_OK && c->asked_for_tls && cancel_encrypt(c, byte)) {
        return;
    }
    cancel_end(c); /* the server has closed: the signal was sent */
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

/* Encrypted if the backend is: who overhears the key can cancel, and a server may demand it. */
static void
cancel_begin(struct cancel *c)
{
    struct err err;
    const struct pool *pool = c->backend->pool;
    if (c->backend->stream.tls == NULL || pool->pools->access->servers == NULL) {
        cancel_put(c);
        return;
    }
    if (pool_tls_is_direct(pool)) {
        if (pool_begin_tls(pool, &c->stream, &err)) {
            cancel_put(c);
            return;
        }
        cancel_end(c);
        return;
    }
    message_put_ssl_request(&c->out);
    c->asked_for_tls = true;
    stream_want(&c->stream, WATCH_WRITE);
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
    c->timer = timer_new(pools->config.loop, cancel_expired, c);
    timer_start(c->timer, pools->conf->cancel_wait_timeout_us);
    stream_init(&c->stream, pools->config.loop, fd, cancel_ready, c);
    b->cancels++;
    cancel_begin(c);
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
