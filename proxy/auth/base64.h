/* base64.h — base64 with padding (RFC 4648), strict: no blanks, no missing padding, no stray bits.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_BASE64_H
#define TEAL_AUTH_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

/* The characters that len bytes take, without a NUL. */
#define BASE64_LEN(len) (((len) + 2) / 3 * 4)

/* Appends the text. */
void base64_put(struct buf *out, struct slice bytes);
/* Decodes into out, which has room for size bytes; *len is what was written. False when the text is
 * not base64 or does not fit; *len is then 0. */
MUST_CHECK bool base64_decode(struct slice text, uint8_t *out, size_t size, size_t *len);

#endif
