/* slice.h — a view of bytes that somebody else owns.
 *
 * A slice is a plain value: pointer and length, no terminator, valid for as long as its owner says.
 * The readers below take bytes off the front and never look past the end: every length that came
 * from outside is compared with what is left, never added to a position first (that is what wraps).
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_SLICE_H
#define TEAL_BASE_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

struct slice {
    const uint8_t *p; /* borrowed */
    size_t len;
};

#define SLICE_EMPTY ((struct slice){NULL, 0})

struct slice slice_of(const void *p, size_t len);
struct slice slice_of_str(const char *s);
bool slice_equal(struct slice a, struct slice b);
bool slice_equal_str(struct slice a, const char *s);
/* ASCII letters compare without case; other bytes as they are. */
bool slice_equal_nocase(struct slice a, const char *s);
/* 64-bit FNV-1a with a final mix; for tables, not for secrets. */
uint64_t slice_hash(struct slice s, uint64_t seed);

/* Readers: on true they have moved *in forward; on false *in is unchanged. Integers are big-endian.
 */
MUST_CHECK bool slice_take_u8(struct slice *in, uint8_t *out);
MUST_CHECK bool slice_take_u16(struct slice *in, uint16_t *out);
MUST_CHECK bool slice_take_u32(struct slice *in, uint32_t *out);
MUST_CHECK bool slice_take(struct slice *in, size_t len, struct slice *out);
/* A NUL-terminated string; *out is without the NUL, but the NUL stands behind it. */
MUST_CHECK bool slice_take_cstr(struct slice *in, struct slice *out);

/* Big-endian integers at p; the caller has checked the length. */
uint32_t be32_at(const uint8_t *p);
uint16_t be16_at(const uint8_t *p);
void be32_put(uint8_t *p, uint32_t v);
void be16_put(uint8_t *p, uint16_t v);

#endif
