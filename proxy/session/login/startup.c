/* startup.c — the start of a connection. See startup.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/login/startup.h"

#include <string.h>

#include "net/tls.h"
#include "session/client/client.h"
#include "session/login/authenticate.h"
#include "session/login/identity.h"
#include "wire/message.h"
#include "wire/startup.h"

/* ---- encryption ---- */

/* SSLRequest and GSSENCRequest are each answered once; a client that sends more without waiting for
 * the answer would have it taken for encrypted bytes, so nothing may stand behind them. */
static bool
on_encryption_request(struct session *s, bool *asked, bool more_behind)
{
    if (s->client.stream.tls != NULL) {
        session_refuse(s, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "unsupported frontend protocol: the connection is encrypted already");
        return false;
    }
    if (*asked || more_behind) {
        stat_add(&s->stats->client_errors, 1);
        session_fail(s, NULL);
        return false;
    }
    *asked = true;
    return true;
}

/* The one byte of the answer must have gone out in the clear before anything is encrypted. */
static bool
answer_ssl_request(struct session *s)
{
    const bool accepted = s->worker->access->clients != NULL;
    buf_put_u8(outlet_queue(&s->client.out), accepted ? 'S' : 'N');
    if (!accepted) {
        return true;
    }
    client_send(s);
    if (!session_is_open(s) || outlet_len(&s->client.out) > 0) {
        session_fail(s, NULL); /* a peer that does not take a single byte */
        return false;
    }
    return client_begin_tls(s);
}

enum { TLS_HANDSHAKE = 0x16 }; /* the first byte of a TLS ClientHello: ContentType of RFC 8446 */

bool
startup_first_byte(struct session *s)
{
    uint8_t byte;
    CHECK(s->phase == SESSION_STARTUP && !s->startup.first_byte_seen);
    s->startup.first_byte_seen = true;
    if (s->worker->access->clients == NULL || !stream_peek(&s->client.stream, &byte) ||
        byte != TLS_HANDSHAKE) {
        return true;
    }
    s->startup.tls_is_direct = true;
    return client_begin_tls(s);
}

/* Without ALPN anything could be talking here, and be talked to (PostgreSQL manual, "SSL Session
 * Encryption"). */
static bool
tls_is_acceptable(struct session *s)
{
    if (s->startup.tls_is_direct && !tls_has_alpn(&s->client.stream)) {
        log_info(&s->log, "direct TLS without ALPN", "addr=%s", s->client.peer);
        session_fail(s, NULL);
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
           s->client.stream.tls == NULL && !s->client.is_local;
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
    if (!identity_find_database(s)) {
        return;
    }
    if (s->database->facts.disabled) {
        session_refuse(s, SQLSTATE_OBJECT_NOT_IN_STATE,
                       "database \"%s\" is disabled and takes no new clients",
                       s->identity.database);
        return;
    }
    if (s->worker->draining) {
        session_refuse(s, SQLSTATE_CANNOT_CONNECT_NOW, "the proxy is shutting down");
        return;
    }
    if (worker_sessions_of_all(s->worker->workers) > s->worker->conf->max_client_conn) {
        session_refuse(s, SQLSTATE_TOO_MANY_CONNECTIONS, "sorry, too many clients already");
        return;
    }
    identity_settle(s);
    authenticate_begin(s);
}

size_t
startup_consume(struct session *s, struct slice in)
{
    struct startup_packet packet;
    struct err err;
    CHECK(s->phase == SESSION_STARTUP);
    if (!tls_is_acceptable(s)) {
        return 0;
    }
    switch (startup_decode(in, &packet, &err)) {
    case WIRE_MORE:
        return 0;
    case WIRE_BAD:
        session_fail(s, err_is_set(&err) ? &err : NULL);
        return 0;
    case WIRE_OK:
        break;
    }
    CHECK(packet.total > 0 && packet.total <= in.len);
    switch (packet.kind) {
    case STARTUP_SSL:
        return on_encryption_request(s, &s->startup.ssl_asked, in.len > packet.total) &&
                       answer_ssl_request(s)
                   ? packet.total
                   : 0;
    case STARTUP_GSSENC:
        if (!on_encryption_request(s, &s->startup.gss_asked, in.len > packet.total)) {
            return 0;
        }
        buf_put_u8(outlet_queue(&s->client.out), 'N');
        return packet.total;
    case STARTUP_CANCEL:
        s->worker->ops->cancel(s->worker->workers, packet.cancel_pid, packet.cancel_key);
        session_fail(s, NULL);
        return 0;
    case STARTUP_SESSION:
        on_session_packet(s, &packet);
        return packet.total;
    }
    UNREACHABLE();
}
