/* server_auth.c — the proof towards a server that Teal may log in. See server_auth.h.
 *
 * Follows the manual's "Message Flow, Start-up" as a client; the codes are those of the
 * Authentication messages there. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/server_auth.h"

#include <string.h>

#include "auth/md5.h"
#include "wire/message.h"

enum {
    AUTH_OK = 0,
    AUTH_PASSWORD = 3,
    AUTH_MD5 = 5,
    AUTH_SASL = 10,
    AUTH_SASL_CONTINUE = 11,
    AUTH_SASL_FINAL = 12,
};

/* A request and what it is answered with. */
struct request {
    struct server_auth *auth;
    const struct server_auth_facts *facts;
    struct slice body; /* behind the code */
    struct buf *out;
};

typedef bool answer_fn(const struct request *r, struct err *err);

static answer_fn answer_ok;
static answer_fn answer_password;
static answer_fn answer_md5;
static answer_fn answer_sasl;
static answer_fn answer_challenge;
static answer_fn answer_proof;

/* By code; what has no row is not supported. */
static answer_fn *const answers[] = {
    [AUTH_OK] = answer_ok,
    [AUTH_PASSWORD] = answer_password,
    [AUTH_MD5] = answer_md5,
    [AUTH_SASL] = answer_sasl,
    [AUTH_SASL_CONTINUE] = answer_challenge,
    [AUTH_SASL_FINAL] = answer_proof,
};

/* server_channel_binding = require is for every login, as in libpq: a server that asks for less
 * may be an impostor. */
static bool
binding_is_kept(const struct request *r, uint32_t code, struct err *err)
{
    const bool sasl = code == AUTH_SASL || code == AUTH_SASL_CONTINUE || code == AUTH_SASL_FINAL;
    if (r->facts->use != CHANNEL_BINDING_REQUIRE || sasl ||
        (code == AUTH_OK && r->auth->scram_verified)) {
        return true;
    }
    return err_set(err, SQLSTATE_INVALID_AUTHORIZATION,
                   "server_channel_binding is require, but %s logs in without SCRAM-SHA-256-PLUS",
                   r->facts->server);
}

bool
server_auth_answer(struct server_auth *a, const struct server_auth_facts *facts, struct slice body,
                   struct buf *out, struct err *err)
{
    uint32_t code;
    struct request r = {.auth = a, .facts = facts, .body = body, .out = out};
    CHECK(a->scram_started || !a->scram_verified);
    if (!slice_take_u32(&r.body, &code)) {
        return err_set(err, SQLSTATE_PROTOCOL, "an authentication request without a code");
    }
    if (!binding_is_kept(&r, code, err)) {
        return false;
    }
    if (code >= COUNT_OF(answers) || answers[code] == NULL) {
        return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                       "authentication request %u is not supported", code);
    }
    return answers[code](&r, err);
}

bool
server_auth_needs_keys(const struct server_auth *a, const struct server_auth_facts *facts,
                       struct slice body, struct scram_need *need)
{
    const struct scram_secret secret = user_scram_secret(facts->user);
    uint32_t code;
    return slice_take_u32(&body, &code) && code == AUTH_SASL_CONTINUE &&
           scram_client_needs(&a->scram, body, &secret, need);
}

void
server_auth_fini(struct server_auth *a)
{
    scram_client_fini(&a->scram);
}

/* ---- the answers ---- */

/* A server that asked for SCRAM must have proved itself before it says that all is well. */
static bool
answer_ok(const struct request *r, struct err *err)
{
    return !r->auth->scram_started || r->auth->scram_verified ||
           err_set(err, SQLSTATE_PROTOCOL, "it skipped its own SCRAM proof");
}

/* A server that asks for the password itself gets it only where nobody else can read it. */
static bool
answer_password(const struct request *r, struct err *err)
{
    const struct server_auth_facts *f = r->facts;
    if (!f->is_private) {
        (void)err_set(err, SQLSTATE_INVALID_AUTHORIZATION,
                      "%s asks for the password in clear text over a connection without TLS",
                      f->server);
        return err_hint(err, "Use scram-sha-256 in the server's pg_hba.conf, or set "
                             "server_tls_sslmode to require or more.");
    }
    if (f->user == NULL || f->user->kind != USER_PASSWORD) {
        (void)err_set(err, SQLSTATE_INVALID_PASSWORD,
                      "%s asks for the password of user \"%s\", which is not known", f->server,
                      f->user_name);
        return err_hint(err, "Put the password into auth_file, or use scram-sha-256 in the "
                             "server's pg_hba.conf.");
    }
    message_put_password(r->out, slice_of(f->user->secret, strlen(f->user->secret) + 1));
    return true;
}

static bool
answer_md5(const struct request *r, struct err *err)
{
    const struct server_auth_facts *f = r->facts;
    char answer[MD5_SECRET_SIZE];
    if (r->body.len != MD5_SALT_LEN) {
        return err_set(err, SQLSTATE_PROTOCOL, "a salt of %zu bytes", r->body.len);
    }
    if (f->user == NULL || (f->user->kind != USER_PASSWORD && f->user->kind != USER_MD5)) {
        (void)err_set(err, SQLSTATE_INVALID_PASSWORD,
                      "%s asks for an md5 password of user \"%s\", which is not known", f->server,
                      f->user_name);
        return err_hint(err, "Put the password, or its md5 form, into auth_file.");
    }
    if (!md5_answer(f->user_name, f->user->secret, r->body.p, answer, err)) {
        return false;
    }
    message_put_password(r->out, slice_of(answer, sizeof(answer))); /* with its NUL */
    return true;
}

static bool
answer_sasl(const struct request *r, struct err *err)
{
    struct scram_channel channel;
    if (r->auth->scram_started) {
        return err_set(err, SQLSTATE_PROTOCOL, "it asked for SCRAM twice");
    }
    if (!scram_channel_choose(&channel, r->body, r->facts->binding, r->facts->use, err)) {
        return false;
    }
    struct buf first;
    buf_init(&first);
    scram_client_begin(&r->auth->scram, &channel, &first);
    r->auth->scram_started = true;
    const size_t begun = message_begin(r->out, 'p');
    buf_put_cstr(r->out, scram_channel_mechanism(&channel));
    buf_put_u32(r->out, (uint32_t)buf_len(&first));
    buf_put_slice(r->out, buf_slice(&first));
    message_end(r->out, begun);
    buf_fini(&first);
    return true;
}

/* Says which server it is about. */
static void
err_name_server(const struct request *r, struct err *err)
{
    const struct err before = *err;
    (void)err_set(err, before.sqlstate, "%s: %s", r->facts->server, before.text);
    (void)err_hint(err, "%s", before.hint);
}

static bool
answer_challenge(const struct request *r, struct err *err)
{
    struct buf reply;
    buf_init(&reply);
    const struct scram_secret secret = user_scram_secret(r->facts->user);
    const bool ok =
        scram_client_challenge(&r->auth->scram, r->body, &secret, &reply, err) == SCRAM_CONTINUE;
    if (ok) {
        message_put_password(r->out, buf_slice(&reply));
    }
    buf_fini(&reply);
    if (!ok && strcmp(err->sqlstate, SQLSTATE_PROTOCOL) != 0) {
        err_name_server(r, err);
    }
    return ok;
}

static bool
answer_proof(const struct request *r, struct err *err)
{
    r->auth->scram_verified = scram_client_verify(&r->auth->scram, r->body, err) == SCRAM_DONE;
    return r->auth->scram_verified;
}
