/* stream.c — a connected socket on a loop, plain or TLS. See stream.h.
 *
 * A plain stream's events go to its owner directly. Those of a TLS stream pass through here,
 * because what the socket is ready for need not be what the owner can do. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/stream.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "net/tls_stream.h"

static void stream_tls_fired(void *arg, unsigned ready);

void
stream_init(struct stream *s, struct loop *loop, int fd, watch_fn *fn, void *arg)
{
    CHECK(fd >= 0);
    *s = (struct stream){.fd = fd};
    stream_attach(s, loop, fn, arg);
}

void
stream_close(struct stream *s)
{
    if (s->fd == -1) {
        return;
    }
    watch_free(s->watch);
    if (s->tls != NULL) {
        tls_goodbye(s->tls);
        tls_free(s->tls);
        s->tls = NULL;
    }
    /* Half-close first: a close with unread input would send RST and destroy our last message. */
    (void)shutdown(s->fd, SHUT_WR);
    (void)close(s->fd); /* nothing more can be done about a failure here */
    s->fd = -1;
    s->watch = NULL;
    s->interest = 0;
}

void
stream_detach(struct stream *s)
{
    CHECK(s->fd != -1);
    watch_free(s->watch);
    s->watch = NULL;
    s->interest = 0;
}

void
stream_attach(struct stream *s, struct loop *loop, watch_fn *fn, void *arg)
{
    CHECK(s->watch == NULL && s->interest == 0);
    s->loop = loop;
    s->fn = fn;
    s->arg = arg;
    s->watch = s->tls == NULL ? watch_new(loop, s->fd, fn, arg)
                              : watch_new(loop, s->fd, stream_tls_fired, s);
}

/* ---- TLS ---- */

/* The socket is watched for what the library needs, which may have changed with every call. */
static void
stream_tls_watch(struct stream *s)
{
    if (s->fd != -1) {
        watch_set(s->watch, tls_interest(s->tls, s->interest));
    }
}

/* What the library holds already, no socket will show: then the owner is called again in this turn.
 */
static void
stream_tls_kick(struct stream *s)
{
    if ((s->interest & WATCH_READ) != 0 && tls_pending(s->tls)) {
        watch_kick(s->watch);
    }
}

static void
stream_tls_fired(void *arg, unsigned ready)
{
    const struct stream *s = arg;
    const unsigned told = tls_ready(s->tls, s->interest, ready);
    if (told != 0) {
        s->fn(s->arg, told);
    }
}

bool
stream_begin_tls(struct stream *s, struct tls_context *context, const char *host, struct err *err)
{
    CHECK(s->tls == NULL && s->fd != -1);
    const unsigned interest = s->interest;
    struct tls *tls = tls_new(context, s->fd, host, err);
    if (tls == NULL) {
        return false;
    }
    stream_detach(s);
    s->tls = tls;
    stream_attach(s, s->loop, s->fn, s->arg);
    stream_want(s, interest);
    return true;
}

bool
stream_peek(const struct stream *s, uint8_t *byte)
{
    CHECK(s->tls == NULL);
    return recv(s->fd, byte, 1, MSG_PEEK) == 1;
}

/* ---- the owner's verbs ---- */

bool
stream_is_open(const struct stream *s)
{
    return s->fd != -1;
}

void
stream_want(struct stream *s, unsigned interest)
{
    if (s->interest == interest) {
        return;
    }
    s->interest = interest;
    if (s->tls == NULL) {
        watch_set(s->watch, interest);
        return;
    }
    stream_tls_watch(s);
    stream_tls_kick(s);
}

static enum stream_status
status_of_errno(void)
{
    return errno == EAGAIN || errno == EINTR ? STREAM_AGAIN : STREAM_CLOSED;
}

enum stream_status
stream_recv(struct stream *s, void *out, size_t len, size_t *n)
{
    CHECK(len > 0);
    *n = 0;
    if (s->tls != NULL) {
        const enum stream_status status = tls_recv(s->tls, out, len, n);
        stream_tls_watch(s);
        stream_tls_kick(s);
        return status;
    }
    const ssize_t got = recv(s->fd, out, len, 0);
    if (got == -1) {
        return status_of_errno();
    }
    if (got == 0) {
        return STREAM_CLOSED;
    }
    *n = (size_t)got;
    return STREAM_OK;
}

enum stream_status
stream_send(struct stream *s, const void *bytes, size_t len, size_t *n)
{
    *n = 0;
    if (s->tls != NULL) {
        const enum stream_status status = tls_send(s->tls, bytes, len, n);
        stream_tls_watch(s);
        return status;
    }
    const ssize_t sent = send(s->fd, bytes, len, MSG_NOSIGNAL);
    if (sent == -1) {
        return status_of_errno();
    }
    *n = (size_t)sent;
    return STREAM_OK;
}

enum stream_status
stream_flush(struct stream *s, struct buf *out)
{
    if (out->failed) {
        return STREAM_CLOSED;
    }
    while (buf_len(out) > 0) {
        const struct slice bytes = buf_slice(out);
        size_t n;
        const enum stream_status status = stream_send(s, bytes.p, bytes.len, &n);
        if (status != STREAM_OK) {
            return status;
        }
        buf_consume(out, n);
        if (n < bytes.len) {
            return STREAM_AGAIN;
        }
    }
    return STREAM_OK;
}

int
stream_connect(const struct sockaddr *addr, socklen_t addr_len)
{
    const int fd = socket(addr->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd == -1) {
        return -1;
    }
    if (connect(fd, addr, addr_len) == 0 || errno == EINPROGRESS) {
        return fd;
    }
    const int saved = errno;
    (void)close(fd); /* never connected */
    errno = saved;
    return -1;
}

int
stream_connect_error(const struct stream *s)
{
    int error = 0;
    socklen_t len = sizeof(error);
    return getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1 ? errno : error;
}

void
stream_tune(int fd, const struct stream_tuning *t)
{
    /* Each fails on a Unix socket, where it has no meaning. */
    const int on = 1;
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (t->keepalive) {
        (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &t->idle_s, sizeof(t->idle_s));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &t->interval_s, sizeof(t->interval_s));
        (void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &t->count, sizeof(t->count));
    }
    if (t->user_timeout_ms > 0) {
        (void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &t->user_timeout_ms,
                         sizeof(t->user_timeout_ms));
    }
}
