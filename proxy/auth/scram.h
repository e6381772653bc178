/* scram.h — SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677, RFC 5929) as PostgreSQL
 * speaks them, both ends, as pure functions.
 *
 * Bytes in, bytes out: the caller carries the messages. Each function that answers with enum
 * scram_step either moves the exchange one step or ends it, and never blocks on anything but
 * arithmetic: PBKDF2 takes about 4 ms for 4096 rounds, so its result is kept in a cache (see
 * scram_keys.h) and is computed once for a user.
 *
 *     client (scram_client.h)               server (scram_server.h)
 *     scram_client_begin     client-first   scram_server_first   CONTINUE
 *     scram_client_challenge server-first
 *                            client-final   scram_server_final   DONE
 *     scram_client_verify    server-final
 *
 *     StoredKey       = SHA256(ClientKey)
 *     AuthMessage     = client-first-bare "," server-first "," client-final-without-proof
 *     ClientSignature = HMAC(StoredKey, AuthMessage)
 *     ClientProof     = ClientKey XOR ClientSignature
 *     ServerSignature = HMAC(ServerKey, AuthMessage)
 *
 * The peer decides which message comes: one out of turn (twice the same, one before the exchange
 * has begun, one after it is over) is its mistake and ends in SCRAM_FAILED. A zeroed struct is an
 * exchange that has not begun.
 *
 * Passwords are taken as raw bytes: for ASCII that is what SASLprep gives, and for anything else it
 * is what PostgreSQL falls back to when SASLprep refuses the text. A password with characters that
 * SASLprep would map (a ligature, a full-width letter) must be stored as its verifier.
 *
 * Channel binding ties the exchange to the certificate of the TLS connection that carries it
 * (tls-server-end-point), so that nobody in between can relay it. A caller that speaks TLS has
 * binding data, and gives it to scram_server_bind or scram_channel_choose. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_SCRAM_H
#define TEAL_AUTH_SCRAM_H

#include "auth/scram_keys.h"

/* The names of the mechanisms in AuthenticationSASL. */
#define SCRAM_MECHANISM "SCRAM-SHA-256"
#define SCRAM_MECHANISM_PLUS "SCRAM-SHA-256-PLUS"

enum {
    SCRAM_MESSAGE_MAX = 1024,        /* what a client may send, as in PostgreSQL */
    SCRAM_SERVER_MESSAGE_MAX = 4096, /* what a server may send */
    SCRAM_NONCE_MAX = 1024,          /* characters of one nonce */
    SCRAM_NONCE_LEN = 18,            /* random bytes of our part */
    SCRAM_NONCE_TEXT_SIZE = 25,      /* the same in base64, with its NUL */
    SCRAM_ITERATIONS = 4096,         /* PostgreSQL's default, for verifiers made here */
    SCRAM_ITERATIONS_MAX = 1000000,  /* a second of arithmetic */
    SCRAM_SALT_LEN = 16,             /* of verifiers made here */
    SCRAM_BINDING_MAX = 64,          /* bytes of binding data: a digest of a certificate */
};

enum scram_step {
    SCRAM_CONTINUE, /* the reply is to be sent and one more message is awaited */
    SCRAM_DONE,     /* authenticated */
    SCRAM_FAILED,   /* err is set; the exchange is over */
};

struct scram_verifier;

/* Random bytes, made once by the process and never shown, from which the salts of unknown users and
 * of plain passwords follow. The same name is thus always given the same salt, as a stored verifier
 * would be. */
struct scram_seed {
    uint8_t bytes[SCRAM_KEY_LEN];
};
void scram_seed_init(struct scram_seed *seed);

/* How a user proves itself, to us or from us to a server: a verifier, or a password, or neither. */
struct scram_secret {
    const struct scram_verifier *verifier; /* borrowed for the call; NULL when there is none */
    const char *password;                  /* borrowed for the call; NULL when it is not known */
    struct scram_cache *cache;             /* borrowed for the call; may be NULL */
};

/* What is to be derived from a password before a step, which else takes milliseconds for it. */
struct scram_need {
    uint8_t salt[SCRAM_SALT_MAX];
    size_t salt_len;
    uint32_t iterations;
};
/* Whether the keys of the secret for this salt must be derived; then need says from what. */
bool scram_secret_needs(const struct scram_secret *secret, struct slice salt, uint32_t iterations,
                        struct scram_need *need);

#endif
