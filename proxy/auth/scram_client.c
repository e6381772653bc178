/* scram_client.c — the client's end of SCRAM. See scram_client.h.
 *
 * Follows PostgreSQL's fe-auth-scram.c, and is stricter: base64 has one spelling only, and a server
 * may not ask for more than SCRAM_ITERATIONS_MAX rounds. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/scram_client.h"

#include <string.h>

#include "auth/base64.h"
#include "auth/digest.h"
#include "auth/scram_message.h"
#include "auth/scram_verifier.h"

enum { SALT_TEXT_MAX = BASE64_LEN(SCRAM_SALT_MAX) };

/* What the server offers, of what we know. */
static void
mechanisms_read(struct slice in, bool *plain, bool *plus)
{
    struct slice name;
    *plain = false;
    *plus = false;
    while (slice_take_cstr(&in, &name) && name.len > 0) {
        *plain = *plain || slice_equal_str(name, SCRAM_MECHANISM);
        *plus = *plus || slice_equal_str(name, SCRAM_MECHANISM_PLUS);
    }
}

bool
scram_channel_choose(struct scram_channel *channel, struct slice mechanisms, struct slice binding,
                     enum channel_binding use, struct err *err)
{
    bool plain;
    bool plus;
    mechanisms_read(mechanisms, &plain, &plus);
    *channel = (struct scram_channel){.flag = 'n'};
    CHECK(binding.len <= sizeof(channel->data));
    if (plus && binding.len == 0) {
        return err_set(err, SQLSTATE_INVALID_AUTHORIZATION,
                       "the server offers SCRAM-SHA-256-PLUS over a connection without TLS");
    }
    if (plus && use != CHANNEL_BINDING_DISABLE) {
        channel->flag = 'p';
        memcpy(channel->data, binding.p, binding.len);
        channel->len = binding.len;
        return true;
    }
    if (use == CHANNEL_BINDING_REQUIRE) {
        return err_set(err, SQLSTATE_INVALID_AUTHORIZATION,
                       "channel binding is required, but the server offers no mechanism with it");
    }
    if (!plain) {
        return err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED, "no SASL mechanism in common");
    }
    channel->flag = binding.len > 0 && use != CHANNEL_BINDING_DISABLE ? 'y' : 'n';
    return true;
}

const char *
scram_channel_mechanism(const struct scram_channel *channel)
{
    return channel->flag == 'p' ? SCRAM_MECHANISM_PLUS : SCRAM_MECHANISM;
}

static void
put_client_first_bare(const struct scram_client *c, struct buf *out)
{
    buf_printf(out, "n=%s,r=%s", c->user, c->nonce);
}

void
scram_client_begin_as(struct scram_client *c, const struct scram_channel *channel, const char *user,
                      const char *nonce, struct buf *reply)
{
    static const struct scram_channel unbound = {.flag = 'n'};
    memset(c, 0, sizeof(*c));
    c->channel = channel == NULL ? unbound : *channel;
    CHECK(strlen(user) < sizeof(c->user) && strchr(user, ',') == NULL);
    CHECK(strlen(nonce) < sizeof(c->nonce) && scram_nonce_valid(slice_of_str(nonce)));
    memcpy(c->user, user, strlen(user) + 1);
    memcpy(c->nonce, nonce, strlen(nonce) + 1);
    c->state = SCRAM_CLIENT_FIRST;
    if (c->channel.flag == 'p') {
        buf_printf(reply, "p=%s,,", SCRAM_BINDING_TYPE);
    } else {
        buf_printf(reply, "%c,,", c->channel.flag);
    }
    put_client_first_bare(c, reply);
}

void
scram_client_begin(struct scram_client *c, const struct scram_channel *channel, struct buf *reply)
{
    char nonce[SCRAM_NONCE_TEXT_SIZE];
    scram_nonce_make(nonce);
    scram_client_begin_as(c, channel, "", nonce, reply);
}

void
scram_client_fini(struct scram_client *c)
{
    explicit_bzero(c, sizeof(*c));
    c->state = SCRAM_CLIENT_OVER;
}

/* server-first-message, taken apart. */
struct server_first {
    struct slice nonce;
    uint8_t salt[SCRAM_SALT_MAX];
    size_t salt_len;
    uint32_t iterations;
};

static enum scram_step
server_first_parse(const struct scram_client *c, struct slice message, struct server_first *out,
                   struct err *err)
{
    struct slice in = message;
    struct slice salt = SLICE_EMPTY;
    struct slice iterations = SLICE_EMPTY;
    const size_t ours = strlen(c->nonce);
    if (!scram_attribute_expect(&in, 'r', &out->nonce) || !scram_nonce_valid(out->nonce)) {
        return scram_malformed(err, "the server sent no nonce, or one that is not valid");
    }
    if (out->nonce.len <= ours || memcmp(out->nonce.p, c->nonce, ours) != 0) {
        return scram_malformed(err, "the server's nonce does not begin with ours");
    }
    if (!scram_attribute_expect(&in, 's', &salt) || salt.len > SALT_TEXT_MAX ||
        !base64_decode(salt, out->salt, sizeof(out->salt), &out->salt_len) || out->salt_len == 0) {
        return scram_malformed(err, "the server sent no salt, or one that is not valid");
    }
    if (!scram_attribute_expect(&in, 'i', &iterations) ||
        !scram_iterations_parse(iterations, &out->iterations)) {
        return scram_malformed(err, "the server sent no iteration count, or one that is not valid");
    }
    return scram_extensions_skip(in) ? SCRAM_CONTINUE : scram_malformed(err, "attribute expected");
}

bool
scram_client_needs(const struct scram_client *c, struct slice message,
                   const struct scram_secret *secret, struct scram_need *need)
{
    struct server_first first;
    memset(&first, 0, sizeof(first));
    return c->state == SCRAM_CLIENT_FIRST &&
           scram_message_valid(message, SCRAM_SERVER_MESSAGE_MAX) &&
           server_first_parse(c, message, &first, NULL) == SCRAM_CONTINUE &&
           scram_secret_needs(secret, slice_of(first.salt, first.salt_len), first.iterations, need);
}

/* The keys for this salt: known already, or from the password, or not to be had. */
static enum scram_step
keys_find(const struct server_first *first, const struct scram_secret *secret,
          struct scram_keys *keys, struct err *err)
{
    const struct slice salt = slice_of(first->salt, first->salt_len);
    if (scram_cache_get(secret->cache, salt, first->iterations, keys)) {
        return SCRAM_CONTINUE;
    }
    if (secret->password != NULL) {
        if (!scram_keys_derive(keys, secret->password, salt, first->iterations)) {
            return scram_library_failed(err);
        }
        scram_cache_put(secret->cache, keys);
        return SCRAM_CONTINUE;
    }
    if (secret->verifier == NULL) {
        (void)err_set(err, SQLSTATE_INVALID_AUTHORIZATION,
                      "the server asks for a SCRAM password, but the users file has none");
        (void)err_hint(err, "Put the role's password or its verifier (pg_authid.rolpassword) into "
                            "the users file.");
        return SCRAM_FAILED;
    }
    const bool same =
        secret->verifier->iterations == first->iterations &&
        slice_equal(slice_of(secret->verifier->salt, secret->verifier->salt_len), salt);
    (void)err_set(err, SQLSTATE_INVALID_AUTHORIZATION,
                  same ? "the users file has a verifier, not a password, and no client has logged "
                         "in with it yet"
                       : "the verifier in the users file is not the one that the server holds");
    (void)err_hint(err, same ? "Let the user log in once, or put the password into the users file."
                             : "Copy pg_authid.rolpassword of the server into the users file, or "
                               "put the password there.");
    return SCRAM_FAILED;
}

/* client-final-message without the proof. */
static void
put_final_bare(const struct scram_client *c, struct slice nonce, struct buf *out)
{
    buf_put_text(out, "c=");
    scram_put_cbind(out, c->channel.flag, slice_of(c->channel.data, c->channel.len));
    buf_put_text(out, ",r=");
    buf_put_slice(out, nonce);
}

/* Appends client-final-message and sets what the server is to prove. */
static bool
put_client_final(struct scram_client *c, struct slice server_first, struct slice nonce,
                 const struct scram_keys *keys, struct buf *reply)
{
    CHECK(keys->salt_len > 0 && keys->iterations > 0);
    uint8_t stored_key[SCRAM_KEY_LEN];
    uint8_t signature[SCRAM_KEY_LEN];
    uint8_t proof[SCRAM_KEY_LEN];
    struct buf auth;
    buf_init(&auth);
    put_client_first_bare(c, &auth);
    buf_put_text(&auth, ",");
    buf_put_slice(&auth, server_first);
    buf_put_text(&auth, ",");
    put_final_bare(c, nonce, &auth);
    const bool ok = digest_sha256(scram_key_slice(keys->client_key), stored_key) &&
                    digest_hmac_sha256(scram_key_slice(stored_key), buf_slice(&auth), signature) &&
                    digest_hmac_sha256(scram_key_slice(keys->server_key), buf_slice(&auth),
                                       c->server_signature);
    buf_fini(&auth);
    if (!ok) {
        return false;
    }
    scram_key_xor(keys->client_key, signature, proof);
    put_final_bare(c, nonce, reply);
    buf_put_text(reply, ",p=");
    base64_put(reply, scram_key_slice(proof));
    return true;
}

enum scram_step
scram_client_challenge(struct scram_client *c, struct slice message,
                       const struct scram_secret *secret, struct buf *reply, struct err *err)
{
    const bool in_turn = c->state == SCRAM_CLIENT_FIRST;
    c->state = SCRAM_CLIENT_OVER;
    if (!in_turn) {
        return scram_out_of_turn(err);
    }
    if (!scram_message_valid(message, SCRAM_SERVER_MESSAGE_MAX)) {
        return scram_malformed(err, "empty, too long, or with a zero byte");
    }
    struct server_first first;
    memset(&first, 0, sizeof(first));
    struct scram_keys keys;
    if (server_first_parse(c, message, &first, err) == SCRAM_FAILED ||
        keys_find(&first, secret, &keys, err) == SCRAM_FAILED) {
        return SCRAM_FAILED;
    }
    const bool ok = put_client_final(c, message, first.nonce, &keys, reply);
    scram_keys_wipe(&keys);
    if (!ok) {
        return scram_library_failed(err);
    }
    c->state = SCRAM_CLIENT_FINAL;
    return SCRAM_CONTINUE;
}

enum scram_step
scram_client_verify(struct scram_client *c, struct slice message, struct err *err)
{
    const bool in_turn = c->state == SCRAM_CLIENT_FINAL;
    c->state = SCRAM_CLIENT_OVER;
    if (!in_turn) {
        return scram_out_of_turn(err);
    }
    if (!scram_message_valid(message, SCRAM_SERVER_MESSAGE_MAX)) {
        return scram_malformed(err, "empty, too long, or with a zero byte");
    }
    struct slice in = message;
    struct slice value = SLICE_EMPTY;
    uint8_t signature[SCRAM_KEY_LEN];
    if (scram_attribute_expect(&in, 'e', &value)) {
        (void)err_set(err, SQLSTATE_INVALID_PASSWORD, "the server refused the SCRAM exchange: %.*s",
                      (int)(value.len < 100 ? value.len : 100), (const char *)value.p);
        return SCRAM_FAILED;
    }
    if (!scram_attribute_expect(&in, 'v', &value) || !scram_key_decode(value, signature) ||
        !scram_extensions_skip(in)) {
        return scram_malformed(err, "the server sent no signature, or one that is not valid");
    }
    if (!digest_equal(signature, c->server_signature, SCRAM_KEY_LEN)) {
        (void)err_set(err, SQLSTATE_INVALID_AUTHORIZATION,
                      "the server does not know the user's verifier (its signature is wrong)");
        return SCRAM_FAILED;
    }
    return SCRAM_DONE;
}
