/* scram.h — SCRAM-SHA-256 and SCRAM-SHA-256-PLUS (RFC 5802, RFC 7677, RFC 5929) as PostgreSQL
 * speaks them, both ends, as pure functions.
 *
 * Bytes in, bytes out: the caller carries the messages. Each function that answers with enum
 * scram_step either moves the exchange one step or ends it, and never blocks on anything but
 * arithmetic: PBKDF2 takes about 4 ms for 4096 rounds, so what it yields is kept in a cache (see
 * scram_keys.h) and a user pays for it once.
 *
 *     client                                server
 *     scram_client_begin     client-first   scram_server_first   CONTINUE
 *     scram_client_challenge server-first
 *                            client-final   scram_server_final   DONE
 *     scram_client_verify    server-final
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
 * (tls-server-end-point), so that nobody in between can pass it on. Whoever has binding data, which
 * is whoever speaks TLS, gives it to scram_server_bind or scram_channel_choose. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_SCRAM_H
#define TEAL_AUTH_SCRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "auth/scram_keys.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "model/channel_binding.h"

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

/* What a server stores about a user: PostgreSQL's rolpassword, decoded. */
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

/* ---- the server's end ---- */

struct scram_server {
    enum { SCRAM_SERVER_IDLE, SCRAM_SERVER_FIRST, SCRAM_SERVER_FINAL, SCRAM_SERVER_OVER } state;
    bool mock;       /* the exchange runs to its end, which is refusal */
    bool unsolved;   /* the keys are still to be derived from the password */
    bool plus;       /* the client chose SCRAM_MECHANISM_PLUS */
    char cbind_flag; /* 'n', 'y' or 'p', as the client sent it */
    uint8_t binding[SCRAM_BINDING_MAX];
    size_t binding_len; /* 0: no TLS, PLUS is not offered */
    char user[64];      /* for the error text; cut when longer */
    struct scram_verifier verifier;
    char nonce[SCRAM_NONCE_TEXT_SIZE];      /* our part of the nonce */
    char first_bare[SCRAM_MESSAGE_MAX + 1]; /* client-first-message without its gs2 header */
    size_t nonce_client_at;                 /* where in it the client's part of the nonce stands */
    size_t nonce_client_len;
};

/* Begins an exchange with whoever says to be user. With a secret of neither verifier nor password
 * (an unknown user) it goes through the same steps with a made-up verifier and fails at the end:
 * who asks learns nothing. */
void scram_server_init(struct scram_server *s, const struct scram_secret *secret, const char *user,
                       const struct scram_seed *seed);
/* After scram_server_init: the connection's binding data, which makes PLUS be offered. */
void scram_server_bind(struct scram_server *s, struct slice binding);
/* Appends what AuthenticationSASL says: the mechanisms offered, the better one first. */
void scram_server_offer(const struct scram_server *s, struct buf *out);
/* Takes the mechanism that the client names; false when it was not offered. */
MUST_CHECK bool scram_server_choose(struct scram_server *s, struct slice mechanism);
/* Takes client-first-message, appends server-first-message: SCRAM_CONTINUE or SCRAM_FAILED. */
MUST_CHECK enum scram_step scram_server_first(struct scram_server *s, struct slice message,
                                              struct buf *reply, struct err *err);
/* Before scram_server_final: whether keys must be derived that are not in the cache. Once they are
 * there it takes no time. */
bool scram_server_needs(const struct scram_server *s, const struct scram_secret *secret,
                        struct scram_need *need);
/* Takes client-final-message, appends server-final-message: SCRAM_DONE or SCRAM_FAILED. The secret
 * is the one of scram_server_init (or the same user's after a reload). When done, the client's key
 * is known and goes into the secret's cache: that is how a user with a verifier only is logged in
 * to servers that hold the same verifier. */
MUST_CHECK enum scram_step scram_server_final(struct scram_server *s, struct slice message,
                                              const struct scram_secret *secret, struct buf *reply,
                                              struct err *err);
/* Wipes it. Harmless when done twice. */
void scram_server_fini(struct scram_server *s);

/* ---- the client's end ---- */

/* How the exchange is tied to its connection. */
struct scram_channel {
    char flag; /* 'p' with data, 'y' when the server did not offer what we could do, else 'n' */
    uint8_t data[SCRAM_BINDING_MAX];
    size_t len;
};
/* Chooses from what AuthenticationSASL offered; binding is empty without TLS. False with err when
 * nothing fits, or when the offer shows that somebody stands in between: a server offers PLUS only
 * over TLS. */
MUST_CHECK bool scram_channel_choose(struct scram_channel *channel, struct slice mechanisms,
                                     struct slice binding, enum channel_binding use,
                                     struct err *err);
/* The name to answer with. */
const char *scram_channel_mechanism(const struct scram_channel *channel);

struct scram_client {
    enum { SCRAM_CLIENT_IDLE, SCRAM_CLIENT_FIRST, SCRAM_CLIENT_FINAL, SCRAM_CLIENT_OVER } state;
    char nonce[SCRAM_NONCE_TEXT_SIZE];
    char user[64]; /* "" towards PostgreSQL, which takes the name from the startup packet */
    uint8_t server_signature[SCRAM_KEY_LEN]; /* what the server must prove */
    struct scram_channel channel;
};

/* Begins an exchange; appends client-first-message. Its nonce is random. channel (copied) may be
 * NULL: no binding. */
void scram_client_begin(struct scram_client *c, const struct scram_channel *channel,
                        struct buf *reply);
/* The same with a given name and nonce, for test vectors; both shorter than their fields. */
void scram_client_begin_as(struct scram_client *c, const struct scram_channel *channel,
                           const char *user, const char *nonce, struct buf *reply);
/* Before scram_client_challenge: the same; false for a message that will be refused. */
bool scram_client_needs(const struct scram_client *c, struct slice message,
                        const struct scram_secret *secret, struct scram_need *need);
/* Takes server-first-message, appends client-final-message: SCRAM_CONTINUE or SCRAM_FAILED. Uses
 * the keys of the cache when they fit the server's salt, else the password; keys made from the
 * password are put into the cache. A secret with a verifier only fails with the reason unless a
 * client of this user has logged in with the same verifier since Teal started. */
MUST_CHECK enum scram_step scram_client_challenge(struct scram_client *c, struct slice message,
                                                  const struct scram_secret *secret,
                                                  struct buf *reply, struct err *err);
/* Takes server-final-message: SCRAM_DONE when the server knows the verifier as well, else
 * SCRAM_FAILED. */
MUST_CHECK enum scram_step scram_client_verify(struct scram_client *c, struct slice message,
                                               struct err *err);
void scram_client_fini(struct scram_client *c);

#endif
