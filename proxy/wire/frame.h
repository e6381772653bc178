/* frame.h — the frames of protocol 3 (PostgreSQL manual, "Message Formats").
 *
 * After the start-up packet every message is a type byte, a big-endian length that counts itself
 * but not the type, and a body. All decoders here are pure: bytes in, values out that point into
 * those bytes. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_WIRE_FRAME_H
#define TEAL_WIRE_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

enum wire_result {
    WIRE_OK,
    WIRE_MORE, /* not all of it has arrived; nothing was changed */
    WIRE_BAD,  /* can never become a message */
};

enum { WIRE_HEADER_LEN = 5 };

/* Reads the header at the front of in. *total is the length of the whole frame, header included,
 * and may be more than what has arrived: the caller decides whether it must see all of it. BAD: the
 * length is below 4, or total is above total_max. */
MUST_CHECK enum wire_result wire_peek(struct slice in, uint64_t total_max, uint8_t *type,
                                      uint64_t *total);

/* A message at the front of a stretch of bytes, or as much of it as has arrived. */
struct frame {
    uint8_t type;
    bool whole;        /* all of it has arrived */
    uint64_t total;    /* its length, header included */
    struct slice seen; /* what has arrived of it, header included; borrowed */
};

/* Decodes the header once for all who look at the message; as wire_peek. */
MUST_CHECK enum wire_result frame_read(struct slice in, uint64_t total_max, struct frame *out);
/* What has arrived of the body. */
struct slice frame_body(const struct frame *f);

#endif
