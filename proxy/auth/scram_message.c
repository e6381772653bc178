/* scram_message.c — the pieces that SCRAM messages consist of. See scram_message.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/scram_message.h"

#include <string.h>

#include "auth/base64.h"
#include "base/rand.h"

enum { KEY_TEXT_LEN = BASE64_LEN(SCRAM_KEY_LEN) };

enum scram_step
scram_malformed(struct err *err, const char *what)
{
    (void)err_set(err, SQLSTATE_PROTOCOL, "scram_malformed SCRAM message: %s", what);
    return SCRAM_FAILED;
}

enum scram_step
scram_out_of_turn(struct err *err)
{
    (void)err_set(err, SQLSTATE_PROTOCOL, "SCRAM message out of turn");
    return SCRAM_FAILED;
}

enum scram_step
scram_library_failed(struct err *err)
{
    (void)err_set(err, SQLSTATE_INTERNAL, "could not compute a SHA-256 digest");
    return SCRAM_FAILED;
}

/* Takes "x=value" off the front, with the comma behind it; a value may be empty and holds no comma.
 */
bool
scram_attribute_take(struct slice *in, char *name, struct slice *value)
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
bool
scram_attribute_expect(struct slice *in, char name, struct slice *value)
{
    struct slice at = *in;
    char found = 0;
    if (!scram_attribute_take(&at, &found, value) || found != name) {
        return false;
    }
    *in = at;
    return true;
}

/* Extensions that we do not know are skipped, as the RFC asks, but must have the form of an
 * attribute. */
bool
scram_extensions_skip(struct slice in)
{
    while (in.len > 0) {
        char name = 0;
        struct slice value = SLICE_EMPTY;
        if (!scram_attribute_take(&in, &name, &value)) {
            return false;
        }
    }
    return true;
}

/* RFC 5802: printable ASCII without the comma. */
bool
scram_nonce_valid(struct slice nonce)
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
bool
scram_iterations_parse(struct slice text, uint32_t *out)
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
bool
scram_message_valid(struct slice message, size_t len_max)
{
    return message.len > 0 && message.len <= len_max &&
           memchr(message.p, '\0', message.len) == NULL;
}

void
scram_nonce_make(char out[SCRAM_NONCE_TEXT_SIZE])
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

bool
scram_key_decode(struct slice text, uint8_t key[SCRAM_KEY_LEN])
{
    size_t len = 0;
    return text.len == KEY_TEXT_LEN && base64_decode(text, key, SCRAM_KEY_LEN, &len) &&
           len == SCRAM_KEY_LEN;
}

/* The value of attribute c: the header again, and with 'p' the binding data, in base64. */
void
scram_put_cbind(struct buf *out, char flag, struct slice data)
{
    struct buf plain;
    buf_init(&plain);
    if (flag == 'p') {
        buf_printf(&plain, "p=%s,,", SCRAM_BINDING_TYPE);
        buf_put_slice(&plain, data);
    } else {
        buf_printf(&plain, "%c,,", flag);
    }
    base64_put(out, buf_slice(&plain));
    buf_fini(&plain);
}
