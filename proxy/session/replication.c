/* replication.c — a replication connection: one client, one walsender, bytes in both directions.
 *
 * Streaming replication has messages in either direction at any time (COPY BOTH), so nothing here
 * asks who owes whom: the walsender belongs to this client alone, from its login to its end, and is
 * closed with it. Whatever either end says wrong can hurt nobody else. Both directions are framed
 * all the same: a client's message is held to the limits of any client's, and an error of Teal's
 * own must not stand in the middle of a message.
 *
 * It is no work that a cutover would have to wait for: when the writes move it ends with 57P01, as
 * every session that cannot move. */
/* SPDX-License-Identifier: PostgreSQL */
#include <string.h>

#include "base/mem.h"
#include "session/session.h"
#include "wire/message.h"

void
replication_begin(struct session *s)
{
    CHECK(s->backend != NULL && s->phase == SESSION_READY);
    s->phase = SESSION_REPLICATION;
    s->unit_us = 0;
    place_busy(s, false);
    session_pin(s, SQL_PIN_REPLICATION);
}

/* ---- client to server ---- */

size_t
replication_consume(struct session *s, struct slice in)
{
    uint8_t type;
    uint64_t total;
    struct buf *out = &s->backend->out;
    if (s->pass_left == 0) {
        if (buf_len(out) > SESSION_QUEUE_HIGH || !frontend_header(s, in, &type, &total)) {
            return 0;
        }
        s->pass_left = total;
        s->terminated = s->terminated || type == 'X';
    }
    const size_t here = in.len < s->pass_left ? in.len : (size_t)s->pass_left;
    if (!buf_append(out, slice_of(in.p, here))) {
        session_refuse(s, SQLSTATE_OUT_OF_MEMORY, "out of memory");
        return 0;
    }
    s->pass_left -= here;
    return here;
}

/* ---- server to client ---- */

static void
server_is_lost(struct session *s, const char *what)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE, "%s %s",
                  side_name(pool_key_of(s->backend->pool)->side), what);
    session_close(s, s->fatal_seen || s->terminated ? NULL : &err);
}

/* How many of the bytes are known to belong to messages: all, or all but the piece of a header.
 * False when it is no stream of messages. */
static bool
frames_follow(struct session *s, struct slice in, size_t *known)
{
    size_t at = 0;
    while (at < in.len) {
        uint8_t type;
        uint64_t total;
        if (s->reply_left == 0) {
            const struct slice rest = slice_of(in.p + at, in.len - at);
            const enum wire_result r = wire_peek(rest, UINT32_MAX, &type, &total);
            if (r != WIRE_OK) {
                *known = at;
                return r == WIRE_MORE;
            }
            s->reply_left = total;
            s->fatal_seen = type == 'E'; /* if it closes now, it has said why */
        }
        const size_t here = in.len - at < s->reply_left ? in.len - at : (size_t)s->reply_left;
        s->reply_left -= here;
        at += here;
    }
    *known = at;
    return true;
}

static void
send_client(struct session *s, struct slice bytes)
{
    size_t n = 0;
    if (buf_len(&s->out) == 0 && bytes.len > 0 &&
        stream_send(&s->stream, bytes.p, bytes.len, &n) == STREAM_CLOSED) {
        session_close(s, NULL);
        return;
    }
    stat_add(&s->worker->stats.bytes_sent, n);
    if (!buf_append(&s->out, slice_of(bytes.p + n, bytes.len - n))) {
        session_close(s, NULL); /* in the middle of what it was told: there is nothing to say */
    }
}

static void
replication_read(struct session *s, struct backend *b)
{
    struct worker *w = s->worker;
    size_t n;
    /* The piece of a header that was left goes ahead of what comes. */
    const struct slice left = buf_slice(&b->in);
    CHECK(left.len < WIRE_HEADER_LEN);
    if (left.len > 0) {
        memcpy(w->scratch, left.p, left.len);
    }
    const enum stream_status status =
        stream_recv(&b->stream, w->scratch + left.len, WORKER_SCRATCH_LEN - left.len, &n);
    if (status == STREAM_AGAIN) {
        return;
    }
    if (status == STREAM_CLOSED) {
        server_is_lost(s, "closed the connection");
        return;
    }
    const struct slice in = slice_of(w->scratch, left.len + n);
    size_t known;
    if (!frames_follow(s, in, &known)) {
        server_is_lost(s, "broke the protocol: invalid message length");
        return;
    }
    buf_clear(&b->in);
    buf_put(&b->in, in.p + known, in.len - known);
    buf_shrink(&b->in);
    send_client(s, slice_of(in.p, known));
}

void
replication_ready(struct session *s, unsigned ready)
{
    struct backend *b = s->backend;
    if ((ready & WATCH_WRITE) != 0) {
        if (stream_flush(&b->stream, &b->out) == STREAM_CLOSED) {
            server_is_lost(s, "closed the connection");
            return;
        }
        buf_shrink(&b->out);
        session_resume(s);
    }
    if ((ready & WATCH_READ) != 0 && session_is_open(s)) {
        replication_read(s, b);
    }
    session_flush(s);
    session_update_interest(s);
}
