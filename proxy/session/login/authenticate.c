/* authenticate.c — a client proves who it is. See authenticate.h.
 *
 * Whether a user exists is told to nobody: an unknown one is asked for SCRAM and refused at the
 * same point with the same words. md5 is the exception, as in PostgreSQL: a user that is
 * asked for it exists. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/login/authenticate.h"

#include <stdio.h>
#include <string.h>

#include "auth/digest.h"
#include "auth/throttle.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/tls.h"
#include "session/login/admission.h"
#include "session/login/client_limits.h"
#include "session/login/external_auth.h"
#include "wire/message.h"

enum { PASSWORD_MESSAGE_MAX = 4096 };

enum {
    AUTH_OK = 0,
    AUTH_CLEARTEXT = 3,
    AUTH_MD5 = 5,
    AUTH_SASL = 10,
    AUTH_SASL_CONTINUE = 11,
    AUTH_SASL_FINAL = 12
};

typedef void auth_ask_fn(struct session *s);
typedef void auth_answer_fn(struct session *s, struct slice body);

struct auth_method {
    const char *response;   /* how PostgreSQL calls the answer; NULL when nothing is asked */
    auth_ask_fn *ask;       /* asks, or decides at once */
    auth_answer_fn *answer; /* NULL when nothing is asked */
};

static auth_ask_fn trust_ask;
static auth_ask_fn scram_ask;
static auth_answer_fn scram_answer;
static auth_ask_fn md5_ask;
static auth_answer_fn md5_check;
static auth_ask_fn password_ask;
static auth_answer_fn password_check;
static auth_ask_fn cert_ask;
static auth_ask_fn peer_ask;

static const struct auth_method methods[] = {
    [AUTH_TYPE_TRUST] = {NULL, trust_ask, NULL},
    [AUTH_TYPE_SCRAM_SHA_256] = {"SASL", scram_ask, scram_answer},
    [AUTH_TYPE_MD5] = {"password", md5_ask, md5_check},
    [AUTH_TYPE_PASSWORD] = {"password", password_ask, password_check},
    [AUTH_TYPE_CERT] = {NULL, cert_ask, NULL},
    [AUTH_TYPE_PEER] = {NULL, peer_ask, NULL},
};

/* ---- its outcome ---- */

/* Code and body of an AuthenticationXxx: the client is to answer it. */
static void
request_answer(struct session *s, uint32_t code, struct slice body)
{
    CHECK(s->phase == SESSION_AUTH && s->auth->method->answer != NULL);
    message_put_auth(outlet_queue(&s->client.out), code, body);
    s->auth->step = AUTH_ASKED;
}

/* The one place where a login succeeds. The attempt is gone afterwards. */
static void
login_succeed(struct session *s)
{
    CHECK(s->phase == SESSION_AUTH);
    if (s->auth->method->answer != NULL && !s->client.is_local) {
        char source[CLIENT_SOURCE_SIZE];
        client_source(s->client.peer, source);
        throttle_pass(s->worker->workers->throttle, source, s->identity.user);
    }
    authenticate_fini(s);
    if (!admission_login(s)) {
        return;
    }
    message_put_auth(outlet_queue(&s->client.out), AUTH_OK, SLICE_EMPTY);
    session_enter(s, SESSION_EV_PROVED);
}

static struct throttle_limits
limits_of(const struct conf *conf)
{
    return (struct throttle_limits){
        .delay_us = conf->auth_failure_delay_us,
        .delay_max_us = conf->auth_failure_delay_max_us,
        .failures_max = conf->auth_failures_max,
        .ban_us = conf->auth_failure_ban_us,
    };
}

static void
on_delay_over(void *arg)
{
    struct session *s = arg;
    if (session_is_open(s)) {
        CHECK(s->auth != NULL && s->auth->step == AUTH_CHECKING);
        const struct err failure = s->auth->failure;
        session_fail(s, &failure);
        session_wake(s);
    }
}

/* A process that could guess over a Unix socket can do worse already. */
static bool
is_guess(const struct session *s, const struct err *err)
{
    return !s->client.is_local && s->auth != NULL &&
           strcmp(err->sqlstate, SQLSTATE_INVALID_PASSWORD) == 0;
}

/* The one place where it fails: the client is told err, and the session ends. A bad password
 * (28P01) is told late (auth/throttle.h); meanwhile nothing more is read. */
static void
login_fail(struct session *s, const struct err *err)
{
    struct worker *w = s->worker;
    uint64_t delay_us = 0;
    CHECK(err_is_set(err));
    if (is_guess(s, err)) {
        char source[CLIENT_SOURCE_SIZE];
        const struct throttle_limits limits = limits_of(w->conf);
        client_source(s->client.peer, source);
        delay_us = throttle_fail(w->workers->throttle, source, s->identity.user, &limits,
                                 loop_now_us(w->loop));
    }
    if (delay_us == 0) {
        session_fail(s, err);
        return;
    }
    struct auth_attempt *a = s->auth;
    CHECK(a->delay == NULL); /* nothing is read meanwhile that could fail again */
    a->step = AUTH_CHECKING;
    a->failure = *err;
    a->delay = timer_new(w->loop, on_delay_over, s);
    timer_start(a->delay, delay_us);
}

/* ---- the life of an attempt ---- */

void
authenticate_leave(struct session *s)
{
    if (s->auth != NULL) {
        auth_query_leave(&s->auth->waiter);
    }
}

void
authenticate_fini(struct session *s)
{
    struct auth_attempt *a = s->auth;
    if (a == NULL) {
        return;
    }
    key_derivation_cancel(a->keys);
    scram_server_fini(&a->scram);
    auth_query_leave(&a->waiter);
    timer_free(a->delay);
    users_unref(a->found);
    access_unref(a->access);
    mem_wipe_free(a, sizeof(*a));
    s->auth = NULL;
}

/* Or NULL: nobody knows the name. It must live for as long as the attempt. */
static void
user_found(struct session *s, const struct user *user)
{
    struct auth_attempt *a = s->auth;
    CHECK(a != NULL && a->step == AUTH_LOOKING);
    a->user = user;
    a->step = AUTH_ASKED;
    a->method->ask(s);
}

/* The answer of auth_query. */
static void
user_asked_for(struct auth_query_waiter *waiter, struct users *users, const struct err *err)
{
    struct auth_attempt *a = LIST_OBJECT(waiter, struct auth_attempt, waiter);
    struct session *s = a->session;
    const bool is_late = a->answer_is_late; /* the attempt may be over behind this */
    if (err != NULL) {
        login_fail(s, err);
    } else {
        a->found = users == NULL ? NULL : users_ref(users);
        user_found(s, users == NULL ? NULL : users_find(users, s->identity.user));
    }
    if (is_late) {
        session_wake(s);
    }
}

/* The users file comes first; it is in memory. */
static void
look_up(struct session *s)
{
    struct auth_attempt *a = s->auth;
    const struct user *user = access_user(a->access, s->identity.user);
    if (user == NULL && a->method->answer != NULL &&
        auth_query_is_on(s->worker->auth_queries, s->database->alias)) {
        auth_query_find(s->worker->auth_queries, s->database->alias, s->identity.user, &a->waiter);
        a->answer_is_late = true; /* from here on: what comes within the call is in its turn */
        return;
    }
    user_found(s, user);
}

static bool
is_banned(const struct session *s)
{
    char source[CLIENT_SOURCE_SIZE];
    if (s->client.is_local || s->auth->method->answer == NULL) {
        return false;
    }
    client_source(s->client.peer, source);
    return throttle_bans(s->worker->workers->throttle, source, loop_now_us(s->worker->loop));
}

/* In PostgreSQL's words. */
static void
refuse_by_rows(struct session *s, bool no_entry)
{
    static const char *const words[2][2] = {
        {"pg_hba.conf rejects connection for host",
         "pg_hba.conf rejects replication connection for host"},
        {"no pg_hba.conf entry for host",
         "no pg_hba.conf entry for replication connection from host"},
    };
    char host[CLIENT_HOST_SIZE] = "[local]";
    char database[96] = "";
    const bool physical = s->identity.use == POOL_WALSENDERS;
    if (!s->client.is_local) {
        client_host(s->client.peer, host);
    }
    if (!physical) {
        (void)snprintf(database, sizeof(database), "database \"%s\", ", s->identity.database);
    }
    session_refuse(s, SQLSTATE_INVALID_AUTHORIZATION, "%s \"%s\", user \"%s\", %s%s",
                   words[no_entry][physical], host, s->identity.user, database,
                   s->client.stream.tls != NULL ? "SSL encryption" : "no encryption");
}

/* clientcert= of the row: besides what its method asks. */
static bool
certificate_will_do(const struct session *s, const struct hba_row *row)
{
    struct buf name;
    buf_init(&name);
    const bool any = tls_peer_name(&s->client.stream, &name);
    buf_fini(&name);
    return row->clientcert == HBA_CLIENTCERT_NONE ||
           (row->clientcert == HBA_CLIENTCERT_VERIFY_CA && any) ||
           (row->clientcert == HBA_CLIENTCERT_VERIFY_FULL &&
            external_by_certificate(s, s->auth->access->ident, row->map));
}

static bool
choose_by_rows(struct session *s)
{
    struct auth_attempt *a = s->auth;
    char host[CLIENT_HOST_SIZE] = "";
    if (!s->client.is_local) {
        client_host(s->client.peer, host);
    }
    const struct hba_question q = {
        .local = s->client.is_local,
        .tls = s->client.stream.tls != NULL,
        .physical = s->identity.use == POOL_WALSENDERS,
        .address = host,
        .user = s->identity.user,
        .database = s->identity.database,
    };
    const struct hba_row *row = hba_find(a->access->hba, &q);
    if (row == NULL || row->method == AUTH_TYPE_REJECT) {
        refuse_by_rows(s, row == NULL);
        return false;
    }
    if (!certificate_will_do(s, row)) {
        session_refuse(s, SQLSTATE_INVALID_AUTHORIZATION,
                       "connection requires a valid client certificate");
        return false;
    }
    CHECK((size_t)row->method < COUNT_OF(methods));
    a->row = row;
    a->method = &methods[row->method];
    return true;
}

/* False when the session has ended. */
static bool
choose_method(struct session *s)
{
    if (s->auth->access->hba != NULL) {
        return choose_by_rows(s);
    }
    CHECK((size_t)s->worker->conf->auth_type < COUNT_OF(methods)); /* hba comes with rows */
    s->auth->method = &methods[s->worker->conf->auth_type];
    return true;
}

void
authenticate_begin(struct session *s)
{
    struct worker *w = s->worker;
    CHECK(s->phase == SESSION_STARTUP && s->auth == NULL);
    struct auth_attempt *a = xcalloc(1, sizeof(*a));
    a->step = AUTH_LOOKING;
    a->session = s;
    a->waiter.done = user_asked_for;
    list_init(&a->waiter.node);
    a->access = access_ref(w->access);
    s->auth = a;
    session_enter(s, SESSION_EV_NAMED);
    if (!choose_method(s)) {
        return;
    }
    if (is_banned(s)) {
        session_refuse(s, SQLSTATE_INVALID_AUTHORIZATION,
                       "too many failed logins from this address; try again later");
        return;
    }
    look_up(s);
}

/* ---- trust ---- */

static void
trust_ask(struct session *s)
{
    login_succeed(s);
}

/* ---- scram-sha-256 ---- */

static void
scram_ask(struct session *s)
{
    struct auth_attempt *a = s->auth;
    struct scram_server *scram = &a->scram;
    uint8_t binding[TLS_BINDING_MAX];
    struct buf mechanisms;
    buf_init(&mechanisms);
    users_scram_begin(a->found != NULL ? a->found : a->access->users, s->identity.user, scram);
    scram_server_bind(scram, slice_of(binding, tls_binding(&s->client.stream, binding)));
    scram_server_offer(scram, &mechanisms);
    request_answer(s, AUTH_SASL, buf_slice(&mechanisms));
    buf_fini(&mechanisms);
}

static void
scram_first(struct session *s, struct slice body)
{
    struct slice mechanism;
    struct slice message;
    uint32_t len;
    struct err err;
    if (!slice_take_cstr(&body, &mechanism) || !slice_take_u32(&body, &len)) {
        session_refuse(s, SQLSTATE_PROTOCOL, "invalid SASL response: insufficient data");
        return;
    }
    if (!scram_server_choose(&s->auth->scram, mechanism)) {
        session_refuse(s, SQLSTATE_PROTOCOL,
                       "client selected an invalid SASL authentication mechanism");
        return;
    }
    if (!slice_take(&body, len, &message) || body.len != 0) {
        session_refuse(s, SQLSTATE_PROTOCOL, "invalid SASL response: insufficient data");
        return;
    }
    struct buf reply;
    buf_init(&reply);
    s->auth->scram_first_seen = true;
    if (scram_server_first(&s->auth->scram, message, &reply, &err) == SCRAM_FAILED) {
        login_fail(s, &err);
    } else {
        request_answer(s, AUTH_SASL_CONTINUE, buf_slice(&reply));
    }
    buf_fini(&reply);
}

static void
scram_final(struct session *s, struct slice body)
{
    struct err err;
    struct buf reply;
    buf_init(&reply);
    const struct scram_secret secret = user_scram_secret(s->auth->user);
    if (scram_server_final(&s->auth->scram, body, &secret, &reply, &err) == SCRAM_FAILED) {
        login_fail(s, &err);
    } else {
        message_put_auth(outlet_queue(&s->client.out), AUTH_SASL_FINAL, buf_slice(&reply));
        login_succeed(s);
    }
    buf_fini(&reply);
}

static void
keys_there(void *arg, const struct scram_keys *keys)
{
    struct session *s = arg;
    struct auth_attempt *a = s->auth;
    CHECK(a != NULL && a->keys != NULL); /* the end of the attempt cancels it */
    (void)keys; /* they are in the user's cache; if not, scram_final says why */
    a->keys = NULL;
    if (session_is_open(s)) {
        a->step = AUTH_ASKED;
        session_wake(s);
    }
}

/* A plain password whose keys nobody has asked for yet: they are derived elsewhere first. */
static bool
scram_awaits_keys(struct session *s)
{
    struct auth_attempt *a = s->auth;
    struct worker *w = s->worker;
    struct scram_need need;
    const struct scram_secret secret = user_scram_secret(a->user);
    if (a->keys_asked || !scram_server_needs(&a->scram, &secret, &need)) {
        return false;
    }
    CHECK(a->keys == NULL);
    a->keys_asked = true;
    a->step = AUTH_CHECKING;
    const struct key_asker asker = {w->mailbox, keys_there, s};
    a->keys = key_derivation_ask(w->workers->key_derivation, secret.password, &need, secret.cache,
                                 &asker);
    return true;
}

static void
scram_answer(struct session *s, struct slice body)
{
    if (s->auth->scram_first_seen) {
        scram_final(s, body);
    } else {
        scram_first(s, body);
    }
}

/* ---- md5 ---- */

/* As in PostgreSQL: a user with a verifier is asked for SCRAM, and so is one without a password. */
static void
md5_ask(struct session *s)
{
    struct auth_attempt *a = s->auth;
    if (a->user == NULL || (a->user->kind != USER_MD5 && a->user->kind != USER_PASSWORD)) {
        a->method = &methods[AUTH_TYPE_SCRAM_SHA_256];
        a->method->ask(s);
        return;
    }
    rand_bytes(a->salt, sizeof(a->salt));
    request_answer(s, AUTH_MD5, slice_of(a->salt, sizeof(a->salt)));
}

static void
md5_check(struct session *s, struct slice body)
{
    struct slice answer;
    struct err err;
    char expected[MD5_SECRET_SIZE];
    const struct auth_attempt *a = s->auth;
    CHECK(a->user != NULL); /* others are not asked for md5 */
    if (!slice_take_cstr(&body, &answer) || body.len != 0) {
        (void)err_set(&err, SQLSTATE_PROTOCOL, "invalid password packet size");
        login_fail(s, &err);
        return;
    }
    if (answer.len == 0) {
        (void)err_set(&err, SQLSTATE_INVALID_PASSWORD, "empty password returned by client");
        login_fail(s, &err);
        return;
    }
    if (!md5_answer(s->identity.user, a->user->secret, a->salt, expected, &err)) {
        login_fail(s, &err);
        return;
    }
    const bool equal =
        answer.len == MD5_SECRET_LEN && digest_equal(answer.p, expected, MD5_SECRET_LEN);
    explicit_bzero(expected, sizeof(expected));
    if (!equal) {
        (void)err_set(&err, SQLSTATE_INVALID_PASSWORD,
                      "password authentication failed for user \"%s\"", s->identity.user);
        login_fail(s, &err);
        return;
    }
    login_succeed(s);
}

/* ---- password ---- */

static void
password_ask(struct session *s)
{
    if (s->client.stream.tls == NULL && !s->client.is_local) {
        session_refuse(s, SQLSTATE_INVALID_AUTHORIZATION,
                       "a password is not taken in the clear: connect with TLS");
        return;
    }
    request_answer(s, AUTH_CLEARTEXT, SLICE_EMPTY);
}

static void
password_decide(struct session *s, bool right)
{
    struct err err;
    if (right) {
        login_succeed(s);
        return;
    }
    (void)err_set(&err, SQLSTATE_INVALID_PASSWORD, "password authentication failed for user \"%s\"",
                  s->identity.user);
    login_fail(s, &err);
}

static void
password_keys_there(void *arg, const struct scram_keys *keys)
{
    struct session *s = arg;
    struct auth_attempt *a = s->auth;
    struct scram_verifier made;
    CHECK(a != NULL && a->keys != NULL);
    a->keys = NULL;
    if (!session_is_open(s)) {
        return;
    }
    const struct scram_verifier *known = a->user == NULL ? NULL : a->user->verifier;
    const bool right = keys != NULL && known != NULL && scram_verifier_of_keys(keys, &made) &&
                       digest_equal(made.stored_key, known->stored_key, SCRAM_KEY_LEN);
    password_decide(s, right);
    session_wake(s);
}

/* A verifier is compared with what the password would give: derived elsewhere, and not kept, for it
 * may be wrong. For an unknown user the same is done with a made-up salt. */
static void
password_compare_keys(struct session *s, const char *password)
{
    static const uint8_t no_salt[SCRAM_SALT_LEN] = {0};
    struct auth_attempt *a = s->auth;
    struct worker *w = s->worker;
    const struct scram_verifier *v = a->user == NULL ? NULL : a->user->verifier;
    struct scram_need need = {.salt_len = v == NULL ? sizeof(no_salt) : v->salt_len,
                              .iterations = v == NULL ? SCRAM_ITERATIONS : v->iterations};
    CHECK(a->keys == NULL && need.salt_len <= sizeof(need.salt));
    memcpy(need.salt, v == NULL ? no_salt : v->salt, need.salt_len);
    const struct key_asker asker = {w->mailbox, password_keys_there, s};
    a->keys = key_derivation_ask(w->workers->key_derivation, password, &need, NULL, &asker);
}

static bool
password_matches(const struct user *user, const char *password)
{
    uint8_t given[SHA256_LEN];
    uint8_t wanted[SHA256_LEN];
    char secret[MD5_SECRET_SIZE];
    struct err err;
    const char *compared = password;
    if (user->kind == USER_MD5) {
        if (!md5_secret_make(user->name, password, secret, &err)) {
            return false;
        }
        compared = secret;
    }
    /* Digests, so that the time does not tell how long the secret is. */
    return digest_sha256(slice_of_str(compared), given) &&
           digest_sha256(slice_of_str(user->secret), wanted) &&
           digest_equal(given, wanted, SHA256_LEN);
}

static void
password_check(struct session *s, struct slice body)
{
    struct slice answer;
    struct err err;
    const struct auth_attempt *a = s->auth;
    if (!slice_take_cstr(&body, &answer) || body.len != 0) {
        (void)err_set(&err, SQLSTATE_PROTOCOL, "invalid password packet size");
        login_fail(s, &err);
        return;
    }
    if (answer.len == 0) {
        (void)err_set(&err, SQLSTATE_INVALID_PASSWORD, "empty password returned by client");
        login_fail(s, &err);
        return;
    }
    const char *password = (const char *)answer.p; /* its NUL was seen */
    if (a->user == NULL || (a->user->kind != USER_PASSWORD && a->user->kind != USER_MD5)) {
        password_compare_keys(s, password);
        return;
    }
    password_decide(s, password_matches(a->user, password));
}

/* ---- cert, peer ---- */

static void
external_decide(struct session *s, bool ok, const char *what)
{
    struct err err;
    if (ok) {
        login_succeed(s);
        return;
    }
    (void)err_set(&err, SQLSTATE_INVALID_AUTHORIZATION, "%s authentication failed for user \"%s\"",
                  what, s->identity.user);
    login_fail(s, &err);
}

static void
cert_ask(struct session *s)
{
    const struct hba_row *row = s->auth->row;
    const char *map = row == NULL ? NULL : row->map;
    external_decide(s, external_by_certificate(s, s->auth->access->ident, map), "certificate");
}

static void
peer_ask(struct session *s)
{
    const struct hba_row *row = s->auth->row;
    const char *map = row == NULL ? NULL : row->map;
    external_decide(s, external_by_system(s, s->auth->access->ident, map), "Peer");
}

/* ---- the client's answers ---- */

size_t
authenticate_consume(struct session *s, struct slice in)
{
    uint8_t type;
    uint64_t total;
    struct auth_attempt *a = s->auth;
    CHECK(s->phase == SESSION_AUTH && a != NULL);
    if (a->step != AUTH_ASKED || in.len == 0) {
        return 0;
    }
    CHECK(a->method->answer != NULL);
    if (in.p[0] != 'p') {
        session_refuse(s, SQLSTATE_PROTOCOL, "expected %s response, got message type %u",
                       a->method->response, in.p[0]);
        return 0;
    }
    const enum wire_result r = wire_peek(in, PASSWORD_MESSAGE_MAX, &type, &total);
    if (r == WIRE_BAD) {
        session_refuse(s, SQLSTATE_PROTOCOL, "invalid length of a %s response",
                       a->method->response);
        return 0;
    }
    if (r == WIRE_MORE || in.len < total) {
        return 0;
    }
    if (scram_awaits_keys(s)) {
        return 0;
    }
    a->step = AUTH_CHECKING;
    a->method->answer(s, slice_of(in.p + WIRE_HEADER_LEN, (size_t)total - WIRE_HEADER_LEN));
    return (size_t)total;
}
