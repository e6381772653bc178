/* cancel.c — a CancelRequest on its way to a server. See cancel.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/cancel.h"

#include <string.h>

#include "base/mem.h"
#include "pool/backend.h"
#include "pool/server.h"
#include "wire/message.h"

struct cancel {
    struct list node;             /* in context->cancels */
    struct pool_context *context; /* borrowed */
    struct backend *backend;      /* borrowed; NULL when it was closed meanwhile */
    cancel_done_fn *done;
    struct node_id server;
    uint32_t pid; /* of the backend, and its key: the cancel outlives it */
    uint8_t key[BACKEND_KEY_MAX];
    size_t key_len;
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
    mem_wipe_free(c, sizeof(*c));
}

static void
cancel_end(struct cancel *c)
{
    stream_close(&c->stream);
    timer_stop(c->timer);
    list_remove(&c->node);
    struct backend *b = c->backend;
    c->backend = NULL;
    loop_dispose(c->context->config.loop, cancel_free, c);
    if (b != NULL) {
        CHECK(b->cancels > 0);
        b->cancels--;
        c->done(b);
    }
}

static void
cancel_put(struct cancel *c)
{
    message_put_cancel(&c->out, c->pid, slice_of(c->key, c->key_len));
    stream_want(&c->stream, WATCH_READ | WATCH_WRITE);
}

/* The answer to the request for TLS. The backend itself was opened with TLS: a server that has none
 * any more is not told the key. */
static bool
cancel_encrypt(struct cancel *c, uint8_t answer)
{
    struct err err;
    c->asked_for_tls = false;
    if (answer != 'S' || !server_begin_tls(c->context, &c->server, &c->stream, &err)) {
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

/* It may still be delivered, and would hit whoever had the backend next. */
static void
cancel_expired(void *arg)
{
    struct cancel *c = arg;
    if (c->backend != NULL) {
        c->backend->close_when_idle = true;
    }
    cancel_end(c);
}

/* Encrypted if the backend is: somebody who reads the key can cancel, and a server may demand it.
 */
static void
cancel_begin(struct cancel *c)
{
    struct err err;
    if (c->backend->stream.tls == NULL || c->context->access->servers == NULL) {
        cancel_put(c);
        return;
    }
    if (server_tls_is_direct(c->context)) {
        if (server_begin_tls(c->context, &c->server, &c->stream, &err)) {
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
cancel_send(struct backend *b, const struct node_id *id, cancel_done_fn *done)
{
    struct pool_context *context = b->context;
    const int fd = server_connect(context, id);
    CHECK(b->state == BACKEND_ACTIVE);
    if (fd == -1) {
        return;
    }
    struct cancel *c = xcalloc(1, sizeof(*c));
    c->context = context;
    c->backend = b;
    c->done = done;
    c->server = *id;
    c->pid = b->pid;
    memcpy(c->key, b->key, b->key_len);
    c->key_len = b->key_len;
    list_init(&c->node);
    list_push_back(&context->cancels, &c->node);
    buf_init(&c->out);
    c->timer = timer_new(context->config.loop, cancel_expired, c);
    timer_start(c->timer, context->conf->cancel_wait_timeout_us);
    stream_init(&c->stream, context->config.loop, fd, cancel_ready, c);
    b->cancels++;
    cancel_begin(c);
}

void
cancels_forget(struct backend *b)
{
    if (b->cancels == 0) {
        return;
    }
    LIST_EACH(node, &b->context->cancels)
    {
        struct cancel *c = LIST_OBJECT(node, struct cancel, node);
        if (c->backend == b) {
            c->backend = NULL;
            b->cancels--;
        }
    }
    CHECK(b->cancels == 0);
}

void
cancels_close_all(struct pool_context *context)
{
    LIST_EACH(node, &context->cancels)
    {
        struct cancel *c = LIST_OBJECT(node, struct cancel, node);
        if (c->backend != NULL) {
            c->backend->cancels--;
            c->backend = NULL;
        }
        cancel_end(c);
    }
}
