/* login.c — from the first byte of a client to its first ReadyForQuery.
 *
 * What a client is told at login (ParameterStatus) comes from a real backend with the client's own
 * settings applied, so that a bad setting is refused here, with the server's words, and the values
 * shown are the server's. The answer is remembered by user, database and settings: the next login
 * like it needs no backend. The proof of who it is in between is authenticate.c's. */
/* SPDX-License-Identifier: PostgreSQL */
#include <string.h>

#include "base/mem.h"
#include "net/tls.h"
#include "session/admission.h"
#include "session/authenticate.h"
#include "session/identity.h"
#include "session/session.h"
#include "session/workers.h"
#include "wire/message.h"
#include "wire/startup.h"

enum { WELCOMES_MAX = 1000, AUTH_OK = 0 };

/* ---- the end of a login ---- */

static struct buf
welcome_key(const struct session *s)
{
    struct buf key;
    buf_init(&key);
    buf_put_cstr(&key, s->user);
    buf_put_cstr(&key, s->database);
    buf_put(&key, s->settings->text, s->settings->text_len);
    return key;
}

static void
login_finish(struct session *s)
{
    static const char *const node_roles[] = {"default_transaction_read_only", "in_hot_standby"};
    for (uint32_t i = 0; i < s->params->count; i++) {
        message_put_parameter(&s->out, s->params->items[i].name, s->params->items[i].value);
    }
    for (size_t i = 0; i < COUNT_OF(node_roles); i++) {
        message_put_parameter(&s->out, node_roles[i], "off");
    }
    worker_enlist(s->worker, s);
    message_put_key(&s->out, s->cancel_pid, slice_of(s->cancel_key, s->cancel_key_len));
    message_put_ready(&s->out, 'I');
    s->phase = SESSION_READY;
    s->query_us = loop_now_us(s->worker->loop);
    list_remove(&s->node);
    list_push_back(&s->worker->sessions, &s->node);
    stat_add(&s->worker->stats.logins, 1);
    log_debug(&s->log, "client logged in", "addr=%s", s->peer);
}

/* The parameters of a fresh login are known: remember them for the next one like it. */
static void
login_learnt(struct session *s)
{
    struct buf key = welcome_key(s);
    if (map_count(&s->worker->welcomes) >= WELCOMES_MAX) {
        worker_forget_welcomes(s->worker); /* logins that are never alike: do not keep them all */
    }
    params_unref(map_put(&s->worker->welcomes, buf_slice(&key), params_ref(s->params)));
    buf_fini(&key);
    place_give_back(s);
    login_finish(s);
}

void
login_settings_applied(struct session *s)
{
    session_take_params(s, s->backend->params);
    login_learnt(s);
}

void
login_linked(struct session *s)
{
    if (s->use != POOL_SESSIONS) {
        session_take_params(s, s->backend->params);
        login_finish(s);
        replication_begin(s);
        return;
    }
    if (!s->applying_settings) {
        login_settings_applied(s);
    }
}

void
login_authenticated(struct session *s)
{
    struct worker *w = s->worker;
    if (!admission_login(s)) {
        return;
    }
    message_put_auth(&s->out, AUTH_OK, SLICE_EMPTY);
    s->phase = SESSION_LOGIN;
    struct buf key = welcome_key(s);
    struct params *known = map_get(&w->welcomes, buf_slice(&key));
    buf_fini(&key);
    if (known != NULL && s->use == POOL_SESSIONS) {
        session_take_params(s, known);
        login_finish(s);
        return;
    }
    if (place_seek(s, SQL_WRITE)) {
        login_linked(s);
    }
}

/* ---- the start-up packet ---- */

/* SSLRequest and GSSENCRequest are each answered once; a client that sends more without waiting for
 * the answer would have it taken for encrypted bytes, so nothing may stand behind them. */
static bool
on_encryption_request(struct session *s, bool *asked, bool more_behind)
{
    if (s->stream.tls != NULL) {
        session_refuse(s, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "unsupported frontend protocol: the connection is encrypted already");
        return false;
    }
    if (*asked || more_behind) {
        stat_add(&s->worker->stats.client_errors, 1);
        session_close(s, NULL);
        return false;
    }
    *asked = true;
    return true;
}

static bool
begin_tls(struct session *s)
{
    struct err err;
    if (!stream_begin_tls(&s->stream, s->worker->access->clients, NULL, &err)) {
        session_close(s, &err);
        return false;
    }
    return true;
}

/* The one byte of the answer must have gone out in the clear before anything is encrypted. */
static bool
answer_ssl_request(struct session *s)
{
    const bool accepted = s->worker->access->clients != NULL;
    buf_put_u8(&s->out, accepted ? 'S' : 'N');
    if (!accepted) {
        return true;
    }
    session_flush(s);
    if (!session_is_open(s) || buf_len(&s->out) > 0) {
        session_close(s, NULL); /* a peer that does not take a single byte */
        return false;
    }
    return begin_tls(s);
}

enum { TLS_HANDSHAKE = 0x16 }; /* the first byte of a TLS ClientHello: ContentType of RFC 8446 */

bool
login_first_byte(struct session *s)
{
    uint8_t byte;
    s->first_byte_seen = true;
    if (s->worker->access->clients == NULL || !stream_peek(&s->stream, &byte) ||
        byte != TLS_HANDSHAKE) {
        return true;
    }
    s->tls_direct = true;
    return begin_tls(s);
}

/* Without ALPN anything could be talking here, and be talked to (PostgreSQL manual, "SSL Session
 * Encryption"). */
static bool
tls_is_acceptable(struct session *s)
{
    if (s->tls_direct && !tls_has_alpn(&s->stream)) {
        log_info(&s->log, "direct TLS without ALPN", "addr=%s", s->peer);
        session_close(s, NULL);
        return false;
    }
    return true;
}

/* Over a Unix socket nobody listens in. */
static bool
encryption_is_missing(const struct session *s)
{
    const struct access *a = s->worker->access;
    return a->clients != NULL && tls_context_mode(a->clients) >= TLS_REQUIRE &&
           s->stream.tls == NULL && !s->is_local;
}

static void
on_session_packet(struct session *s, const struct startup_packet *packet)
{
    if (!identity_take(s, packet)) {
        return;
    }
    if (encryption_is_missing(s)) {
        session_refuse(s, SQLSTATE_INVALID_AUTHORIZATION,
                       "connections without TLS are not accepted (client_tls_sslmode)");
        return;
    }
    /* A physical walsender serves the whole cluster: it has no database. */
    if (s->use != POOL_WALSENDERS && strcmp(s->database, s->worker->conf->database) != 0) {
        session_refuse(s, SQLSTATE_INVALID_DATABASE, "database \"%s\" does not exist", s->database);
        return;
    }
    if (s->worker->view->disabled) {
        session_refuse(s, SQLSTATE_OBJECT_NOT_IN_STATE,
                       "database \"%s\" is disabled and takes no new clients", s->database);
        return;
    }
    if (s->worker->draining) {
        session_refuse(s, SQLSTATE_CANNOT_CONNECT_NOW, "the proxy is shutting down");
        return;
    }
    if (workers_sessions(s->worker->workers) > s->worker->conf->max_client_conn) {
        session_refuse(s, SQLSTATE_TOO_MANY_CONNECTIONS, "sorry, too many clients already");
        return;
    }
    identity_settle(s);
    authenticate_begin(s);
}

static size_t
consume_startup(struct session *s, struct slice in)
{
    struct startup_packet packet;
    struct err err;
    if (!tls_is_acceptable(s)) {
        return 0;
    }
    switch (startup_decode(in, &packet, &err)) {
    case WIRE_MORE:
        return 0;
    case WIRE_BAD:
        session_close(s, err_is_set(&err) ? &err : NULL);
        return 0;
    case WIRE_OK:
        break;
    }
    switch (packet.kind) {
    case STARTUP_SSL:
        return on_encryption_request(s, &s->ssl_asked, in.len > packet.total) &&
                       answer_ssl_request(s)
                   ? packet.total
                   : 0;
    case STARTUP_GSSENC:
        if (!on_encryption_request(s, &s->gss_asked, in.len > packet.total)) {
            return 0;
        }
        buf_put_u8(&s->out, 'N');
        return packet.total;
    case STARTUP_CANCEL:
        workers_cancel(s->worker->workers, packet.cancel_pid, packet.cancel_key);
        session_close(s, NULL);
        return 0;
    case STARTUP_SESSION:
        on_session_packet(s, &packet);
        return packet.total;
    }
    UNREACHABLE();
}

size_t
login_consume(struct session *s, struct slice in)
{
    return s->phase == SESSION_STARTUP ? consume_startup(s, in) : authenticate_consume(s, in);
}
