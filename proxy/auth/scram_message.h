/* scram_message.h — the pieces that SCRAM messages consist of, read and written by both ends.
 *
 * Only scram_*.c include it. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_SCRAM_MESSAGE_H
#define TEAL_AUTH_SCRAM_MESSAGE_H

#include "auth/scram.h"
#include "base/buf.h"
#include "base/err.h"

/* The kind of channel binding that Teal and PostgreSQL know. */
#define SCRAM_BINDING_TYPE "tls-server-end-point"

/* The ends of an exchange that failed: err is set, SCRAM_FAILED is returned. */
enum scram_step scram_malformed(struct err *err, const char *what);
enum scram_step scram_out_of_turn(struct err *err);
enum scram_step scram_library_failed(struct err *err);

/* Takes "x=value" off the front, with the comma behind it; a value may be empty and holds no comma.
 */
bool scram_attribute_take(struct slice *in, char *name, struct slice *value);
/* The same for an attribute that must be this one. */
bool scram_attribute_expect(struct slice *in, char name, struct slice *value);
/* Extensions that we do not know are skipped, as the RFC asks, but must have the form of an
 * attribute. */
bool scram_extensions_skip(struct slice in);
/* RFC 5802: printable ASCII without the comma. */
bool scram_nonce_valid(struct slice nonce);
/* A positive decimal number of at most SCRAM_ITERATIONS_MAX, digits only. */
bool scram_iterations_parse(struct slice text, uint32_t *out);
/* Whether a message can be one: not empty, not too long, no NUL inside. */
bool scram_message_valid(struct slice message, size_t len_max);
/* Our part of the nonce: random. */
void scram_nonce_make(char out[SCRAM_NONCE_TEXT_SIZE]);
/* A key in base64, which has one spelling only. */
bool scram_key_decode(struct slice text, uint8_t key[SCRAM_KEY_LEN]);
/* The value of attribute c: the header again, and with 'p' the binding data, in base64. */
void scram_put_cbind(struct buf *out, char flag, struct slice data);

#endif
