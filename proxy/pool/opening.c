/* opening.c — from connect to the first ReadyForQuery of a backend.
 *
 * Follows the manual's "Message Flow, Start-up" as a client, with trust, SCRAM-SHA-256 with and
 * without channel binding, md5, and the password itself where nobody else can read it. What a
 * server says is checked as strictly as what a client says: a length beyond the limit, a
 * message out of place or a signature that does not verify ends the connection. A server's text is
 * never shown to a client before the login is through, except for the errors that say why a login
 * cannot work. */
/* SPDX-License-Identifier: PostgreSQL */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "auth/md5.h"
#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/tls.h"
#include "pool/key_derivation.h"
#include "pool/pool_internal.h"
#include "wire/message.h"

_Static_assert((int)CONF_BINDING_DISABLE == (int)SCRAM_BINDING_DISABLE &&
                   (int)CONF_BINDING_PREFER == (int)SCRAM_BINDING_PREFER &&
                   (int)CONF_BINDING_REQUIRE == (int)SCRAM_BINDING_REQUIRE,
               "the key's words are SCRAM's");
_Static_assert((int)TLS_BINDING_MAX <= (int)SCRAM_BINDING_MAX, "binding data fits");

enum { LOGIN_MESSAGE_MAX = 64 * 1024 };

enum {
    AUTH_OK = 0,
    AUTH_PASSWORD = 3,
    AUTH_MD5 = 5,
    AUTH_SASL = 10,
    AUTH_SASL_CONTINUE = 11,
    AUTH_SASL_FINAL = 12,
};

static void
login_fail(struct backend *b, const struct err *err)
{
    pool_backend_failed(b, err, false);
}

static void PRINTF_LIKE(2, 3) login_protocol_error(struct backend *b, const char *fmt, ...)
{
    struct err err;
    char what[128];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(what, sizeof(what), fmt, args);
    va_end(args);
    (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE, "%s broke the protocol while logging in: %s",
                  side_name(b->pool->key.side), what);
    login_fail(b, &err);
}

/* A handshake that failed will fail again: whoever waits is told why. */
static void
login_closed(struct backend *b)
{
    const char *failure = tls_failure(&b->stream);
    if (failure[0] == '\0') {
        login_protocol_error(b, "it closed the connection");
        return;
    }
    struct err err;
    (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE, "TLS with %s failed: %s",
                  side_name(b->pool->key.side), failure);
    pool_backend_failed(b, &err, true);
}

static struct backend *
backend_new(struct pool *pool, struct pool_waiter *reserved)
{
    struct pools *pools = pool->pools;
    struct backend *b = xcalloc(1, sizeof(*b));
    b->pool = pool;
    b->id = (uint64_t)pools->config.worker << 48 | ++pools->next_backend_id;
    b->stream.fd = -1;
    flow_init(&b->flow);
    map_init(&b->prepared, rand_u64());
    buf_init_soft(&b->out);
    list_init(&b->prepared_lru);
    list_init(&b->node);
    b->settings = settings_intern(
        pools->config.settings, reserved == NULL ? SLICE_EMPTY : settings_text(reserved->startup));
    if (reserved != NULL) {
        b->reserved = reserved;
        reserved->own = b;
    }
    b->params = params_new();
    b->connected_us = loop_now_us(pools->config.loop);
    b->incarnation = pools->nodes[pool->key.side].incarnation;
    return b;
}

void
backend_open(struct pool *pool, struct pool_waiter *reserved)
{
    struct pools *pools = pool->pools;
    const struct view_node *node = &pools->nodes[pool->key.side];
    struct backend *b = backend_new(pool, reserved);
    struct err err;
    list_push_back(&pool->opening, &b->node);
    pool->opening_count++;
    const int fd = node->addr_len == 0
                       ? -1
                       : stream_connect((const struct sockaddr *)&node->addr, node->addr_len);
    if (fd == -1) {
        (void)err_set_errno(&err, SQLSTATE_CONNECTION_FAILURE, "could not connect to %s",
                            side_name(pool->key.side));
        login_fail(b, &err);
        return;
    }
    stream_tune(fd,
                &(struct stream_tuning){
                    .keepalive = pools->conf->tcp_keepalive,
                    .idle_s = (unsigned)(pools->conf->tcp_keepidle_us / 1000000),
                    .interval_s = (unsigned)(pools->conf->tcp_keepintvl_us / 1000000),
                    .count = pools->conf->tcp_keepcnt,
                    .user_timeout_ms = (unsigned)(pools->conf->server_tcp_user_timeout_us / 1000),
                });
    stream_init(&b->stream, pools->config.loop, fd, backend_stream_ready, b);
    stream_want(&b->stream, WATCH_WRITE);
    b->state = BACKEND_CONNECTING;
}

static void
put_param(struct buf *params, const char *name, const char *value)
{
    buf_put_cstr(params, name);
    buf_put_cstr(params, value);
}

static void
login_send(struct backend *b)
{
    const enum stream_status status = stream_flush(&b->stream, &b->out);
    if (status == STREAM_CLOSED) {
        login_closed(b);
        return;
    }
    stream_want(&b->stream, status == STREAM_AGAIN ? WATCH_READ | WATCH_WRITE : WATCH_READ);
}

/* A pooled backend is started without settings; a walsender with those of its client, since it may
 * be unable to run a SET. */
static void
put_startup(struct backend *b)
{
    static const char *const replication[] = {
        [POOL_WALSENDERS] = "true",
        [POOL_WALSENDERS_LOGICAL] = "database",
    };
    const struct pool_key *key = &b->pool->key;
    struct buf params;
    buf_init(&params);
    put_param(&params, "user", key->user);
    put_param(&params, "database", key->database);
    if (key->read_only) {
        put_param(&params, "options", "-c default_transaction_read_only=on");
    }
    if (key->use != POOL_SESSIONS) {
        put_param(&params, "replication", replication[key->use]);
    }
    const struct slice settings = settings_text(b->settings);
    buf_put(&params, settings.p, settings.len);
    message_put_startup_text(&b->out, buf_slice(&params));
    buf_fini(&params);
}

/* ---- encryption ---- */

static enum tls_mode
servers_mode(const struct pool *pool)
{
    const struct access *a = pool->pools->access;
    return a->servers == NULL ? TLS_DISABLE : tls_context_mode(a->servers);
}

bool
pool_wants_tls(const struct pool *pool)
{
    const struct view_node *node = &pool->pools->nodes[pool->key.side];
    const enum tls_mode mode = servers_mode(pool);
    return node->addr.ss_family != AF_UNIX && mode != TLS_DISABLE &&
           (mode != TLS_ALLOW || pool->tls_demanded);
}

/* As in libpq: without a request there is no way back to plain, so it takes require or more. */
bool
pool_tls_is_direct(const struct pool *pool)
{
    return pool->pools->conf->server_tls_sslnegotiation == CONF_SSLNEGOTIATION_DIRECT &&
           servers_mode(pool) >= TLS_REQUIRE;
}

bool
pool_begin_tls(const struct pool *pool, struct stream *s, struct err *err)
{
    const struct pools *pools = pool->pools;
    return stream_begin_tls(s, pools->access->servers, pools->conf->node[pool->key.side].host, err);
}

static void
begin_login(struct backend *b)
{
    b->state = BACKEND_LOGIN;
    put_startup(b);
    login_send(b);
}

static void
begin_tls(struct backend *b)
{
    struct err err;
    if (!pool_begin_tls(b->pool, &b->stream, &err)) {
        pool_backend_failed(b, &err, false);
        return;
    }
    begin_login(b);
}

static void
begin_encryption(struct backend *b)
{
    if (pool_tls_is_direct(b->pool)) {
        begin_tls(b);
        return;
    }
    message_put_ssl_request(&b->out);
    b->state = BACKEND_NEGOTIATING;
    login_send(b);
}

static void
on_connected(struct backend *b)
{
    struct err err;
    const int error = stream_connect_error(&b->stream);
    if (error != 0) {
        (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE, "could not connect to %s: %s",
                      side_name(b->pool->key.side), strerror(error));
        login_fail(b, &err);
        return;
    }
    if (pool_wants_tls(b->pool)) {
        begin_encryption(b);
        return;
    }
    begin_login(b);
}

/* Exactly one byte is read: what a liar in between might have put behind it must be taken for TLS,
 * where it fails (CVE-2021-23222). */
static void
on_tls_answer(struct backend *b)
{
    uint8_t answer;
    size_t n;
    struct err err;
    switch (stream_recv(&b->stream, &answer, 1, &n)) {
    case STREAM_AGAIN:
        return;
    case STREAM_CLOSED:
        login_closed(b);
        return;
    case STREAM_OK:
        break;
    }
    if (answer == 'S') {
        begin_tls(b);
    } else if (answer == 'N' && servers_mode(b->pool) < TLS_REQUIRE) {
        begin_login(b);
    } else if (answer == 'N') {
        (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE,
                      "%s has no TLS, and server_tls_sslmode asks for it",
                      side_name(b->pool->key.side));
        pool_backend_failed(b, &err, true);
    } else {
        /* Whatever it says in the clear, anybody may have said (CVE-2024-10977). */
        login_protocol_error(b, "no answer to the request for TLS");
    }
}

/* ---- authentication ---- */

static bool
begin_scram(struct backend *b, struct slice mechanisms, struct err *err)
{
    uint8_t binding[TLS_BINDING_MAX];
    const struct slice bound = slice_of(binding, tls_binding(&b->stream, binding));
    const enum scram_binding use = (enum scram_binding)b->pool->pools->conf->server_channel_binding;
    struct scram_channel channel;
    if (b->scram_started) {
        return err_set(err, SQLSTATE_PROTOCOL, "it asked for SCRAM twice");
    }
    if (!scram_channel_choose(&channel, mechanisms, bound, use, err)) {
        return false;
    }
    struct buf first;
    buf_init(&first);
    scram_client_begin(&b->scram, &channel, &first);
    b->scram_started = true;
    const size_t begun = message_begin(&b->out, 'p');
    buf_put_cstr(&b->out, scram_channel_mechanism(&channel));
    buf_put_u32(&b->out, (uint32_t)buf_len(&first));
    buf_put(&b->out, buf_slice(&first).p, buf_len(&first));
    message_end(&b->out, begun);
    buf_fini(&first);
    return true;
}

static const struct user *
login_user(const struct backend *b)
{
    return pools_user(b->pool->pools, b->pool->key.user);
}

/* Says which server it is about. */
static void
err_name_side(const struct backend *b, struct err *err)
{
    const struct err before = *err;
    (void)err_set(err, before.sqlstate, "%s: %s", side_name(b->pool->key.side), before.text);
    (void)err_hint(err, "%s", before.hint);
}

static bool
answer_challenge(struct backend *b, struct slice challenge, struct err *err)
{
    struct buf reply;
    buf_init(&reply);
    const struct scram_secret secret = user_scram_secret(login_user(b));
    const bool ok =
        scram_client_challenge(&b->scram, challenge, &secret, &reply, err) == SCRAM_CONTINUE;
    if (ok) {
        message_put_password(&b->out, buf_slice(&reply));
    }
    buf_fini(&reply);
    if (!ok && strcmp(err->sqlstate, SQLSTATE_PROTOCOL) != 0) {
        err_name_side(b, err);
    }
    return ok;
}

static bool
answer_md5(struct backend *b, struct slice salt, struct err *err)
{
    const struct user *user = login_user(b);
    char answer[MD5_SECRET_SIZE];
    if (salt.len != MD5_SALT_LEN) {
        return err_set(err, SQLSTATE_PROTOCOL, "a salt of %zu bytes", salt.len);
    }
    if (user == NULL || (user->kind != USER_PASSWORD && user->kind != USER_MD5)) {
        (void)err_set(err, SQLSTATE_INVALID_PASSWORD,
                      "%s asks for an md5 password of user \"%s\", which is not known",
                      side_name(b->pool->key.side), b->pool->key.user);
        return err_hint(err, "Put the password, or its md5 form, into auth_file.");
    }
    if (!md5_answer(b->pool->key.user, user->secret, salt.p, answer, err)) {
        return false;
    }
    message_put_password(&b->out, slice_of(answer, sizeof(answer))); /* with its NUL */
    return true;
}

/* Whether nobody but the server can read what is sent. */
static bool
is_private(const struct backend *b)
{
    const struct sockaddr_storage *addr = &b->pool->pools->nodes[b->pool->key.side].addr;
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)(const void *)addr;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)(const void *)addr;
    return b->stream.tls != NULL || addr->ss_family == AF_UNIX ||
           (addr->ss_family == AF_INET && ntohl(v4->sin_addr.s_addr) >> 24 == IN_LOOPBACKNET) ||
           (addr->ss_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr));
}

/* A server that asks for the password itself gets it only where nobody else can read it. */
static bool
answer_password(struct backend *b, struct err *err)
{
    const struct user *user = login_user(b);
    const char *side = side_name(b->pool->key.side);
    if (!is_private(b)) {
        (void)err_set(err, SQLSTATE_INVALID_AUTHORIZATION,
                      "%s asks for the password in clear text over a connection without TLS", side);
        return err_hint(err, "Use scram-sha-256 in the server's pg_hba.conf, or set "
                             "server_tls_sslmode to require or more.");
    }
    if (user == NULL || user->kind != USER_PASSWORD) {
        (void)err_set(err, SQLSTATE_INVALID_PASSWORD,
                      "%s asks for the password of user \"%s\", which is not known", side,
                      b->pool->key.user);
        return err_hint(err, "Put the password into auth_file, or use scram-sha-256 in the "
                             "server's pg_hba.conf.");
    }
    message_put_password(&b->out, slice_of(user->secret, strlen(user->secret) + 1));
    return true;
}

/* server_channel_binding = require is for every login, as in libpq: a server that asks for less is
 * not the one that is meant. */
static bool
binding_is_kept(const struct backend *b, uint32_t code, struct err *err)
{
    const bool sasl = code == AUTH_SASL || code == AUTH_SASL_CONTINUE || code == AUTH_SASL_FINAL;
    if (b->pool->pools->conf->server_channel_binding != CONF_BINDING_REQUIRE || sasl ||
        (code == AUTH_OK && b->scram_verified)) {
        return true;
    }
    return err_set(err, SQLSTATE_INVALID_AUTHORIZATION,
                   "server_channel_binding is require, but %s logs in without SCRAM-SHA-256-PLUS",
                   side_name(b->pool->key.side));
}

static bool
on_authentication(struct backend *b, struct slice body, struct err *err)
{
    uint32_t code;
    if (!slice_take_u32(&body, &code)) {
        return err_set(err, SQLSTATE_PROTOCOL, "an authentication request without a code");
    }
    if (!binding_is_kept(b, code, err)) {
        return false;
    }
    switch (code) {
    case AUTH_OK:
        /* A server that asked for SCRAM must have proved itself before it says that all is well. */
        return !b->scram_started || b->scram_verified ||
               err_set(err, SQLSTATE_PROTOCOL, "it skipped its own SCRAM proof");
    case AUTH_PASSWORD:
        return answer_password(b, err);
    case AUTH_MD5:
        return answer_md5(b, body, err);
    case AUTH_SASL:
        return begin_scram(b, body, err);
    case AUTH_SASL_CONTINUE:
        return b->scram_started && answer_challenge(b, body, err);
    case AUTH_SASL_FINAL:
        b->scram_verified =
            b->scram_started && scram_client_verify(&b->scram, body, err) == SCRAM_DONE;
        return b->scram_verified;
    default:
        return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "authentication request %u is not supported", code);
    }
}

/* ---- the messages of a login ---- */

static bool
on_key(struct backend *b, struct slice body)
{
    if (!slice_take_u32(&body, &b->pid) || body.len < 4 || body.len > BACKEND_KEY_MAX) {
        return false;
    }
    memcpy(b->key, body.p, body.len);
    b->key_len = body.len;
    return true;
}

/* Whether trying again can help: the server is starting, stopping or full, as against a login that
 * it refuses. */
static bool
error_is_final(struct slice sqlstate)
{
    static const char *const passing[] = {"57P", "53", "08", "XX", "58"};
    for (size_t i = 0; i < COUNT_OF(passing); i++) {
        const size_t len = strlen(passing[i]);
        if (sqlstate.len >= len && memcmp(sqlstate.p, passing[i], len) == 0) {
            return false;
        }
    }
    return sqlstate.len == 5;
}

/* sslmode allow: plain first, and TLS when the server will not have that (libpq's rule). */
static bool
demands_tls(struct backend *b, struct slice sqlstate)
{
    struct pool *pool = b->pool;
    if (servers_mode(pool) != TLS_ALLOW || pool->tls_demanded ||
        !slice_equal_str(sqlstate, SQLSTATE_INVALID_AUTHORIZATION)) {
        return false;
    }
    pool->tls_demanded = true;
    return true;
}

static void
on_error(struct backend *b, struct slice body)
{
    struct message_error e;
    struct err err;
    message_error(body, &e);
    const bool final = error_is_final(e.sqlstate) && !demands_tls(b, e.sqlstate);
    char sqlstate[6] = SQLSTATE_CONNECTION_FAILURE;
    if (e.sqlstate.len == 5 && memchr(e.sqlstate.p, 0, 5) == NULL) {
        memcpy(sqlstate, e.sqlstate.p, 5);
    }
    (void)err_set(&err, sqlstate, "%.*s", (int)(e.text.len < 400 ? e.text.len : 400),
                  e.text.len == 0 ? "" : (const char *)e.text.p);
    pool_backend_failed(b, &err, final);
}

/* False when the backend is not logging in any more. */
static bool
on_login_message(struct backend *b, uint8_t type, struct slice body)
{
    struct err err;
    err_clear(&err);
    switch (type) {
    case 'R':
        if (!on_authentication(b, body, &err)) {
            if (err_is_set(&err) && strcmp(err.sqlstate, SQLSTATE_PROTOCOL) != 0) {
                pool_backend_failed(b, &err, true);
            } else {
                login_protocol_error(b, "%s", err.text);
            }
            return false;
        }
        return true;
    case 'S':
        if (!backend_take_parameter(b, body)) {
            login_protocol_error(b, "malformed ParameterStatus");
            return false;
        }
        return true;
    case 'K':
        if (!on_key(b, body)) {
            login_protocol_error(b, "malformed BackendKeyData");
            return false;
        }
        return true;
    case 'N':
        return true;
    case 'E':
        on_error(b, body);
        return false;
    case 'Z':
        if (body.len != 1 || body.p[0] != 'I') {
            login_protocol_error(b, "malformed ReadyForQuery");
            return false;
        }
        return false;
    default:
        login_protocol_error(b, "unexpected message type %u", type);
        return false;
    }
}

static void login_consume(struct backend *b);

static void
on_keys(void *arg, const struct scram_keys *keys)
{
    struct backend *b = arg;
    (void)keys; /* they are in the user's cache; if not, the answer to the challenge says why */
    b->keys = NULL;
    login_consume(b);
}

/* A challenge to a plain password whose keys are not known: they are derived elsewhere, and the
 * message waits in b->in meanwhile. */
static bool
awaits_keys(struct backend *b, uint8_t type, struct slice body)
{
    const struct pools_config *config = &b->pool->pools->config;
    const struct scram_secret secret = user_scram_secret(login_user(b));
    struct scram_need need;
    uint32_t code;
    if (b->keys != NULL) {
        return true;
    }
    if (b->keys_asked || type != 'R' || !slice_take_u32(&body, &code) ||
        code != AUTH_SASL_CONTINUE || !scram_client_needs(&b->scram, body, &secret, &need)) {
        return false;
    }
    b->keys_asked = true;
    b->keys = key_derivation_ask(config->key_derivation, config->mailbox, secret.password, &need, secret.cache,
                           on_keys, b);
    stream_want(&b->stream, 0);
    return true;
}

static void
login_consume(struct backend *b)
{
    for (;;) {
        const struct slice in = buf_slice(&b->in);
        uint8_t type;
        uint64_t total;
        const enum wire_result r = wire_peek(in, LOGIN_MESSAGE_MAX, &type, &total);
        if (r == WIRE_BAD) {
            login_protocol_error(b, "invalid message length");
            return;
        }
        if (r == WIRE_MORE || in.len < total) {
            login_send(b);
            return;
        }
        const struct slice body = slice_of(in.p + WIRE_HEADER_LEN, (size_t)total - WIRE_HEADER_LEN);
        if (awaits_keys(b, type, body)) {
            return;
        }
        const bool goes_on = on_login_message(b, type, body);
        if (b->state != BACKEND_LOGIN) {
            return; /* failed, and closed */
        }
        buf_consume(&b->in, (size_t)total);
        if (!goes_on) {
            break;
        }
    }
    if (buf_len(&b->in) > 0) {
        login_protocol_error(b, "bytes after ReadyForQuery");
        return;
    }
    buf_shrink(&b->in);
    pool_backend_ready(b);
}

static void
on_login_readable(struct backend *b)
{
    const struct pools_config *config = &b->pool->pools->config;
    size_t n;
    const enum stream_status status =
        stream_recv(&b->stream, config->scratch, config->scratch_len, &n);
    if (status == STREAM_AGAIN) {
        return;
    }
    if (status == STREAM_CLOSED) {
        login_closed(b);
        return;
    }
    buf_put(&b->in, config->scratch, n);
    login_consume(b);
}

void
backend_stream_ready(void *arg, unsigned ready)
{
    struct backend *b = arg;
    switch (b->state) {
    case BACKEND_CONNECTING:
        on_connected(b);
        return;
    case BACKEND_NEGOTIATING:
        if ((ready & WATCH_WRITE) != 0) {
            login_send(b);
        }
        if (b->state == BACKEND_NEGOTIATING && (ready & WATCH_READ) != 0) {
            on_tls_answer(b);
        }
        return;
    case BACKEND_LOGIN:
        if ((ready & WATCH_WRITE) != 0) {
            login_send(b);
        }
        if (b->state == BACKEND_LOGIN && (ready & WATCH_READ) != 0) {
            on_login_readable(b);
        }
        return;
    case BACKEND_IDLE:
        pool_backend_idle_readable(b);
        return;
    case BACKEND_ACTIVE:
        if (b->release_pending) {
            pool_backend_idle_readable(b); /* it has no owner any more */
            return;
        }
        b->pool->pools->config.ops->ready(b, ready);
        return;
    case BACKEND_CLOSED:
        return;
    }
}
