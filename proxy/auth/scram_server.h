/* scram_server.h — the server's end of SCRAM: a client proves to us who it is. See scram.h. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_SCRAM_SERVER_H
#define TEAL_AUTH_SCRAM_SERVER_H

#include "auth/scram.h"
#include "auth/scram_verifier.h"
#include "base/buf.h"
#include "base/err.h"

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

/* Begins an exchange with a client that claims to be user. With a secret of neither verifier nor
 * password (an unknown user) it goes through the same steps with a made-up verifier and fails at
 * the end, so that the client does not learn whether the user exists. */
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

#endif
