/* stream.h — a connected socket on a loop: bytes in, bytes out, never blocking.
 *
 * The owner is told when it can read or write and decides how much to take: no byte is buffered
 * here. A stream that has begun TLS is used as before: the handshake happens within its first reads
 * and writes. All calls are for the loop's thread. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_NET_STREAM_H
#define TEAL_NET_STREAM_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/err.h"
#include "net/loop.h"

struct tls;
struct tls_context;

struct stream {
    int fd;              /* owned; -1 when closed */
    unsigned interest;   /* WATCH_READ | WATCH_WRITE */
    struct watch *watch; /* owned */
    struct tls *tls;     /* owned; NULL while it is plain. Ask it through net/tls.h */
    struct loop *loop;   /* borrowed */
    watch_fn *fn;
    void *arg; /* borrowed */
};

enum stream_status { STREAM_OK, STREAM_AGAIN, STREAM_CLOSED /* by the peer, or broken */ };

/* Takes the descriptor. fn is called with what is ready of the interest, which starts as none. */
void stream_init(struct stream *s, struct loop *loop, int fd, watch_fn *fn, void *arg);
/* Closes; harmless on a closed stream. The socket is shut down first, so that a last message gets
 * out. */
void stream_close(struct stream *s);
/* Ends the watching, so that the stream can be attached to the loop of another thread. */
void stream_detach(struct stream *s);
void stream_attach(struct stream *s, struct loop *loop, watch_fn *fn, void *arg);
/* From here on all bytes are TLS. host: whose certificate is expected; NULL at the accepting end.
 * The struct must not move any more. False with err when the library refuses. */
MUST_CHECK bool stream_begin_tls(struct stream *s, struct tls_context *context, const char *host,
                                 struct err *err);
/* The first byte that waits to be read, without taking it; false when there is none. Plain only. */
MUST_CHECK bool stream_peek(const struct stream *s, uint8_t *byte);
bool stream_is_open(const struct stream *s);
void stream_want(struct stream *s, unsigned interest);

/* Up to len bytes; *n > 0 on OK. */
MUST_CHECK enum stream_status stream_recv(struct stream *s, void *out, size_t len, size_t *n);
/* As many bytes as the socket takes; *n may be less than len, and is 0 with AGAIN. */
enum stream_status stream_send(struct stream *s, const void *bytes, size_t len, size_t *n);
/* Sends what the buffer holds and consumes it: OK when all went out, AGAIN when some is left,
 * CLOSED also when the buffer has failed. */
enum stream_status stream_flush(struct stream *s, struct buf *out);

/* Begins to connect; the stream becomes writable when done (stream_connect_error tells how). -1
 * with errno when it cannot even begin. The descriptor is the caller's. */
MUST_CHECK int stream_connect(const struct sockaddr *addr, socklen_t addr_len);
/* 0, or the errno of a connect that failed. */
int stream_connect_error(const struct stream *s);

/* Options of an accepted or connected TCP socket; harmless on others. user_timeout_ms 0: as the
 * kernel does. */
struct stream_tuning {
    bool keepalive;
    unsigned idle_s, interval_s, count; /* of its probes */
    unsigned user_timeout_ms;
};
void stream_tune(int fd, const struct stream_tuning *t);

#endif
