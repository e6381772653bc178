/* opening.c — from connect to the first ReadyForQuery of a backend. See opening.h.
 *
 * Follows the manual's "Message Flow, Start-up" as a client. What a server says is checked as
 * strictly as what a client says: a length beyond the limit or a message out of place ends the
 * connection. A server's text is never shown to a client before the login is through, except for
 * the errors that say why a login is refused. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/opening.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "pool/backend.h"
#include "pool/context.h"
#include "pool/key_derivation.h"
#include "pool/server.h"
#include "pool/server_auth.h"
#include "wire/message.h"

_Static_assert((int)TLS_BINDING_MAX <= (int)SCRAM_BINDING_MAX, "binding data fits");

enum { LOGIN_MESSAGE_MAX = 64 * 1024 };

struct opening {
    struct backend *backend; /* borrowed: its owner */
    struct opening_plan plan;
    struct server_auth auth;
    struct key_request *keys; /* owned by the key derivation; NULL when none is under way */
    bool keys_asked;          /* once is enough */
};

typedef enum opening_step ready_fn(struct opening *o, unsigned ready, struct opening_failure *f);
typedef enum opening_step message_fn(struct opening *o, struct slice body,
                                     struct opening_failure *f);

static ready_fn on_connected;
static ready_fn on_negotiating;
static ready_fn on_login;
static message_fn on_authentication;
static message_fn on_parameter;
static message_fn on_key;
static message_fn on_notice;
static message_fn on_error;
static message_fn on_ready_for_query;

/* The handler of the stream's readiness, by state. */
static ready_fn *const on_ready[] = {
    [BACKEND_CONNECTING] = on_connected,
    [BACKEND_NEGOTIATING] = on_negotiating,
    [BACKEND_LOGIN] = on_login,
};

/* The messages of a login; one without a row breaks the protocol. */
static message_fn *const on_message[UINT8_MAX + 1] = {
    ['R'] = on_authentication, ['S'] = on_parameter, ['K'] = on_key,
    ['N'] = on_notice,         ['E'] = on_error,     ['Z'] = on_ready_for_query,
};

static const char *
side_of(const struct opening *o)
{
    return side_name(o->plan.key->node.side);
}

static const struct pool_context *
context_of(const struct opening *o)
{
    return o->backend->context;
}

/* ---- how it fails ---- */

static enum opening_step PRINTF_LIKE(4, 5)
    fail(struct opening_failure *f, enum opening_failure_kind kind, const char *sqlstate,
         const char *fmt, ...)
{
    char text[ERR_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    f->kind = kind;
    f->in_server_words = false;
    (void)err_set(&f->err, sqlstate, "%s", text);
    return OPENING_FAILED;
}

static enum opening_step
fail_protocol(const struct opening *o, struct opening_failure *f, const char *what)
{
    return fail(f, OPENING_UNREACHABLE, SQLSTATE_CANNOT_CONNECT_NOW,
                "%s broke the protocol while logging in: %s", side_of(o), what);
}

/* A handshake that failed will fail again. */
static enum opening_step
fail_closed(const struct opening *o, struct opening_failure *f)
{
    const char *handshake = tls_failure(&o->backend->stream);
    return handshake[0] == '\0' ? fail_protocol(o, f, "it closed the connection")
                                : fail(f, OPENING_IMPOSSIBLE, SQLSTATE_CONNECTION_FAILURE,
                                       "TLS with %s failed: %s", side_of(o), handshake);
}

/* ---- begin and end ---- */

static void
opening_enter(struct opening *o, enum backend_state state)
{
    struct backend *b = o->backend;
    CHECK(b->opening == o && b->owner == NULL);
    CHECK(state >= b->state && state <= BACKEND_LOGIN);
    b->state = state;
}

enum opening_step
opening_begin(struct backend *b, const struct opening_plan *plan, struct opening_failure *failure)
{
    CHECK(b->opening == NULL && b->state == BACKEND_CONNECTING && !stream_is_open(&b->stream));
    CHECK(plan->ready != NULL && plan->wake != NULL);
    struct opening *o = xcalloc(1, sizeof(*o));
    o->backend = b;
    o->plan = *plan;
    b->opening = o;
    if (pool_context_node(b->context, &plan->key->node)->addr_len == 0) {
        return fail(failure, OPENING_UNREACHABLE, SQLSTATE_CANNOT_CONNECT_NOW,
                    "could not connect to %s: its address is not known", side_of(o));
    }
    const int fd = server_connect(b->context, &plan->key->node);
    if (fd == -1) {
        *failure = (struct opening_failure){.kind = OPENING_UNREACHABLE};
        (void)err_set_errno(&failure->err, SQLSTATE_CANNOT_CONNECT_NOW, "could not connect to %s",
                            side_of(o));
        return OPENING_FAILED;
    }
    server_tune(b->context, fd);
    stream_init(&b->stream, b->context->config.loop, fd, plan->ready, b);
    stream_want(&b->stream, WATCH_WRITE);
    return OPENING_GOES_ON;
}

void
opening_free(struct opening *o)
{
    if (o != NULL) {
        key_derivation_cancel(o->keys);
        server_auth_fini(&o->auth);
        mem_free(o);
    }
}

enum opening_step
opening_ready(struct opening *o, unsigned ready, struct opening_failure *failure)
{
    const enum backend_state state = o->backend->state;
    CHECK(state < COUNT_OF(on_ready) && o->backend->opening == o);
    return on_ready[state](o, ready, failure);
}

/* ---- encryption ---- */

static enum opening_step
send_rest(struct opening *o, struct opening_failure *f)
{
    struct backend *b = o->backend;
    size_t sent;
    const enum stream_status status = outlet_send(&b->out, &b->stream, &sent);
    if (status == STREAM_CLOSED) {
        return fail_closed(o, f);
    }
    stream_want(&b->stream, status == STREAM_AGAIN ? WATCH_READ | WATCH_WRITE : WATCH_READ);
    return OPENING_GOES_ON;
}

static void
put_param(struct buf *params, const char *name, const char *value)
{
    buf_put_cstr(params, name);
    buf_put_cstr(params, value);
}

/* A pooled backend is started without settings; a walsender with those of its client, since it may
 * be unable to run a SET. */
static void
put_startup(struct opening *o)
{
    static const char *const replication[] = {
        [POOL_WALSENDERS] = "true",
        [POOL_WALSENDERS_LOGICAL] = "database",
    };
    const struct pool_key *key = o->plan.key;
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
    const struct slice settings = settings_text(o->backend->settings);
    buf_put_slice(&params, settings);
    message_put_startup_text(outlet_queue(&o->backend->out), buf_slice(&params));
    buf_fini(&params);
}

static enum opening_step
begin_login(struct opening *o, struct opening_failure *f)
{
    opening_enter(o, BACKEND_LOGIN);
    put_startup(o);
    return send_rest(o, f);
}

static enum opening_step
begin_tls(struct opening *o, struct opening_failure *f)
{
    struct backend *b = o->backend;
    *f = (struct opening_failure){.kind = OPENING_UNREACHABLE};
    if (!server_begin_tls(b->context, &o->plan.key->node, &b->stream, &f->err)) {
        return OPENING_FAILED;
    }
    return begin_login(o, f);
}

static enum opening_step
on_connected(struct opening *o, unsigned ready, struct opening_failure *f)
{
    struct backend *b = o->backend;
    const int error = stream_connect_error(&b->stream);
    (void)ready; /* whatever it is: the socket tells how the connect has ended */
    if (error != 0) {
        return fail(f, OPENING_UNREACHABLE, SQLSTATE_CANNOT_CONNECT_NOW,
                    "could not connect to %s: %s", side_of(o), strerror(error));
    }
    if (!o->plan.tls) {
        return begin_login(o, f);
    }
    if (server_tls_is_direct(b->context)) {
        return begin_tls(o, f);
    }
    message_put_ssl_request(outlet_queue(&b->out));
    opening_enter(o, BACKEND_NEGOTIATING);
    return send_rest(o, f);
}

/* Exactly one byte is read: what an attacker in between may have put behind it must be read as TLS,
 * and fails there (CVE-2021-23222). */
static enum opening_step
on_tls_answer(struct opening *o, struct opening_failure *f)
{
    uint8_t answer;
    size_t n;
    const enum stream_status status = stream_recv(&o->backend->stream, &answer, 1, &n);
    if (status != STREAM_OK) {
        return status == STREAM_AGAIN ? OPENING_GOES_ON : fail_closed(o, f);
    }
    if (answer == 'S') {
        return begin_tls(o, f);
    }
    if (answer != 'N') {
        /* Whatever it says in the clear, anybody may have said (CVE-2024-10977). */
        return fail_protocol(o, f, "no answer to the request for TLS");
    }
    return server_tls_mode(context_of(o)) < TLS_REQUIRE
               ? begin_login(o, f)
               : fail(f, OPENING_IMPOSSIBLE, SQLSTATE_CONNECTION_FAILURE,
                      "%s has no TLS, and server_tls_sslmode asks for it", side_of(o));
}

static enum opening_step
on_negotiating(struct opening *o, unsigned ready, struct opening_failure *f)
{
    const bool writable = (ready & WATCH_WRITE) != 0;
    const enum opening_step step = writable ? send_rest(o, f) : OPENING_GOES_ON;
    return step == OPENING_GOES_ON && (ready & WATCH_READ) != 0 ? on_tls_answer(o, f) : step;
}

/* ---- the login ---- */

/* A challenge to a plain password whose keys are not known: they are derived in another thread, and
 * the message waits in b->in meanwhile. */
static void
on_keys(void *arg, const struct scram_keys *keys)
{
    struct opening *o = arg;
    (void)keys; /* they are in the user's cache; if not, the answer to the challenge says why */
    o->keys = NULL;
    o->plan.wake(o->backend);
}

static struct server_auth_facts
facts_of(const struct opening *o, uint8_t binding[TLS_BINDING_MAX])
{
    const struct pool_context *c = context_of(o);
    const struct stream *s = &o->backend->stream;
    return (struct server_auth_facts){
        .server = side_of(o),
        .user_name = o->plan.key->user,
        .user = pool_context_user(c, o->plan.key),
        .binding = slice_of(binding, tls_binding(s, binding)),
        .use = (enum channel_binding)c->conf->server_channel_binding,
        .is_private = server_is_private(c, &o->plan.key->node, s),
    };
}

static bool
awaits_keys(struct opening *o, uint8_t type, struct slice body)
{
    const struct pools_config *config = &context_of(o)->config;
    uint8_t binding[TLS_BINDING_MAX];
    struct scram_need need;
    if (o->keys_asked || type != 'R') {
        return o->keys != NULL;
    }
    const struct server_auth_facts facts = facts_of(o, binding);
    if (!server_auth_needs_keys(&o->auth, &facts, body, &need)) {
        return false;
    }
    const struct scram_secret secret = user_scram_secret(facts.user);
    o->keys_asked = true;
    const struct key_asker asker = {config->mailbox, on_keys, o};
    o->keys =
        key_derivation_ask(config->key_derivation, secret.password, &need, secret.cache, &asker);
    stream_want(&o->backend->stream, 0);
    return true;
}

static enum opening_step
take_message(struct opening *o, uint8_t type, struct slice body, struct opening_failure *f)
{
    char what[64];
    if (on_message[type] != NULL) {
        return on_message[type](o, body, f);
    }
    (void)snprintf(what, sizeof(what), "unexpected message type %u", type);
    return fail_protocol(o, f, what);
}

enum opening_step
opening_resume(struct opening *o, struct opening_failure *f)
{
    struct backend *b = o->backend;
    enum opening_step step = OPENING_GOES_ON;
    CHECK(b->state == BACKEND_LOGIN && b->opening == o);
    while (step == OPENING_GOES_ON) {
        const struct slice in = buf_slice(&b->in);
        uint8_t type;
        uint64_t total;
        const enum wire_result r = wire_peek(in, LOGIN_MESSAGE_MAX, &type, &total);
        if (r == WIRE_BAD) {
            return fail_protocol(o, f, "invalid message length");
        }
        if (r == WIRE_MORE || in.len < total) {
            return send_rest(o, f);
        }
        const struct slice body = slice_of(in.p + WIRE_HEADER_LEN, (size_t)total - WIRE_HEADER_LEN);
        if (awaits_keys(o, type, body)) {
            return OPENING_GOES_ON;
        }
        step = take_message(o, type, body, f);
        buf_consume(&b->in, (size_t)total);
    }
    if (step == OPENING_DONE && buf_len(&b->in) > 0) {
        return fail_protocol(o, f, "bytes after ReadyForQuery");
    }
    buf_shrink(&b->in);
    return step;
}

static enum opening_step
on_login_readable(struct opening *o, struct opening_failure *f)
{
    struct backend *b = o->backend;
    const struct pools_config *config = &b->context->config;
    size_t n;
    const enum stream_status status =
        stream_recv(&b->stream, config->scratch, config->scratch_len, &n);
    if (status != STREAM_OK) {
        return status == STREAM_AGAIN ? OPENING_GOES_ON : fail_closed(o, f);
    }
    buf_put(&b->in, config->scratch, n);
    return opening_resume(o, f);
}

static enum opening_step
on_login(struct opening *o, unsigned ready, struct opening_failure *f)
{
    const bool writable = (ready & WATCH_WRITE) != 0;
    const enum opening_step step = writable ? send_rest(o, f) : OPENING_GOES_ON;
    return step == OPENING_GOES_ON && (ready & WATCH_READ) != 0 ? on_login_readable(o, f) : step;
}

/* ---- its messages ---- */

static enum opening_step
on_authentication(struct opening *o, struct slice body, struct opening_failure *f)
{
    uint8_t binding[TLS_BINDING_MAX];
    const struct server_auth_facts facts = facts_of(o, binding);
    struct err err;
    if (server_auth_answer(&o->auth, &facts, body, outlet_queue(&o->backend->out), &err)) {
        return OPENING_GOES_ON;
    }
    if (strcmp(err.sqlstate, SQLSTATE_PROTOCOL) == 0) {
        return fail_protocol(o, f, err.text);
    }
    *f = (struct opening_failure){.kind = OPENING_IMPOSSIBLE, .err = err};
    return OPENING_FAILED;
}

/* Where a side has several servers, one that was its writer may have come back as a standby before
 * the monitor has seen it: nothing that may write is sent there. */
static bool
is_writer_no_more(const struct opening *o, struct slice body)
{
    const struct pool_key *key = o->plan.key;
    const struct conf *conf = context_of(o)->conf;
    struct slice name;
    struct slice value;
    return !key->read_only && key->use == POOL_SESSIONS &&
           conf->pairs[key->node.pair].side[key->node.side].hosts_count > 1 &&
           slice_take_cstr(&body, &name) && slice_take_cstr(&body, &value) &&
           slice_equal_str(name, "in_hot_standby") && slice_equal_str(value, "on");
}

static enum opening_step
on_parameter(struct opening *o, struct slice body, struct opening_failure *f)
{
    if (is_writer_no_more(o, body)) {
        return fail(f, OPENING_UNREACHABLE, SQLSTATE_CANNOT_CONNECT_NOW,
                    "the server of %s that took the writes is a standby now", side_of(o));
    }
    return backend_take_parameter(o->backend, body)
               ? OPENING_GOES_ON
               : fail_protocol(o, f, "malformed ParameterStatus");
}

static enum opening_step
on_key(struct opening *o, struct slice body, struct opening_failure *f)
{
    struct backend *b = o->backend;
    if (!slice_take_u32(&body, &b->pid) || body.len < 4 || body.len > BACKEND_KEY_MAX) {
        return fail_protocol(o, f, "malformed BackendKeyData");
    }
    memcpy(b->key, body.p, body.len);
    b->key_len = body.len;
    return OPENING_GOES_ON;
}

static enum opening_step
on_notice(struct opening *o, struct slice body, struct opening_failure *f)
{
    (void)o;
    (void)body;
    (void)f;
    return OPENING_GOES_ON;
}

static enum opening_step
on_ready_for_query(struct opening *o, struct slice body, struct opening_failure *f)
{
    return body.len == 1 && body.p[0] == 'I' ? OPENING_DONE
                                             : fail_protocol(o, f, "malformed ReadyForQuery");
}

/* sslmode allow: plain first, and TLS when the server will not have that (libpq's rule). */
static bool
demands_tls(const struct opening *o, struct slice sqlstate)
{
    const struct pool_context *c = context_of(o);
    return server_tls_mode(c) == TLS_ALLOW && !o->plan.tls &&
           server_wants_tls(c, &o->plan.key->node, true) &&
           slice_equal_str(sqlstate, SQLSTATE_INVALID_AUTHORIZATION);
}

/* What a refusal means, by the first characters of its SQLSTATE (the manual's appendix A). */
static enum opening_failure_kind
kind_of_refusal(struct slice sqlstate)
{
    static const struct {
        const char *prefix;
        enum opening_failure_kind kind;
    } kinds[] = {
        {"57P", OPENING_UNREACHABLE}, /* it starts or stops */
        {"53", OPENING_REFUSED},      /* insufficient resources */
        {"08", OPENING_UNREACHABLE},  /* the connection, as proxies in between say */
        {"58", OPENING_REFUSED},      /* its files */
        {"XX", OPENING_REFUSED},      /* itself */
        {"", OPENING_IMPOSSIBLE},
    };
    size_t i = 0;
    while (sqlstate.len < strlen(kinds[i].prefix) ||
           memcmp(sqlstate.p, kinds[i].prefix, strlen(kinds[i].prefix)) != 0) {
        i++;
    }
    return kinds[i].kind;
}

static enum opening_step
on_error(struct opening *o, struct slice body, struct opening_failure *f)
{
    struct message_error e;
    message_error(body, &e);
    if (e.sqlstate.len != 5 || memchr(e.sqlstate.p, 0, 5) != NULL) {
        return fail(f, OPENING_UNREACHABLE, SQLSTATE_CANNOT_CONNECT_NOW,
                    "%s refused the login without an SQLSTATE: %.*s", side_of(o),
                    (int)(e.text.len < 400 ? e.text.len : 400),
                    e.text.len == 0 ? "" : (const char *)e.text.p);
    }
    char sqlstate[6] = "";
    memcpy(sqlstate, e.sqlstate.p, 5);
    const enum opening_failure_kind kind =
        demands_tls(o, e.sqlstate) ? OPENING_NEEDS_TLS : kind_of_refusal(e.sqlstate);
    (void)fail(f, kind, sqlstate, "%.*s", (int)(e.text.len < 400 ? e.text.len : 400),
               e.text.len == 0 ? "" : (const char *)e.text.p);
    f->in_server_words = true;
    if (strcmp(sqlstate, SQLSTATE_INVALID_DATABASE) != 0) { /* that is the client's own mistake */
        (void)err_detail(&f->err, "The server %s refused a login as user \"%s\".", side_of(o),
                         o->plan.key->user);
    }
    return OPENING_FAILED;
}
