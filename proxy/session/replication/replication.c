/* replication.c — a replication connection. See replication.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/replication/replication.h"

#include <string.h>

#include "session/client/client.h"
#include "session/client/messages.h"
#include "session/link/link.h"
#include "session/query/server.h"
#include "wire/frame.h"

void
replication_begin(struct session *s)
{
    CHECK(s->identity.use != POOL_SESSIONS && s->link.backend != NULL);
    session_enter(s, SESSION_EV_STREAMS);
    link_is_a_stream(s);
    session_pin(s, SQL_PIN_REPLICATION);
}

/* ---- client to server ---- */

/* The header of the next message; from then on its bytes go on as they come. */
static bool
begin_message(struct session *s, struct slice in)
{
    struct frame f;
    switch (message_read(s, in, &f)) {
    case WIRE_MORE:
        return false;
    case WIRE_BAD:
        message_refuse(s, in);
        return false;
    case WIRE_OK:
        break;
    }
    client_pass(s, f.total, false);
    s->replication.terminated = s->replication.terminated || f.type == 'X';
    return true;
}

size_t
replication_consume(struct session *s, struct slice in)
{
    if (s->client.pass_left == 0 && (server_is_full(s) || !begin_message(s, in))) {
        return 0;
    }
    CHECK(s->client.pass_left > 0 && !s->client.pass_is_discarded);
    const uint64_t left = s->client.pass_left;
    const size_t here = in.len < left ? in.len : (size_t)left;
    server_pass(s, slice_of(in.p, here));
    client_passed(s, here);
    return here;
}

/* ---- server to client ---- */

static void
lose_server(struct session *s, const char *what)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE, "%s %s", side_name(link_side(s)), what);
    session_fail(s, s->replication.fatal_seen || s->replication.terminated ? NULL : &err);
}

/* How many of the bytes are known to belong to messages: all, or all but the piece of a header.
 * False when it is no stream of messages. */
static bool
follow_frames(struct session *s, struct slice in, size_t *known)
{
    struct replication *r = &s->replication;
    size_t at = 0;
    while (at < in.len) {
        struct frame f;
        if (r->reply_left == 0) {
            const enum wire_result result =
                frame_read(slice_of(in.p + at, in.len - at), UINT32_MAX, &f);
            if (result != WIRE_OK) {
                *known = at;
                return result == WIRE_MORE;
            }
            r->reply_left = f.total;
            r->fatal_seen = f.type == 'E';
        }
        const size_t here = in.len - at < r->reply_left ? in.len - at : (size_t)r->reply_left;
        r->reply_left -= here;
        at += here;
    }
    *known = at;
    return true;
}

void
replication_receive(struct session *s)
{
    struct worker *w = s->worker;
    struct backend *b = s->link.backend;
    size_t n;
    size_t known;
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
        lose_server(s, "closed the connection");
        return;
    }
    const struct slice in = slice_of(w->scratch, left.len + n);
    if (!follow_frames(s, in, &known)) {
        lose_server(s, "broke the protocol: invalid message length");
        return;
    }
    buf_clear(&b->in);
    buf_put(&b->in, in.p + known, in.len - known);
    buf_shrink(&b->in);
    outlet_pass(&s->client.out, slice_of(in.p, known));
}

void
replication_flush(struct session *s)
{
    size_t sent;
    struct backend *b = s->link.backend;
    if (outlet_send(&b->out, &b->stream, &sent) == STREAM_CLOSED) {
        lose_server(s, "closed the connection");
    }
}
