/* scram_verifier.c — what a server stores about a user. See scram_verifier.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/scram_verifier.h"

#include <string.h>

#include "auth/base64.h"
#include "auth/digest.h"
#include "auth/scram_message.h"

static const char verifier_prefix[] = "SCRAM-SHA-256$";

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
    return scram_iterations_parse(iterations, &out->iterations) &&
           base64_decode(salt, out->salt, sizeof(out->salt), &out->salt_len) && out->salt_len > 0 &&
           scram_key_decode(stored_key, out->stored_key) && scram_key_decode(in, out->server_key);
}

void
scram_verifier_print(const struct scram_verifier *v, struct buf *out)
{
    buf_printf(out, "%s%u:", verifier_prefix, (unsigned)v->iterations);
    base64_put(out, slice_of(v->salt, v->salt_len));
    buf_put_text(out, "$");
    base64_put(out, scram_key_slice(v->stored_key));
    buf_put_text(out, ":");
    base64_put(out, scram_key_slice(v->server_key));
}

bool
scram_verifier_of_keys(const struct scram_keys *keys, struct scram_verifier *out)
{
    CHECK(keys->salt_len > 0 && keys->salt_len <= SCRAM_SALT_MAX && keys->iterations > 0);
    memset(out, 0, sizeof(*out));
    memcpy(out->salt, keys->salt, keys->salt_len);
    out->salt_len = keys->salt_len;
    out->iterations = keys->iterations;
    memcpy(out->server_key, keys->server_key, SCRAM_KEY_LEN);
    return digest_sha256(scram_key_slice(keys->client_key), out->stored_key);
}
