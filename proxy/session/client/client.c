/* client.c — the wire to the client. See client.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/client/client.h"

#include <stdio.h>

#include "net/tls.h"
#include "wire/frame.h"

void
client_init(struct session *s, int fd, const char *peer, bool is_local, watch_fn *ready)
{
    struct client *c = &s->client;
    const struct conf *conf = s->worker->conf;
    c->is_local = is_local;
    (void)snprintf(c->peer, sizeof(c->peer), "%s", peer);
    buf_init(&c->in);
    outlet_init(&c->out);
    stream_tune(fd, &(struct stream_tuning){
                        .keepalive = conf->tcp_keepalive,
                        .idle_s = (unsigned)(conf->tcp_keepidle_us / 1000000),
                        .interval_s = (unsigned)(conf->tcp_keepintvl_us / 1000000),
                        .count = conf->tcp_keepcnt,
                        .user_timeout_ms = (unsigned)(conf->client_tcp_user_timeout_us / 1000),
                    });
    stream_init(&c->stream, s->worker->loop, fd, ready, s);
    stream_want(&c->stream, WATCH_READ);
}

bool
client_begin_tls(struct session *s)
{
    struct err err;
    CHECK(s->client.stream.tls == NULL && s->worker->access->clients != NULL);
    if (!stream_begin_tls(&s->client.stream, s->worker->access->clients, NULL, &err)) {
        session_fail(s, &err);
        return false;
    }
    return true;
}

void
client_close(struct session *s)
{
    size_t sent;
    if (!stream_is_open(&s->client.stream)) {
        return;
    }
    /* As much as the socket takes; nobody waits for the rest. */
    (void)outlet_send(&s->client.out, &s->client.stream, &sent);
    outlet_clear(&s->client.out);
    s->client.fresh = SLICE_EMPTY;
    stream_close(&s->client.stream);
}

void
client_fini(struct session *s)
{
    buf_fini(&s->client.in);
    outlet_fini(&s->client.out);
}

/* ---- from the client ---- */

void
client_receive(struct session *s)
{
    struct client *c = &s->client;
    struct worker *w = s->worker;
    size_t n;
    CHECK(c->fresh.len == 0);
    switch (stream_recv(&c->stream, w->scratch, WORKER_SCRATCH_LEN, &n)) {
    case STREAM_AGAIN:
        return;
    case STREAM_CLOSED:
        c->input_ended = true;
        return;
    case STREAM_OK:
        break;
    }
    stat_add(&s->stats->bytes_received, n);
    c->fresh = slice_of(w->scratch, n);
    if (buf_len(&c->in) > 0) {
        client_keep(s);
    }
}

struct slice
client_input(const struct session *s)
{
    return buf_len(&s->client.in) > 0 ? buf_slice(&s->client.in) : s->client.fresh;
}

bool
client_has_input(const struct session *s)
{
    return buf_len(&s->client.in) > 0 || s->client.fresh.len > 0;
}

void
client_processed(struct session *s, size_t used)
{
    struct client *c = &s->client;
    if (buf_len(&c->in) == 0) {
        CHECK(used <= c->fresh.len);
        c->fresh = slice_of(c->fresh.p + used, c->fresh.len - used);
        return;
    }
    buf_consume(&c->in, used);
    buf_shrink(&c->in);
}

void
client_keep(struct session *s)
{
    struct client *c = &s->client;
    if (c->fresh.len > 0 && !buf_append(&c->in, c->fresh)) {
        session_refuse(s, SQLSTATE_OUT_OF_MEMORY, "out of memory");
    }
    c->fresh = SLICE_EMPTY;
}

bool
client_prepend(struct session *s, struct buf *messages)
{
    struct client *c = &s->client;
    CHECK(c->fresh.len == 0 && c->pass_left == 0);
    if (!buf_append(messages, buf_slice(&c->in))) {
        return false;
    }
    buf_fini(&c->in);
    c->in = *messages;
    buf_init(messages);
    return true;
}

size_t
client_waiting_len(const struct session *s)
{
    const struct slice all = buf_slice(&s->client.in);
    struct slice rest = all;
    struct frame f = {.type = 0};
    struct slice ignored;
    while (f.type != 'Q' && f.type != 'S' && f.type != 'F') {
        if (frame_read(rest, UINT32_MAX, &f) != WIRE_OK || !f.whole ||
            !slice_take(&rest, f.seen.len, &ignored)) {
            return 0;
        }
    }
    return all.len - rest.len;
}

bool
client_terminate_waits(const struct session *s)
{
    struct slice rest = buf_slice(&s->client.in);
    struct frame f = {.type = 0};
    struct slice ignored;
    while (frame_read(rest, UINT32_MAX, &f) == WIRE_OK && f.whole &&
           slice_take(&rest, f.seen.len, &ignored)) {
    }
    return rest.len == 0 && f.type == 'X';
}

/* ---- long messages ---- */

void
client_await(struct session *s, uint64_t total)
{
    CHECK(total <= SESSION_WHOLE_MAX);
    s->client.in_needed = (size_t)total;
}

void
client_pass(struct session *s, uint64_t left, bool discard)
{
    s->client.pass_left = left;
    s->client.pass_is_discarded = discard;
}

void
client_passed(struct session *s, size_t len)
{
    CHECK(len <= s->client.pass_left);
    s->client.pass_left -= len;
}

void
client_discard_rest(struct session *s)
{
    s->client.pass_is_discarded = true;
}

/* ---- to the client ---- */

/* What it asked for before it left is finished all the same: only its answers are discarded. */
static void
close_write_side(struct session *s)
{
    if (s->phase != SESSION_LEAVING || s->link.backend == NULL) {
        session_fail(s, NULL);
        return;
    }
    s->client.write_closed = true;
    outlet_clear(&s->client.out);
}

/* A client that has left has no use for a long answer: then the backend is not worth waiting for.
 */
static void
discard(struct session *s)
{
    s->client.discarded += outlet_len(&s->client.out);
    outlet_clear(&s->client.out);
    if (s->client.discarded >= SESSION_DISCARD_MAX) {
        session_fail(s, NULL);
    }
}

void
client_send(struct session *s)
{
    struct client *c = &s->client;
    size_t sent;
    if (!session_is_open(s) || outlet_is_empty(&c->out)) {
        return;
    }
    if (c->write_closed) {
        discard(s);
        return;
    }
    const enum stream_status status = outlet_send(&c->out, &c->stream, &sent);
    stat_add(&s->stats->bytes_sent, sent);
    if (status == STREAM_CLOSED) {
        close_write_side(s);
    }
}

static bool
wants_input(const struct session *s)
{
    const struct client *c = &s->client;
    if (c->input_ended || s->phase == SESSION_LEAVING) {
        return false;
    }
    const size_t limit = c->in_needed > SESSION_QUEUE_HIGH ? c->in_needed : SESSION_QUEUE_HIGH;
    /* Answers of Teal's own have no server that would stop: a client that does not read them is not
     * read. */
    return buf_len(&c->in) < limit && outlet_len(&c->out) < SESSION_QUEUE_HIGH &&
           (s->link.backend == NULL || outlet_len(&s->link.backend->out) < SESSION_QUEUE_HIGH);
}

void
client_arm(struct session *s)
{
    struct client *c = &s->client;
    struct backend *b = s->link.backend;
    stream_want(&c->stream,
                (wants_input(s) ? WATCH_READ : 0U) | (outlet_len(&c->out) > 0 ? WATCH_WRITE : 0U));
    if (b != NULL) {
        stream_want(&b->stream, (outlet_len(&c->out) < SESSION_QUEUE_HIGH ? WATCH_READ : 0U) |
                                    (outlet_is_empty(&b->out) ? 0U : WATCH_WRITE));
    }
}
