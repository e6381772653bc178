/* scram_server.c — the server's end of SCRAM. See scram_server.h.
 *
 * Follows PostgreSQL's auth-scram.c in the order of its checks and in its SQLSTATEs. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/scram_server.h"

#include <stdio.h>
#include <string.h>

#include "auth/base64.h"
#include "auth/digest.h"
#include "auth/scram_message.h"
#include "base/rand.h"

/* The salt of a user that has none: the same at each try, and none can tell it from a stored one.
 */
static void
salt_from_seed(struct scram_verifier *v, const char *user, const struct scram_seed *seed)
{
    uint8_t digest[SHA256_LEN];
    if (!digest_hmac_sha256(scram_key_slice(seed->bytes), slice_of_str(user), digest)) {
        rand_bytes(digest, sizeof(digest));
    }
    memcpy(v->salt, digest, SCRAM_SALT_LEN);
    v->salt_len = SCRAM_SALT_LEN;
    v->iterations = SCRAM_ITERATIONS;
}

void
scram_server_init(struct scram_server *s, const struct scram_secret *secret, const char *user,
                  const struct scram_seed *seed)
{
    memset(s, 0, sizeof(*s));
    s->state = SCRAM_SERVER_FIRST;
    (void)snprintf(s->user, sizeof(s->user), "%s", user); /* cut: only for the error text */
    scram_nonce_make(s->nonce);
    if (secret->verifier != NULL) {
        s->verifier = *secret->verifier;
        return;
    }
    salt_from_seed(&s->verifier, user, seed);
    s->unsolved = secret->password != NULL;
    s->mock = secret->password == NULL;
}

void
scram_server_fini(struct scram_server *s)
{
    explicit_bzero(s, sizeof(*s));
    s->state = SCRAM_SERVER_OVER;
}

void
scram_server_bind(struct scram_server *s, struct slice binding)
{
    CHECK(s->state == SCRAM_SERVER_FIRST && binding.len <= sizeof(s->binding));
    if (binding.len > 0) {
        memcpy(s->binding, binding.p, binding.len);
    }
    s->binding_len = binding.len;
}

void
scram_server_offer(const struct scram_server *s, struct buf *out)
{
    if (s->binding_len > 0) {
        buf_put_cstr(out, SCRAM_MECHANISM_PLUS);
    }
    buf_put_cstr(out, SCRAM_MECHANISM);
    buf_put_u8(out, 0);
}

bool
scram_server_choose(struct scram_server *s, struct slice mechanism)
{
    CHECK(s->state == SCRAM_SERVER_FIRST);
    s->plus = s->binding_len > 0 && slice_equal_str(mechanism, SCRAM_MECHANISM_PLUS);
    return s->plus || slice_equal_str(mechanism, SCRAM_MECHANISM);
}

/* Takes "p=tls-server-end-point" and leaves the comma behind it. */
static enum scram_step
binding_type_take(struct slice *in, struct err *err)
{
    const uint8_t *comma = memchr(in->p, ',', in->len);
    if (in->len < 2 || in->p[1] != '=' || comma == NULL) {
        return scram_malformed(err, "no channel binding type after \"p\"");
    }
    const struct slice type = slice_of(in->p + 2, (size_t)(comma - in->p) - 2);
    if (!slice_equal_str(type, SCRAM_BINDING_TYPE)) {
        (void)err_set(err, SQLSTATE_PROTOCOL, "unsupported SCRAM channel-binding type");
        return SCRAM_FAILED;
    }
    *in = slice_of(comma, in->len - (size_t)(comma - in->p));
    return SCRAM_CONTINUE;
}

/* The first letter: n, the client cannot bind; y, it can and thinks that we cannot; p, it binds.
 * Leaves the comma behind it. */
static enum scram_step
cbind_flag_take(struct scram_server *s, struct slice *in, struct err *err)
{
    s->cbind_flag = (char)in->p[0];
    if (s->cbind_flag == 'p') {
        return s->plus
                   ? binding_type_take(in, err)
                   : scram_malformed(err,
                                     "the client selected SCRAM-SHA-256 without channel binding, "
                                     "but the message includes channel binding data");
    }
    if (s->cbind_flag != 'n' && s->cbind_flag != 'y') {
        return scram_malformed(err, "unexpected channel binding flag");
    }
    if (s->plus) {
        return scram_malformed(err,
                               "the client selected SCRAM-SHA-256-PLUS, but the message does not "
                               "include channel binding data");
    }
    if (s->cbind_flag == 'y' && s->binding_len > 0) {
        (void)err_set(err, SQLSTATE_INVALID_AUTHORIZATION,
                      "SCRAM channel binding negotiation error");
        (void)err_hint(err, "The client supports channel binding but was told that it is not "
                            "offered here, where it is: somebody may stand in between.");
        return SCRAM_FAILED;
    }
    *in = slice_of(in->p + 1, in->len - 1);
    return SCRAM_CONTINUE;
}

/* The header in front of client-first-message: the channel binding flag and the authorization
 * identity. */
static enum scram_step
gs2_header_take(struct scram_server *s, struct slice *in, struct err *err)
{
    if (cbind_flag_take(s, in, err) == SCRAM_FAILED) {
        return SCRAM_FAILED;
    }
    if (in->len < 2 || in->p[0] != ',') {
        return scram_malformed(err, "no comma after the channel binding flag");
    }
    if (in->p[1] == 'a') {
        (void)err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "client uses authorization identity, but it is not supported");
        return SCRAM_FAILED;
    }
    if (in->p[1] != ',') {
        return scram_malformed(err, "unexpected attribute in the header");
    }
    *in = slice_of(in->p + 2, in->len - 2);
    return SCRAM_CONTINUE;
}

/* client-first-message-bare: name (which the startup packet has given already), nonce, extensions.
 */
static enum scram_step
first_bare_read(struct scram_server *s, struct slice bare, struct err *err)
{
    struct slice in = bare;
    struct slice name = SLICE_EMPTY;
    struct slice nonce = SLICE_EMPTY;
    if (in.len > 0 && in.p[0] == 'm') {
        (void)err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "client requires an unsupported SCRAM extension");
        return SCRAM_FAILED;
    }
    if (!scram_attribute_expect(&in, 'n', &name)) {
        return scram_malformed(err, "attribute \"n\" expected");
    }
    if (!scram_attribute_expect(&in, 'r', &nonce)) {
        return scram_malformed(err, "attribute \"r\" expected");
    }
    if (!scram_nonce_valid(nonce)) {
        return scram_malformed(err, "the nonce is empty or has characters that are not printable");
    }
    if (!scram_extensions_skip(in)) {
        return scram_malformed(err, "attribute expected");
    }
    CHECK(bare.len < sizeof(s->first_bare));
    memcpy(s->first_bare, bare.p, bare.len);
    s->nonce_client_at = (size_t)(nonce.p - bare.p);
    s->nonce_client_len = nonce.len;
    return SCRAM_CONTINUE;
}

/* The nonce of both: "client's part" "our part". */
static void
put_nonce(const struct scram_server *s, struct buf *out)
{
    CHECK(s->nonce_client_at + s->nonce_client_len < sizeof(s->first_bare));
    buf_put(out, s->first_bare + s->nonce_client_at, s->nonce_client_len);
    buf_put_text(out, s->nonce);
}

static void
put_server_first(const struct scram_server *s, struct buf *out)
{
    buf_put_text(out, "r=");
    put_nonce(s, out);
    buf_put_text(out, ",s=");
    base64_put(out, slice_of(s->verifier.salt, s->verifier.salt_len));
    buf_printf(out, ",i=%u", (unsigned)s->verifier.iterations);
}

enum scram_step
scram_server_first(struct scram_server *s, struct slice message, struct buf *reply, struct err *err)
{
    const bool in_turn = s->state == SCRAM_SERVER_FIRST;
    s->state = SCRAM_SERVER_OVER;
    if (!in_turn) {
        return scram_out_of_turn(err);
    }
    if (!scram_message_valid(message, SCRAM_MESSAGE_MAX)) {
        return scram_malformed(err, "empty, too long, or with a zero byte");
    }
    struct slice in = message;
    if (gs2_header_take(s, &in, err) == SCRAM_FAILED ||
        first_bare_read(s, in, err) == SCRAM_FAILED) {
        return SCRAM_FAILED;
    }
    put_server_first(s, reply);
    s->state = SCRAM_SERVER_FINAL;
    return SCRAM_CONTINUE;
}

/* client-final-message, taken apart. */
struct client_final {
    struct slice cbind;         /* attribute c */
    struct slice nonce;         /* attribute r */
    struct slice without_proof; /* all before ",p=" */
    uint8_t proof[SCRAM_KEY_LEN];
};

static enum scram_step
client_final_parse(struct slice message, struct client_final *out, struct err *err)
{
    struct slice in = message;
    if (!scram_attribute_expect(&in, 'c', &out->cbind)) {
        return scram_malformed(err, "attribute \"c\" expected");
    }
    if (!scram_attribute_expect(&in, 'r', &out->nonce)) {
        return scram_malformed(err, "attribute \"r\" expected");
    }
    char name = 0;
    struct slice value = SLICE_EMPTY;
    while (name != 'p') { /* extensions may stand before the proof */
        if (!scram_attribute_take(&in, &name, &value)) {
            return scram_malformed(err, "attribute \"p\" expected");
        }
    }
    out->without_proof = slice_of(message.p, (size_t)(value.p - message.p) - strlen(",p="));
    const size_t end = (size_t)(value.p - message.p) + value.len;
    if (end != message.len) {
        return scram_malformed(err, "garbage at the end of the client's final message");
    }
    return scram_key_decode(value, out->proof) ? SCRAM_CONTINUE
                                               : scram_malformed(err, "scram_malformed proof");
}

/* The client must repeat what it said of channel binding, and name the certificate that we have. */
static enum scram_step
cbind_check(const struct scram_server *s, struct slice cbind, struct err *err)
{
    struct buf expected;
    buf_init(&expected);
    scram_put_cbind(&expected, s->cbind_flag, slice_of(s->binding, s->binding_len));
    const bool equal = slice_equal(buf_slice(&expected), cbind);
    buf_fini(&expected);
    if (equal) {
        return SCRAM_CONTINUE;
    }
    if (s->plus) {
        (void)err_set(err, SQLSTATE_INVALID_AUTHORIZATION, "SCRAM channel binding check failed");
        return SCRAM_FAILED;
    }
    return scram_malformed(err,
                           "unexpected channel binding attribute in the client's final message");
}

static bool
nonce_matches(const struct scram_server *s, struct slice nonce)
{
    struct buf expected;
    buf_init(&expected);
    put_nonce(s, &expected);
    const bool equal =
        buf_len(&expected) == nonce.len && digest_equal(buf_slice(&expected).p, nonce.p, nonce.len);
    buf_fini(&expected);
    return equal;
}

bool
scram_server_needs(const struct scram_server *s, const struct scram_secret *secret,
                   struct scram_need *need)
{
    const struct scram_verifier *v = &s->verifier;
    return s->state == SCRAM_SERVER_FINAL && s->unsolved &&
           scram_secret_needs(secret, slice_of(v->salt, v->salt_len), v->iterations, need);
}

/* A plain password becomes a verifier only now, so that a client that goes away has cost nothing.
 */
static bool
verifier_solve(struct scram_server *s, const struct scram_secret *secret)
{
    if (!s->unsolved) {
        return true;
    }
    CHECK(!s->mock); /* an unknown user has no password to solve */
    struct scram_verifier *v = &s->verifier;
    const struct slice salt = slice_of(v->salt, v->salt_len);
    struct scram_keys keys;
    if (!scram_cache_get(secret->cache, salt, v->iterations, &keys)) {
        if (secret->password == NULL) {
            s->mock = true; /* a reload took the password away meanwhile */
            return true;
        }
        if (!scram_keys_derive(&keys, secret->password, salt, v->iterations)) {
            return false;
        }
        scram_cache_put(secret->cache, &keys);
    }
    struct scram_verifier solved;
    const bool ok = scram_verifier_of_keys(&keys, &solved);
    *v = ok ? solved : *v;
    s->unsolved = !ok;
    scram_keys_wipe(&keys);
    explicit_bzero(&solved, sizeof(solved));
    return ok;
}

static void
put_auth_message(const struct scram_server *s, struct slice without_proof, struct buf *out)
{
    buf_put_text(out, s->first_bare);
    buf_put_text(out, ",");
    put_server_first(s, out);
    buf_put_text(out, ",");
    buf_put_slice(out, without_proof);
}

/* Undoes the proof with what the server knows; *equal says whether the client's key is the right
 * one. */
static bool
proof_check(const struct scram_server *s, const uint8_t proof[SCRAM_KEY_LEN], struct slice auth,
            uint8_t client_key[SCRAM_KEY_LEN], bool *equal)
{
    uint8_t signature[SCRAM_KEY_LEN];
    uint8_t stored_key[SCRAM_KEY_LEN];
    if (!digest_hmac_sha256(scram_key_slice(s->verifier.stored_key), auth, signature)) {
        return false;
    }
    scram_key_xor(proof, signature, client_key);
    if (!digest_sha256(scram_key_slice(client_key), stored_key)) {
        return false;
    }
    *equal = digest_equal(stored_key, s->verifier.stored_key, SCRAM_KEY_LEN);
    return true;
}

/* What the client has shown to know serves to log in to servers with the same verifier. */
static void
keys_remember(const struct scram_server *s, const uint8_t client_key[SCRAM_KEY_LEN],
              struct scram_cache *cache)
{
    const struct scram_verifier *v = &s->verifier;
    struct scram_keys keys;
    if (scram_cache_get(cache, slice_of(v->salt, v->salt_len), v->iterations, &keys) &&
        digest_equal(keys.client_key, client_key, SCRAM_KEY_LEN)) {
        scram_keys_wipe(&keys);
        return;
    }
    memset(&keys, 0, sizeof(keys));
    memcpy(keys.salt, v->salt, v->salt_len);
    keys.salt_len = v->salt_len;
    keys.iterations = v->iterations;
    memcpy(keys.client_key, client_key, SCRAM_KEY_LEN);
    memcpy(keys.server_key, v->server_key, SCRAM_KEY_LEN);
    scram_cache_put(cache, &keys);
    scram_keys_wipe(&keys);
}

static enum scram_step
server_decide(const struct scram_server *s, const struct client_final *final,
              struct scram_cache *cache, struct buf *reply, struct err *err)
{
    uint8_t client_key[SCRAM_KEY_LEN];
    uint8_t signature[SCRAM_KEY_LEN];
    bool equal = false;
    struct buf auth;
    buf_init(&auth);
    put_auth_message(s, final->without_proof, &auth);
    const bool ok =
        proof_check(s, final->proof, buf_slice(&auth), client_key, &equal) &&
        digest_hmac_sha256(scram_key_slice(s->verifier.server_key), buf_slice(&auth), signature);
    buf_fini(&auth);
    if (!ok) {
        return scram_library_failed(err);
    }
    if (s->mock || !equal) {
        (void)err_set(err, SQLSTATE_INVALID_PASSWORD,
                      "password authentication failed for user \"%s\"", s->user);
        return SCRAM_FAILED;
    }
    keys_remember(s, client_key, cache);
    explicit_bzero(client_key, sizeof(client_key));
    buf_put_text(reply, "v=");
    base64_put(reply, scram_key_slice(signature));
    return SCRAM_DONE;
}

enum scram_step
scram_server_final(struct scram_server *s, struct slice message, const struct scram_secret *secret,
                   struct buf *reply, struct err *err)
{
    const bool in_turn = s->state == SCRAM_SERVER_FINAL;
    s->state = SCRAM_SERVER_OVER;
    if (!in_turn) {
        return scram_out_of_turn(err);
    }
    if (!scram_message_valid(message, SCRAM_MESSAGE_MAX + SCRAM_MESSAGE_MAX)) {
        return scram_malformed(err, "empty, too long, or with a zero byte");
    }
    struct client_final final;
    memset(&final, 0, sizeof(final));
    if (client_final_parse(message, &final, err) == SCRAM_FAILED) {
        return SCRAM_FAILED;
    }
    if (cbind_check(s, final.cbind, err) == SCRAM_FAILED) {
        return SCRAM_FAILED;
    }
    if (!nonce_matches(s, final.nonce)) {
        (void)err_set(err, SQLSTATE_PROTOCOL, "invalid SCRAM response: the nonce does not match");
        return SCRAM_FAILED;
    }
    if (!verifier_solve(s, secret)) {
        return scram_library_failed(err);
    }
    return server_decide(s, &final, secret->cache, reply, err);
}
