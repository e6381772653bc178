/* scram_verifier.h — what a server stores about a user: PostgreSQL's rolpassword. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_SCRAM_VERIFIER_H
#define TEAL_AUTH_SCRAM_VERIFIER_H

#include "auth/scram_keys.h"
#include "base/buf.h"

struct scram_verifier {
    uint8_t salt[SCRAM_SALT_MAX];
    size_t salt_len;
    uint32_t iterations;
    uint8_t stored_key[SCRAM_KEY_LEN];
    uint8_t server_key[SCRAM_KEY_LEN];
};

/* "SCRAM-SHA-256$4096:salt$stored:server". False when the text is not exactly that. */
MUST_CHECK bool scram_verifier_parse(const char *text, struct scram_verifier *out);
/* Whether the text begins like one, right or wrong. */
bool scram_verifier_is(const char *text);
/* The text form; appended. */
void scram_verifier_print(const struct scram_verifier *v, struct buf *out);
/* The verifier that belongs to the keys. */
MUST_CHECK bool scram_verifier_of_keys(const struct scram_keys *keys, struct scram_verifier *out);

#endif
