/* authenticate.c — a client proves who it is. See authenticate.h.
 *
 * Whether a user exists is told to nobody: an unknown one is asked for SCRAM and refused at the
 * same point with the same words. md5 is the exception, as in PostgreSQL: who is asked for it
 * exists. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/authenticate.h"

#include <string.h>

#include "auth/digest.h"
#include "auth/throttle.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/tls.h"
#include "session/census.h"
#include "session/userquery.h"
#include "wire/message.h"

enum { PASSWORD_MESSAGE_MAX = 4096 };

enum { AUTH_MD5 = 5, AUTH_SASL = 10, AUTH_SASL_CONTINUE = 11, AUTH_SASL_FINAL = 12 };

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

static const struct auth_method methods[] = {
    [CONF_AUTH_TRUST] = {NULL, trust_ask, NULL},
    [CONF_AUTH_SCRAM_SHA_256] = {"SASL", scram_ask, scram_answer},
    [CONF_AUTH_MD5] = {"password", md5_ask, md5_check},
};

/* ---- the life of an attempt ---- */

/* The users file comes first; it is in memory. */
static void
look_up(struct session *s)
{
    const struct user *user = access_user(s->auth->access, s->user);
    struct userquery *query = s->worker->userquery;
    if (user == NULL && s->auth->method->answer != NULL && userquery_is_on(query)) {
        userquery_find(query, s);
        return;
    }
    authenticate_found(s, user);
}

static bool
is_banned(const struct session *s)
{
    char source[CENSUS_SOURCE_SIZE];
    if (s->is_local || s->auth->method->answer == NULL) {
        return false;
    }
    census_source(s->peer, source);
    return throttle_bans(s->worker->workers->throttle, source, loop_now_us(s->worker->loop));
}

void
authenticate_begin(struct session *s)
{
    struct worker *w = s->worker;
    struct auth_attempt *a = xcalloc(1, sizeof(*a));
    a->method = &methods[w->conf->auth_type];
    a->step = AUTH_LOOKING;
    list_init(&a->waits);
    a->access = access_ref(w->access);
    s->auth = a;
    s->phase = SESSION_AUTH;
    if (is_banned(s)) {
        session_refuse(s, SQLSTATE_INVALID_AUTHORIZATION,
                       "too many failed logins from this address; try again later");
        return;
    }
    look_up(s);
}

void
authenticate_found(struct session *s, const struct user *user)
{
    struct auth_attempt *a = s->auth;
    CHECK(a != NULL && a->step == AUTH_LOOKING);
    a->user = user;
    a->step = AUTH_ASKED;
    a->method->ask(s);
}

void
authenticate_found_users(struct session *s, struct users *users)
{
    s->auth->found = users == NULL ? NULL : users_ref(users);
    authenticate_found(s, users == NULL ? NULL : users_find(users, s->user));
}

void
authenticate_again(struct session *s, uint32_t code, struct slice body)
{
    message_put_auth(&s->out, code, body);
    s->auth->step = AUTH_ASKED;
}

void
authenticate_succeed(struct session *s)
{
    CHECK(s->phase == SESSION_AUTH);
    if (s->auth->method->answer != NULL && !s->is_local) {
        char source[CENSUS_SOURCE_SIZE];
        census_source(s->peer, source);
        throttle_pass(s->worker->workers->throttle, source, s->user);
    }
    authenticate_fini(s);
    login_authenticated(s);
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
        const struct err failure = s->auth->failure;
        session_close(s, &failure);
    }
}

/* Over a Unix socket nobody guesses who could not do worse. */
static bool
is_guess(const struct session *s, const struct err *err)
{
    return !s->is_local && s->auth != NULL && strcmp(err->sqlstate, SQLSTATE_INVALID_PASSWORD) == 0;
}

void
authenticate_fail(struct session *s, const struct err *err)
{
    struct worker *w = s->worker;
    uint64_t delay_us = 0;
    if (is_guess(s, err)) {
        char source[CENSUS_SOURCE_SIZE];
        const struct throttle_limits limits = limits_of(w->conf);
        census_source(s->peer, source);
        delay_us =
            throttle_fail(w->workers->throttle, source, s->user, &limits, loop_now_us(w->loop));
    }
    if (delay_us == 0) {
        session_close(s, err);
        return;
    }
    struct auth_attempt *a = s->auth;
    a->step = AUTH_CHECKING;
    a->failure = *err;
    a->delay = timer_new(w->loop, on_delay_over, s);
    timer_start(a->delay, delay_us);
}

void
authenticate_resume(struct session *s)
{
    session_resume(s);
    session_flush(s);
    session_update_interest(s);
}

void
authenticate_fini(struct session *s)
{
    struct auth_attempt *a = s->auth;
    if (a == NULL) {
        return;
    }
    keysmith_cancel(a->keys);
    scram_server_fini(&a->scram);
    userquery_leave(s);
    timer_free(a->delay);
    users_unref(a->found);
    access_unref(a->access);
    mem_wipe_free(a, sizeof(*a));
    s->auth = NULL;
}

/* ---- trust ---- */

static void
trust_ask(struct session *s)
{
    authenticate_succeed(s);
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
    users_scram_begin(a->found != NULL ? a->found : a->access->users, s->user, scram);
    scram_server_bind(scram, slice_of(binding, tls_binding(&s->stream, binding)));
    scram_server_offer(scram, &mechanisms);
    authenticate_again(s, AUTH_SASL, buf_slice(&mechanisms));
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
        authenticate_fail(s, &err);
    } else {
        authenticate_again(s, AUTH_SASL_CONTINUE, buf_slice(&reply));
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
        authenticate_fail(s, &err);
    } else {
        message_put_auth(&s->out, AUTH_SASL_FINAL, buf_slice(&reply));
        authenticate_succeed(s);
    }
    buf_fini(&reply);
}

static void
keys_there(void *arg, const struct scram_keys *keys)
{
    struct session *s = arg;
    (void)keys; /* they are in the user's cache; if not, scram_final says why */
    s->auth->keys = NULL;
    s->auth->step = AUTH_ASKED;
    authenticate_resume(s);
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
    a->keys_asked = true;
    a->step = AUTH_CHECKING;
    a->keys = keysmith_ask(w->workers->keysmith, w->mailbox, secret.password, &need, secret.cache,
                           keys_there, s);
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

/* As in PostgreSQL: who has a verifier is asked for SCRAM, and so is who has nothing. */
static void
md5_ask(struct session *s)
{
    struct auth_attempt *a = s->auth;
    if (a->user == NULL || (a->user->kind != USER_MD5 && a->user->kind != USER_PASSWORD)) {
        a->method = &methods[CONF_AUTH_SCRAM_SHA_256];
        a->method->ask(s);
        return;
    }
    rand_bytes(a->salt, sizeof(a->salt));
    authenticate_again(s, AUTH_MD5, slice_of(a->salt, sizeof(a->salt)));
}

static void
md5_check(struct session *s, struct slice body)
{
    struct slice answer;
    struct err err;
    char expected[MD5_SECRET_SIZE];
    const struct auth_attempt *a = s->auth;
    if (!slice_take_cstr(&body, &answer) || body.len != 0) {
        (void)err_set(&err, SQLSTATE_PROTOCOL, "invalid password packet size");
        authenticate_fail(s, &err);
        return;
    }
    if (answer.len == 0) {
        (void)err_set(&err, SQLSTATE_INVALID_PASSWORD, "empty password returned by client");
        authenticate_fail(s, &err);
        return;
    }
    if (!md5_answer(s->user, a->user->secret, a->salt, expected, &err)) {
        authenticate_fail(s, &err);
        return;
    }
    const bool equal =
        answer.len == MD5_SECRET_LEN && digest_equal(answer.p, expected, MD5_SECRET_LEN);
    explicit_bzero(expected, sizeof(expected));
    if (!equal) {
        (void)err_set(&err, SQLSTATE_INVALID_PASSWORD,
                      "password authentication failed for user \"%s\"", s->user);
        authenticate_fail(s, &err);
        return;
    }
    authenticate_succeed(s);
}

/* ---- the client's answers ---- */

size_t
authenticate_consume(struct session *s, struct slice in)
{
    uint8_t type;
    uint64_t total;
    struct auth_attempt *a = s->auth;
    if (a->step != AUTH_ASKED || in.len == 0) {
        return 0;
    }
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
