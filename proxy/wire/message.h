/* message.h — the bodies that Teal looks into; all others pass by length.
 *
 * Every decoder takes the body of one whole frame and is false when the body is malformed; slices
 * point into the body. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_WIRE_MESSAGE_H
#define TEAL_WIRE_MESSAGE_H

#include "base/buf.h"
#include "base/err.h"
#include "wire/frame.h"

/* Query: one string, with its NUL as the last byte and no other. */
MUST_CHECK bool message_query(struct slice body, struct slice *text);
/* Parse: name, text, and the parameter types as they stand (count and OIDs). */
MUST_CHECK bool message_parse(struct slice body, struct slice *name, struct slice *text,
                              struct slice *types);
/* Bind: portal, statement, and all that follows. */
MUST_CHECK bool message_bind(struct slice body, struct slice *portal, struct slice *statement,
                             struct slice *rest);
/* Describe and Close: 'S' or 'P', and a name. */
MUST_CHECK bool message_named(struct slice body, uint8_t *kind, struct slice *name);

/* ErrorResponse and NoticeResponse: the fields Teal acts on; a missing field is the empty slice. */
struct message_error {
    struct slice severity; /* 'V', or 'S' when that is missing */
    struct slice sqlstate;
    struct slice text;
};
void message_error(struct slice body, struct message_error *out);

/* Encoders append one whole frame to b (small messages: they abort when memory is gone). */
size_t message_begin(struct buf *b, uint8_t type);
/* Writes the length of the frame begun at that place. */
void message_end(struct buf *b, size_t begun);
void message_put_simple(struct buf *b, uint8_t type); /* no body: '1', '2', '3', 'S', ... */
void message_put_query(struct buf *b, const char *sql);
void message_put_auth(struct buf *b, uint32_t code, struct slice data);
void message_put_password(struct buf *b, struct slice data); /* 'p' */
void message_put_parameter(struct buf *b, const char *name, const char *value);
void message_put_key(struct buf *b, uint32_t pid, struct slice key);
void message_put_ready(struct buf *b, uint8_t txn);
void message_put_complete(struct buf *b, const char *tag);
/* NegotiateProtocolVersion: 3.minor is what will be spoken. The version goes out whole, as
 * PostgreSQL sends it and libpq reads it; the manual speaks of the minor version alone. */
void message_put_negotiate(struct buf *b, uint32_t minor, const char *const *options,
                           size_t options_count);
/* severity: "ERROR", "FATAL", "NOTICE", ...; type 'E' or 'N' follows from it. */
void message_put_error(struct buf *b, const char *severity, const struct err *err);
/* name is the statement's name at the server. */
void message_put_parse(struct buf *b, const char *name, struct slice text, struct slice types);
void message_put_bind(struct buf *b, struct slice portal, const char *statement, struct slice rest);
void message_put_named(struct buf *b, uint8_t type, uint8_t kind, const char *name);
/* Untyped packets of the start. */
void message_put_startup(struct buf *b, const char *const *pairs, size_t pairs_count);
void message_put_startup_text(struct buf *b, struct slice params); /* name NUL value NUL ... */
void message_put_ssl_request(struct buf *b);
void message_put_cancel(struct buf *b, uint32_t pid, struct slice key);
/* Results of the console: text format. A NULL cell is SQL's NULL. */
void message_put_row_description(struct buf *b, const char *const *names, size_t count);
void message_put_data_row(struct buf *b, const char *const *cells, size_t count);

#endif
