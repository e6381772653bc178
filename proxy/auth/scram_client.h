/* scram_client.h — the client's end of SCRAM: we prove to a server who we are. See scram.h. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_SCRAM_CLIENT_H
#define TEAL_AUTH_SCRAM_CLIENT_H

#include "auth/scram.h"
#include "base/buf.h"
#include "base/err.h"
#include "model/channel_binding.h"

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
