/* startup.h — the packets that open a connection: they have a length but no type.
 *
 * The first 32 bits of the body are a protocol version or one of the request codes. Follows the
 * manual's "Message Flow, Start-up" and the limits of PostgreSQL's ProcessStartupPacket. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_WIRE_STARTUP_H
#define TEAL_WIRE_STARTUP_H

#include "base/check.h"
#include "base/err.h"
#include "wire/frame.h"

enum { STARTUP_LEN_MAX = 10000, STARTUP_CANCEL_KEY_MAX = 256 };

/* The newest minor version of protocol 3 that is spoken. 3.1 was never used, and is 3.0. */
enum { STARTUP_MINOR_LATEST = 2 };

enum startup_kind { STARTUP_SSL, STARTUP_GSSENC, STARTUP_CANCEL, STARTUP_SESSION };

struct startup_packet {
    enum startup_kind kind;
    size_t total;          /* bytes of the packet */
    uint16_t major, minor; /* of the protocol, for STARTUP_SESSION */
    struct slice params;   /* name NUL value NUL ..., checked; for startup_next_param */
    uint32_t cancel_pid;   /* for STARTUP_CANCEL */
    struct slice cancel_key;
};

/* BAD without an error set: not our protocol, close without a word. BAD with an error: answer it.
 */
MUST_CHECK enum wire_result startup_decode(struct slice in, struct startup_packet *out,
                                           struct err *err);

/* Walks the parameters; false at the end. */
MUST_CHECK bool startup_next_param(struct slice *params, struct slice *name, struct slice *value);

#endif
