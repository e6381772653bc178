/* session.c — a client's life and its two queues. See session.h.
 *
 * Bytes are framed where they were received: in the worker's scratch buffer, or in the session's
 * own `in` when something was left over. Whatever could not be taken on (half a message, a message
 * whose backend is not there yet) is kept in `in`, whose length is bounded by not reading any more.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/session.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/tls.h"
#include "sql/encoding.h"
#include "wire/message.h"

static void session_on_ready(void *arg, unsigned ready);

struct session *
session_new(struct worker *w, int fd, const char *peer, bool is_local)
{
    struct session *s = xcalloc(1, sizeof(*s));
    s->worker = w;
    s->id = (uint64_t)w->index << 40 | ++w->next_session_id;
    /* What a client sees as the process id of its server: worker and number, so that a cancel finds
     * its way. */
    s->cancel_pid = w->index << 24 | (uint32_t)(w->next_session_id & 0xffffff);
    rand_bytes(s->cancel_key, sizeof(s->cancel_key));
    s->cancel_key_len = SESSION_CANCEL_KEY_OLD;
    s->phase = SESSION_STARTUP;
    s->is_local = is_local;
    s->connected_us = loop_now_us(w->loop);
    (void)snprintf(s->peer, sizeof(s->peer), "%s", peer);
    s->log = (struct log_ctx){.kind = "session", .id = s->id};
    buf_init_soft(&s->out);
    settings_draft_init(&s->draft);
    names_init(&s->names, &w->statements);
    list_init(&s->node);
    list_init(&s->held_node);
    list_init(&s->waiter.node);
    s->waiter.done = place_waiter_done;
    list_push_back(&w->arriving, &s->node);
    (void)atomic_fetch_add(&w->gauges.sessions, 1);
    stream_tune(fd, &(struct stream_tuning){
                        .keepalive = w->conf->tcp_keepalive,
                        .idle_s = (unsigned)(w->conf->tcp_keepidle_us / 1000000),
                        .interval_s = (unsigned)(w->conf->tcp_keepintvl_us / 1000000),
                        .count = w->conf->tcp_keepcnt,
                        .user_timeout_ms = (unsigned)(w->conf->client_tcp_user_timeout_us / 1000),
                    });
    stream_init(&s->stream, w->loop, fd, session_on_ready, s);
    stream_want(&s->stream, WATCH_READ);
    return admission_arrive(s) ? s : NULL;
}

bool
session_is_open(const struct session *s)
{
    return s->phase != SESSION_CLOSED;
}

struct sql_traits
session_classify(const struct session *s, struct slice text)
{
    for (size_t i = 0; i < text.len && !s->encoding_is_safe; i++) {
        if (text.p[i] >= 0x80) {
            return (struct sql_traits){.class = SQL_WRITE,
                                       .pins = SQL_PIN_UNKNOWN,
                                       .statements = 1,
                                       .why = "its encoding may hide quotes within characters"};
        }
    }
    struct sql_traits traits = sql_classify_with(text, s->worker->extra);
    if (s->backslash_escapes && traits.backslash) {
        traits.class = SQL_WRITE;
        traits.pins |= SQL_PIN_UNKNOWN;
        traits.why = "standard_conforming_strings is off";
    }
    return traits;
}

void
session_pin(struct session *s, uint32_t pins)
{
    if (pins == SQL_PIN_NONE) {
        return;
    }
    if (s->pins == SQL_PIN_NONE) {
        (void)atomic_fetch_add(&s->worker->gauges.pinned, 1);
        log_debug(&s->log, "session keeps its backend", "reason=\"%s\"", sql_pin_name(pins));
    }
    s->pins |= pins;
}

void
session_take_params(struct session *s, struct params *params)
{
    params_unref(s->params);
    s->params = params_ref(params);
    const char *encoding = params_get(params, "client_encoding");
    const char *conforming = params_get(params, "standard_conforming_strings");
    s->encoding_is_safe = encoding != NULL && sql_encoding_is_safe(encoding);
    s->backslash_escapes = conforming != NULL && strcmp(conforming, "off") == 0;
}

void
session_forget_unnamed(struct session *s)
{
    statement_unref(&s->worker->statements, s->unnamed);
    s->unnamed = NULL;
}

static void
session_free(void *arg)
{
    struct session *s = arg;
    CHECK(s->backend == NULL && s->waiter.pool == NULL && !s->is_held);
    buf_fini(&s->in);
    buf_fini(&s->out);
    buf_fini(&s->replay);
    buf_fini(&s->held_replies);
    buf_fini(&s->set);
    settings_draft_fini(&s->draft);
    authenticate_fini(s);
    mem_free(s->user);
    mem_free(s->database);
    mem_free(s->application);
    explicit_bzero(s->cancel_key, sizeof(s->cancel_key));
    mem_free(s);
}

static void
session_log_close(const struct session *s, const struct err *err)
{
    if (err == NULL) {
        log_debug(&s->log, "client disconnected", "addr=%s tls_failure=\"%s\"", s->peer,
                  tls_failure(&s->stream));
        return;
    }
    stat_add(&s->worker->stats.client_errors, 1);
    errors_note_ours(&s->worker->errors, err, true);
    log_info(&s->log, "session ended", "addr=%s sqlstate=%s reason=\"%s\"", s->peer, err->sqlstate,
             err->text);
}

void
session_close(struct session *s, const struct err *err)
{
    if (s->phase == SESSION_CLOSED) {
        return;
    }
    session_log_close(s, err);
    s->phase = SESSION_CLOSED;
    if (err != NULL && (s->reply_left == 0 || s->reply_drop)) {
        message_put_error(&s->out, "FATAL", err);
    }
    if (stream_is_open(&s->stream)) {
        (void)stream_flush(&s->stream,
                           &s->out); /* as much as the socket takes; nobody waits for the rest */
        stream_close(&s->stream);
    }
    authenticate_leave(s);
    pool_cancel_wait(&s->waiter);
    place_unhold(s);
    place_give_back(s);
    if (s->pins != SQL_PIN_NONE) {
        (void)atomic_fetch_sub(&s->worker->gauges.pinned, 1);
    }
    admission_leave(s);
    worker_delist(s->worker, s);
    names_fini(&s->names);
    session_forget_unnamed(s);
    settings_unref(&s->worker->settings, s->settings);
    settings_unref(&s->worker->settings, s->login_settings);
    params_unref(s->params);
    list_remove(&s->node);
    (void)atomic_fetch_sub(&s->worker->gauges.sessions, 1);
    loop_dispose(s->worker->loop, session_free, s);
}

void
session_refuse(struct session *s, const char *sqlstate, const char *fmt, ...)
{
    struct err err;
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    (void)err_set(&err, sqlstate, "%s", text);
    session_close(s, &err);
}

void
session_send_error(struct session *s, const struct err *err)
{
    stat_add(&s->worker->stats.client_errors, 1);
    errors_note_ours(&s->worker->errors, err, false);
    message_put_error(&s->out, "ERROR", err);
}

/* ---- from the client ---- */

static size_t
consume_one(struct session *s, struct slice in)
{
    switch (s->phase) {
    case SESSION_STARTUP:
    case SESSION_AUTH:
        return login_consume(s, in);
    case SESSION_READY:
        return frontend_consume(s, in);
    case SESSION_REPLICATION:
        return replication_consume(s, in);
    case SESSION_LOGIN:
    case SESSION_LEAVING:
    case SESSION_CLOSED:
        return 0;
    }
    UNREACHABLE();
}

static size_t
session_take(struct session *s, struct slice in)
{
    size_t used = 0;
    s->in_needed = 0;
    while (used < in.len) {
        const size_t n = consume_one(s, slice_of(in.p + used, in.len - used));
        if (n == 0) {
            break;
        }
        used += n;
    }
    if (session_is_open(s)) {
        frontend_finish_turn(s);
    }
    return used;
}

void
session_resume(struct session *s)
{
    if (!session_is_open(s)) {
        return;
    }
    if (buf_len(&s->in) > 0) {
        const size_t used = session_take(s, buf_slice(&s->in));
        buf_consume(&s->in, used);
        buf_shrink(&s->in);
    }
    session_check_end(s);
}

/* The length of the Query, or of the batch up to its Sync, at the front of what waits; 0 when its
 * end has not arrived. */
static size_t
waiting_unit_len(const struct session *s)
{
    const struct slice all = buf_slice(&s->in);
    struct slice rest = all;
    uint8_t type = 0;
    while (type != 'Q' && type != 'S' && type != 'F') {
        uint64_t total;
        struct slice frame;
        if (wire_peek(rest, UINT32_MAX, &type, &total) != WIRE_OK || total > rest.len ||
            !slice_take(&rest, (size_t)total, &frame)) {
            return 0;
        }
    }
    return all.len - rest.len;
}

/* Whether a Terminate stands at the end of what waits: then what is before it was meant to be done.
 */
static bool
terminate_is_waiting(const struct session *s)
{
    static const uint8_t terminate[] = {'X', 0, 0, 0, 4};
    const struct slice in = buf_slice(&s->in);
    return in.len >= sizeof(terminate) &&
           memcmp(in.p + in.len - sizeof(terminate), terminate, sizeof(terminate)) == 0;
}

/* The client has closed its end: what it asked for and the server has is finished, what still waits
 * is not begun. */
void
session_check_end(struct session *s)
{
    if (!s->input_ended || !session_is_open(s) || (s->terminated && s->backend != NULL)) {
        return;
    }
    if (s->pass_left > 0) {
        session_close(s, NULL); /* in the middle of a message: its end will never come */
        return;
    }
    const bool works = s->phase == SESSION_LEAVING ||
                       (s->phase == SESSION_LOGIN && waiting_unit_len(s) > 0) ||
                       (s->backend != NULL && !flow_empty(&s->backend->flow) && !s->in_batch &&
                        !s->backend->flow.copy_in) ||
                       (s->phase == SESSION_READY && terminate_is_waiting(s));
    if (!works && (s->phase != SESSION_READY || s->backend != NULL || buf_len(&s->out) == 0)) {
        session_close(s, NULL);
        return;
    }
    if (buf_len(&s->in) == 0 || !works) {
        s->phase = SESSION_LEAVING;
    }
}

static void
session_read(struct session *s)
{
    struct worker *w = s->worker;
    size_t n;
    if (!s->first_byte_seen && !login_first_byte(s)) {
        return;
    }
    const enum stream_status status = stream_recv(&s->stream, w->scratch, WORKER_SCRATCH_LEN, &n);
    if (status == STREAM_AGAIN) {
        return;
    }
    if (status == STREAM_CLOSED) {
        s->input_ended = true;
        session_check_end(s);
        return;
    }
    stat_add(&w->stats.bytes_received, n);
    size_t used = 0;
    if (buf_len(&s->in) == 0) {
        used = session_take(s, slice_of(w->scratch, n));
    }
    if (!session_is_open(s)) {
        return;
    }
    if (used < n && !buf_append(&s->in, slice_of(w->scratch + used, n - used))) {
        struct err err;
        (void)err_set(&err, SQLSTATE_OUT_OF_MEMORY, "out of memory");
        session_close(s, &err);
        return;
    }
    if (used == 0) {
        session_resume(s);
    }
}

/* ---- to the client ---- */

void
session_flush(struct session *s)
{
    if (!session_is_open(s) || (buf_len(&s->out) == 0 && !s->out.failed)) {
        return;
    }
    const size_t before = buf_len(&s->out);
    const enum stream_status status = stream_flush(&s->stream, &s->out);
    stat_add(&s->worker->stats.bytes_sent, before - buf_len(&s->out));
    if (status == STREAM_CLOSED) {
        session_lost_reader(s);
        return;
    }
    buf_shrink(&s->out);
    if (s->phase == SESSION_LEAVING && s->backend == NULL) {
        session_left(s);
    }
}

void
session_lost_reader(struct session *s)
{
    if (s->phase != SESSION_LEAVING || s->backend == NULL) {
        session_close(s, NULL);
        return;
    }
    s->is_deaf = true;
    buf_clear(&s->out);
}

void
session_left(struct session *s)
{
    if (buf_len(&s->out) == 0 || s->is_deaf) {
        session_close(s, NULL);
    }
}

static bool
session_wants_input(const struct session *s)
{
    if (s->input_ended || s->phase == SESSION_LEAVING) {
        return false;
    }
    const size_t limit = s->in_needed > SESSION_QUEUE_HIGH ? s->in_needed : SESSION_QUEUE_HIGH;
    /* Answers of Teal's own have no server that would stop: who does not read them is not read. */
    return buf_len(&s->in) < limit && buf_len(&s->out) < SESSION_QUEUE_HIGH &&
           (s->backend == NULL || buf_len(&s->backend->out) < SESSION_QUEUE_HIGH);
}

void
session_update_interest(struct session *s)
{
    if (!session_is_open(s)) {
        return;
    }
    stream_want(&s->stream, (session_wants_input(s) ? WATCH_READ : 0U) |
                                (buf_len(&s->out) > 0 ? WATCH_WRITE : 0U));
    struct backend *b = s->backend;
    if (b != NULL) {
        stream_want(&b->stream, (buf_len(&s->out) < SESSION_QUEUE_HIGH ? WATCH_READ : 0U) |
                                    (buf_len(&b->out) > 0 || b->out.failed ? WATCH_WRITE : 0U));
    }
}

static void
session_on_ready(void *arg, unsigned ready)
{
    struct session *s = arg;
    if ((ready & WATCH_READ) != 0 && session_is_open(s)) {
        session_read(s);
    }
    session_flush(s);
    session_update_interest(s);
}

/* ---- cancel ---- */

static void
cancel_waiting(struct session *s)
{
    const size_t len = waiting_unit_len(s);
    if (len == 0) {
        return;
    }
    struct err err;
    pool_cancel_wait(&s->waiter);
    place_unhold(s);
    buf_consume(&s->in, len);
    s->unit_us = s->wait_since_us = 0;
    s->forced_writer = s->resent = false;
    (void)err_set(&err, SQLSTATE_QUERY_CANCELED, "canceling statement due to user request");
    session_send_error(s, &err);
    message_put_ready(&s->out, 'I');
    session_resume(s);
    session_flush(s);
    session_update_interest(s);
}

void
session_cancel(struct session *s)
{
    if (s->phase == SESSION_REPLICATION) {
        pool_cancel(s->backend); /* nobody else ever gets this backend: no cancel can be late */
        return;
    }
    if (s->phase == SESSION_REPLICATION) {
        pool_cancel(s->backend);
        return;
    }
    if (s->phase != SESSION_READY) {
        return;
    }
    if (s->is_held || s->waiter.pool != NULL) {
        cancel_waiting(s);
        return;
    }
    if (s->backend != NULL && !flow_empty(&s->backend->flow)) {
        pool_cancel(s->backend);
    }
}
