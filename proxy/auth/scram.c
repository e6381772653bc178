/* scram.c — SCRAM-SHA-256 with and without channel binding, both ends. See scram.h.
 *
 * Follows RFC 5802 with the digests of RFC 7677, and where PostgreSQL is stricter or looser,
 * PostgreSQL (auth-scram.c, fe-auth-scram.c): the order of the checks, the SQLSTATEs, extensions
 * that are skipped. It deviates in three points: base64 has one spelling only, a server may not ask
 * for more than SCRAM_ITERATIONS_MAX rounds, and SASLprep is not applied (scram.h says what follows
 * from that).
 *
 *     StoredKey       = SHA256(ClientKey)
 *     AuthMessage     = client-first-bare "," server-first "," client-final-without-proof
 *     ClientSignature = HMAC(StoredKey, AuthMessage)
 *     ClientProof     = ClientKey XOR ClientSignature
 *     ServerSignature = HMAC(ServerKey, AuthMessage)
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/scram.h"

#include <stdio.h>
#include <string.h>

#include "auth/base64.h"
#include "auth/digest.h"
#include "base/rand.h"

static const char verifier_prefix[] = "SCRAM-SHA-256$";
static const char binding_type[] = "tls-server-end-point";

enum { KEY_TEXT_LEN = BASE64_LEN(SCRAM_KEY_LEN), SALT_TEXT_MAX = BASE64_LEN(SCRAM_SALT_MAX) };

/* ---- messages ---- */

static enum scram_step
malformed(struct err *err, const char *what)
{
    (void)err_set(err, SQLSTATE_PROTOCOL, "malformed SCRAM message: %s", what);
    return SCRAM_FAILED;
}

static enum scram_step
out_of_turn(struct err *err)
{
    (void)err_set(err, SQLSTATE_PROTOCOL, "SCRAM message out of turn");
    return SCRAM_FAILED;
}

static enum scram_step
library_failed(struct err *err)
{
    (void)err_set(err, SQLSTATE_INTERNAL, "could not compute a SHA-256 digest");
    return SCRAM_FAILED;
}

/* Takes "x=value" off the front, with the comma behind it; a value may be empty and holds no comma.
 */
static bool
attribute_take(struct slice *in, char *name, struct slice *value)
{
    if (in->len < 2 || in->p[1] != '=') {
        return false;
    }
    const bool letter =
        (in->p[0] >= 'a' && in->p[0] <= 'z') || (in->p[0] >= 'A' && in->p[0] <= 'Z');
    if (!letter) {
        return false;
    }
    const uint8_t *comma = memchr(in->p + 2, ',', in->len - 2);
    const size_t end = comma == NULL ? in->len : (size_t)(comma - in->p);
    *name = (char)in->p[0];
    *value = slice_of(in->p + 2, end - 2);
    const size_t skip = comma == NULL ? end : end + 1;
    *in = slice_of(in->p + skip, in->len - skip);
    return true;
}

/* The same for an attribute that must be this one. */
static bool
attribute_expect(struct slice *in, char name, struct slice *value)
{
    struct slice at = *in;
    char found = 0;
    if (!attribute_take(&at, &found, value) || found != name) {
        return false;
    }
    *in = at;
    return true;
}

/* Extensions that we do not know are skipped, as the RFC asks, but must have the form of an
 * attribute. */
static bool
extensions_skip(struct slice in)
{
    while (in.len > 0) {
        char name = 0;
        struct slice value = SLICE_EMPTY;
        if (!attribute_take(&in, &name, &value)) {
            return false;
        }
    }
    return true;
}

/* RFC 5802: printable ASCII without the comma. */
static bool
nonce_valid(struct slice nonce)
{
    if (nonce.len == 0 || nonce.len > SCRAM_NONCE_MAX) {
        return false;
    }
    for (size_t i = 0; i < nonce.len; i++) {
        if (nonce.p[i] < 0x21 || nonce.p[i] > 0x7e || nonce.p[i] == ',') {
            return false;
        }
    }
    return true;
}

/* A positive decimal number of at most SCRAM_ITERATIONS_MAX, digits only. */
static bool
iterations_parse(struct slice text, uint32_t *out)
{
    uint32_t value = 0;
    if (text.len == 0 || text.len > 7) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        if (text.p[i] < '0' || text.p[i] > '9') {
            return false;
        }
        value = value * 10 + (uint32_t)(text.p[i] - '0');
    }
    *out = value;
    return value > 0 && value <= SCRAM_ITERATIONS_MAX;
}

/* Whether a message can be one: not empty, not too long, no NUL inside. */
static bool
message_valid(struct slice message, size_t len_max)
{
    return message.len > 0 && message.len <= len_max &&
           memchr(message.p, '\0', message.len) == NULL;
}

static void
nonce_make(char out[SCRAM_NONCE_TEXT_SIZE])
{
    uint8_t raw[SCRAM_NONCE_LEN];
    struct buf text;
    rand_bytes(raw, sizeof(raw));
    buf_init(&text);
    base64_put(&text, slice_of(raw, sizeof(raw)));
    CHECK(buf_len(&text) == SCRAM_NONCE_TEXT_SIZE - 1);
    memcpy(out, buf_slice(&text).p, SCRAM_NONCE_TEXT_SIZE - 1);
    out[SCRAM_NONCE_TEXT_SIZE - 1] = '\0';
    buf_fini(&text);
}

static struct slice
key_slice(const uint8_t key[SCRAM_KEY_LEN])
{
    return slice_of(key, SCRAM_KEY_LEN);
}

static void
put_text(struct buf *out, const char *text)
{
    buf_put(out, text, strlen(text));
}

static void
put_slice(struct buf *out, struct slice s)
{
    buf_put(out, s.p, s.len);
}

/* ---- verifiers ---- */

bool
scram_verifier_is(const char *text)
{
    return strncmp(text, verifier_prefix, sizeof(verifier_prefix) - 1) == 0;
}

/* Takes what stands before the separator off the front, or fails. */
static bool
part_take(struct slice *in, char separator, struct slice *part)
{
    const uint8_t *end = in->len == 0 ? NULL : memchr(in->p, separator, in->len);
    if (end == NULL) {
        return false;
    }
    *part = slice_of(in->p, (size_t)(end - in->p));
    *in = slice_of(end + 1, in->len - part->len - 1);
    return true;
}

static bool
key_decode(struct slice text, uint8_t key[SCRAM_KEY_LEN])
{
    size_t len = 0;
    return text.len == KEY_TEXT_LEN && base64_decode(text, key, SCRAM_KEY_LEN, &len) &&
           len == SCRAM_KEY_LEN;
}

bool
scram_verifier_parse(const char *text, struct scram_verifier *out)
{
    memset(out, 0, sizeof(*out));
    if (!scram_verifier_is(text)) {
        return false;
    }
    struct slice in = slice_of_str(text + sizeof(verifier_prefix) - 1);
    struct slice iterations = SLICE_EMPTY;
    struct slice salt = SLICE_EMPTY;
    struct slice stored_key = SLICE_EMPTY;
    if (!part_take(&in, ':', &iterations) || !part_take(&in, '$', &salt) ||
        !part_take(&in, ':', &stored_key)) {
        return false;
    }
    return iterations_parse(iterations, &out->iterations) &&
           base64_decode(salt, out->salt, sizeof(out->salt), &out->salt_len) && out->salt_len > 0 &&
           key_decode(stored_key, out->stored_key) && key_decode(in, out->server_key);
}

void
scram_verifier_print(const struct scram_verifier *v, struct buf *out)
{
    buf_printf(out, "%s%u:", verifier_prefix, (unsigned)v->iterations);
    base64_put(out, slice_of(v->salt, v->salt_len));
    put_text(out, "$");
    base64_put(out, key_slice(v->stored_key));
    put_text(out, ":");
    base64_put(out, key_slice(v->server_key));
}

bool
scram_verifier_of_keys(const struct scram_keys *keys, struct scram_verifier *out)
{
    memset(out, 0, sizeof(*out));
    memcpy(out->salt, keys->salt, keys->salt_len);
    out->salt_len = keys->salt_len;
    out->iterations = keys->iterations;
    memcpy(out->server_key, keys->server_key, SCRAM_KEY_LEN);
    return digest_sha256(key_slice(keys->client_key), out->stored_key);
}

void
scram_seed_init(struct scram_seed *seed)
{
    rand_bytes(seed->bytes, sizeof(seed->bytes));
}

/* ---- the server's end ---- */

/* The salt of a user that has none: the same at each try, and none can tell it from a stored one.
 */
static void
salt_from_seed(struct scram_verifier *v, const char *user, const struct scram_seed *seed)
{
    uint8_t digest[SHA256_LEN];
    if (!digest_hmac_sha256(key_slice(seed->bytes), slice_of_str(user), digest)) {
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
    nonce_make(s->nonce);
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
    s->plus = s->binding_len > 0 && slice_equal_str(mechanism, SCRAM_MECHANISM_PLUS);
    return s->plus || slice_equal_str(mechanism, SCRAM_MECHANISM);
}

/* Takes "p=tls-server-end-point" and leaves the comma behind it. */
static enum scram_step
binding_type_take(struct slice *in, struct err *err)
{
    const uint8_t *comma = memchr(in->p, ',', in->len);
    if (in->len < 2 || in->p[1] != '=' || comma == NULL) {
        return malformed(err, "no channel binding type after \"p\"");
    }
    const struct slice type = slice_of(in->p + 2, (size_t)(comma - in->p) - 2);
    if (!slice_equal_str(type, binding_type)) {
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
                   : malformed(err, "the client selected SCRAM-SHA-256 without channel binding, "
                                    "but the message includes channel binding data");
    }
    if (s->cbind_flag != 'n' && s->cbind_flag != 'y') {
        return malformed(err, "unexpected channel binding flag");
    }
    if (s->plus) {
        return malformed(err, "the client selected SCRAM-SHA-256-PLUS, but the message does not "
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

/* The header in front of client-first-message: how it sees channel binding, and for whom it acts.
 */
static enum scram_step
gs2_header_take(struct scram_server *s, struct slice *in, struct err *err)
{
    if (cbind_flag_take(s, in, err) == SCRAM_FAILED) {
        return SCRAM_FAILED;
    }
    if (in->len < 2 || in->p[0] != ',') {
        return malformed(err, "no comma after the channel binding flag");
    }
    if (in->p[1] == 'a') {
        (void)err_set(err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                      "client uses authorization identity, but it is not supported");
        return SCRAM_FAILED;
    }
    if (in->p[1] != ',') {
        return malformed(err, "unexpected attribute in the header");
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
    if (!attribute_expect(&in, 'n', &name)) {
        return malformed(err, "attribute \"n\" expected");
    }
    if (!attribute_expect(&in, 'r', &nonce)) {
        return malformed(err, "attribute \"r\" expected");
    }
    if (!nonce_valid(nonce)) {
        return malformed(err, "the nonce is empty or has characters that are not printable");
    }
    if (!extensions_skip(in)) {
        return malformed(err, "attribute expected");
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
    buf_put(out, s->first_bare + s->nonce_client_at, s->nonce_client_len);
    put_text(out, s->nonce);
}

static void
put_server_first(const struct scram_server *s, struct buf *out)
{
    put_text(out, "r=");
    put_nonce(s, out);
    put_text(out, ",s=");
    base64_put(out, slice_of(s->verifier.salt, s->verifier.salt_len));
    buf_printf(out, ",i=%u", (unsigned)s->verifier.iterations);
}

enum scram_step
scram_server_first(struct scram_server *s, struct slice message, struct buf *reply, struct err *err)
{
    const bool in_turn = s->state == SCRAM_SERVER_FIRST;
    s->state = SCRAM_SERVER_OVER;
    if (!in_turn) {
        return out_of_turn(err);
    }
    if (!message_valid(message, SCRAM_MESSAGE_MAX)) {
        return malformed(err, "empty, too long, or with a zero byte");
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
    if (!attribute_expect(&in, 'c', &out->cbind)) {
        return malformed(err, "attribute \"c\" expected");
    }
    if (!attribute_expect(&in, 'r', &out->nonce)) {
        return malformed(err, "attribute \"r\" expected");
    }
    char name = 0;
    struct slice value = SLICE_EMPTY;
    while (name != 'p') { /* extensions may stand before the proof */
        if (!attribute_take(&in, &name, &value)) {
            return malformed(err, "attribute \"p\" expected");
        }
    }
    out->without_proof = slice_of(message.p, (size_t)(value.p - message.p) - strlen(",p="));
    const size_t end = (size_t)(value.p - message.p) + value.len;
    if (end != message.len) {
        return malformed(err, "garbage at the end of the client's final message");
    }
    return key_decode(value, out->proof) ? SCRAM_CONTINUE : malformed(err, "malformed proof");
}

/* The value of attribute c: the header again, and with 'p' the binding data, in base64. */
static void
put_cbind(struct buf *out, char flag, struct slice data)
{
    struct buf plain;
    buf_init(&plain);
    if (flag == 'p') {
        buf_printf(&plain, "p=%s,,", binding_type);
        put_slice(&plain, data);
    } else {
        buf_printf(&plain, "%c,,", flag);
    }
    base64_put(out, buf_slice(&plain));
    buf_fini(&plain);
}

/* The client must repeat what it said of channel binding, and name the certificate that we have. */
static enum scram_step
cbind_check(const struct scram_server *s, struct slice cbind, struct err *err)
{
    struct buf expected;
    buf_init(&expected);
    put_cbind(&expected, s->cbind_flag, slice_of(s->binding, s->binding_len));
    const bool equal = slice_equal(buf_slice(&expected), cbind);
    buf_fini(&expected);
    if (equal) {
        return SCRAM_CONTINUE;
    }
    if (s->plus) {
        (void)err_set(err, SQLSTATE_INVALID_AUTHORIZATION, "SCRAM channel binding check failed");
        return SCRAM_FAILED;
    }
    return malformed(err, "unexpected channel binding attribute in the client's final message");
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

/* Whether the secret must be worked on for this salt; then it stands in need. */
static bool
secret_needs(const struct scram_secret *secret, struct slice salt, uint32_t iterations,
             struct scram_need *need)
{
    struct scram_keys keys;
    if (secret->password == NULL) {
        return false;
    }
    if (scram_cache_get(secret->cache, salt, iterations, &keys)) {
        scram_keys_wipe(&keys);
        return false;
    }
    memcpy(need->salt, salt.p, salt.len);
    need->salt_len = salt.len;
    need->iterations = iterations;
    return true;
}

bool
scram_server_needs(const struct scram_server *s, const struct scram_secret *secret,
                   struct scram_need *need)
{
    const struct scram_verifier *v = &s->verifier;
    return s->state == SCRAM_SERVER_FINAL && s->unsolved &&
           secret_needs(secret, slice_of(v->salt, v->salt_len), v->iterations, need);
}

/* A plain password becomes a verifier only now, so that a client that goes away has cost nothing.
 */
static bool
verifier_solve(struct scram_server *s, const struct scram_secret *secret)
{
    if (!s->unsolved) {
        return true;
    }
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
    put_text(out, s->first_bare);
    put_text(out, ",");
    put_server_first(s, out);
    put_text(out, ",");
    put_slice(out, without_proof);
}

static void
xor_keys(const uint8_t a[SCRAM_KEY_LEN], const uint8_t b[SCRAM_KEY_LEN], uint8_t out[SCRAM_KEY_LEN])
{
    for (size_t i = 0; i < SCRAM_KEY_LEN; i++) {
        out[i] = a[i] ^ b[i];
    }
}

/* Undoes the proof with what the server knows; *equal says whether the client's key is the right
 * one. */
static bool
proof_check(const struct scram_server *s, const uint8_t proof[SCRAM_KEY_LEN], struct slice auth,
            uint8_t client_key[SCRAM_KEY_LEN], bool *equal)
{
    uint8_t signature[SCRAM_KEY_LEN];
    uint8_t stored_key[SCRAM_KEY_LEN];
    if (!digest_hmac_sha256(key_slice(s->verifier.stored_key), auth, signature)) {
        return false;
    }
    xor_keys(proof, signature, client_key);
    if (!digest_sha256(key_slice(client_key), stored_key)) {
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
        digest_hmac_sha256(key_slice(s->verifier.server_key), buf_slice(&auth), signature);
    buf_fini(&auth);
    if (!ok) {
        return library_failed(err);
    }
    if (s->mock || !equal) {
        (void)err_set(err, SQLSTATE_INVALID_PASSWORD,
                      "password authentication failed for user \"%s\"", s->user);
        return SCRAM_FAILED;
    }
    keys_remember(s, client_key, cache);
    explicit_bzero(client_key, sizeof(client_key));
    put_text(reply, "v=");
    base64_put(reply, key_slice(signature));
    return SCRAM_DONE;
}

enum scram_step
scram_server_final(struct scram_server *s, struct slice message, const struct scram_secret *secret,
                   struct buf *reply, struct err *err)
{
    const bool in_turn = s->state == SCRAM_SERVER_FINAL;
    s->state = SCRAM_SERVER_OVER;
    if (!in_turn) {
        return out_of_turn(err);
    }
    if (!message_valid(message, SCRAM_MESSAGE_MAX + SCRAM_MESSAGE_MAX)) {
        return malformed(err, "empty, too long, or with a zero byte");
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
        return library_failed(err);
    }
    return server_decide(s, &final, secret->cache, reply, err);
}

/* ---- the client's end ---- */

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
    CHECK(strlen(nonce) < sizeof(c->nonce) && nonce_valid(slice_of_str(nonce)));
    memcpy(c->user, user, strlen(user) + 1);
    memcpy(c->nonce, nonce, strlen(nonce) + 1);
    c->state = SCRAM_CLIENT_FIRST;
    if (c->channel.flag == 'p') {
        buf_printf(reply, "p=%s,,", binding_type);
    } else {
        buf_printf(reply, "%c,,", c->channel.flag);
    }
    put_client_first_bare(c, reply);
}

void
scram_client_begin(struct scram_client *c, const struct scram_channel *channel, struct buf *reply)
{
    char nonce[SCRAM_NONCE_TEXT_SIZE];
    nonce_make(nonce);
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
    if (!attribute_expect(&in, 'r', &out->nonce) || !nonce_valid(out->nonce)) {
        return malformed(err, "the server sent no nonce, or one that is not valid");
    }
    if (out->nonce.len <= ours || memcmp(out->nonce.p, c->nonce, ours) != 0) {
        return malformed(err, "the server's nonce does not begin with ours");
    }
    if (!attribute_expect(&in, 's', &salt) || salt.len > SALT_TEXT_MAX ||
        !base64_decode(salt, out->salt, sizeof(out->salt), &out->salt_len) || out->salt_len == 0) {
        return malformed(err, "the server sent no salt, or one that is not valid");
    }
    if (!attribute_expect(&in, 'i', &iterations) ||
        !iterations_parse(iterations, &out->iterations)) {
        return malformed(err, "the server sent no iteration count, or one that is not valid");
    }
    return extensions_skip(in) ? SCRAM_CONTINUE : malformed(err, "attribute expected");
}

bool
scram_client_needs(const struct scram_client *c, struct slice message,
                   const struct scram_secret *secret, struct scram_need *need)
{
    struct server_first first;
    memset(&first, 0, sizeof(first));
    return c->state == SCRAM_CLIENT_FIRST && message_valid(message, SCRAM_SERVER_MESSAGE_MAX) &&
           server_first_parse(c, message, &first, NULL) == SCRAM_CONTINUE &&
           secret_needs(secret, slice_of(first.salt, first.salt_len), first.iterations, need);
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
            return library_failed(err);
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
    put_text(out, "c=");
    put_cbind(out, c->channel.flag, slice_of(c->channel.data, c->channel.len));
    put_text(out, ",r=");
    put_slice(out, nonce);
}

/* Appends client-final-message and sets what the server is to prove. */
static bool
put_client_final(struct scram_client *c, struct slice server_first, struct slice nonce,
                 const struct scram_keys *keys, struct buf *reply)
{
    uint8_t stored_key[SCRAM_KEY_LEN];
    uint8_t signature[SCRAM_KEY_LEN];
    uint8_t proof[SCRAM_KEY_LEN];
    struct buf auth;
    buf_init(&auth);
    put_client_first_bare(c, &auth);
    put_text(&auth, ",");
    put_slice(&auth, server_first);
    put_text(&auth, ",");
    put_final_bare(c, nonce, &auth);
    const bool ok =
        digest_sha256(key_slice(keys->client_key), stored_key) &&
        digest_hmac_sha256(key_slice(stored_key), buf_slice(&auth), signature) &&
        digest_hmac_sha256(key_slice(keys->server_key), buf_slice(&auth), c->server_signature);
    buf_fini(&auth);
    if (!ok) {
        return false;
    }
    xor_keys(keys->client_key, signature, proof);
    put_final_bare(c, nonce, reply);
    put_text(reply, ",p=");
    base64_put(reply, key_slice(proof));
    return true;
}

enum scram_step
scram_client_challenge(struct scram_client *c, struct slice message,
                       const struct scram_secret *secret, struct buf *reply, struct err *err)
{
    const bool in_turn = c->state == SCRAM_CLIENT_FIRST;
    c->state = SCRAM_CLIENT_OVER;
    if (!in_turn) {
        return out_of_turn(err);
    }
    if (!message_valid(message, SCRAM_SERVER_MESSAGE_MAX)) {
        return malformed(err, "empty, too long, or with a zero byte");
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
        return library_failed(err);
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
        return out_of_turn(err);
    }
    if (!message_valid(message, SCRAM_SERVER_MESSAGE_MAX)) {
        return malformed(err, "empty, too long, or with a zero byte");
    }
    struct slice in = message;
    struct slice value = SLICE_EMPTY;
    uint8_t signature[SCRAM_KEY_LEN];
    if (attribute_expect(&in, 'e', &value)) {
        (void)err_set(err, SQLSTATE_INVALID_PASSWORD, "the server refused the SCRAM exchange: %.*s",
                      (int)(value.len < 100 ? value.len : 100), (const char *)value.p);
        return SCRAM_FAILED;
    }
    if (!attribute_expect(&in, 'v', &value) || !key_decode(value, signature) ||
        !extensions_skip(in)) {
        return malformed(err, "the server sent no signature, or one that is not valid");
    }
    if (!digest_equal(signature, c->server_signature, SCRAM_KEY_LEN)) {
        (void)err_set(err, SQLSTATE_INVALID_AUTHORIZATION,
                      "the server does not know the user's verifier (its signature is wrong)");
        return SCRAM_FAILED;
    }
    return SCRAM_DONE;
}
