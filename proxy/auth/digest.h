/* digest.h — the digests that authentication is made of, by OpenSSL.
 *
 * Each gives false only when the library refuses: no memory, or an algorithm that the machine's
 * policy forbids. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_DIGEST_H
#define TEAL_AUTH_DIGEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

enum { SHA256_LEN = 32, MD5_HEX_LEN = 32 };

MUST_CHECK bool digest_sha256(struct slice bytes, uint8_t out[SHA256_LEN]);
MUST_CHECK bool digest_hmac_sha256(struct slice key, struct slice bytes, uint8_t out[SHA256_LEN]);
MUST_CHECK bool digest_pbkdf2_sha256(struct slice password, struct slice salt, uint32_t iterations,
                                     uint8_t out[SHA256_LEN]);
/* Lower-case hexadecimal, without a NUL. */
MUST_CHECK bool digest_md5_hex(struct slice bytes, char out[MD5_HEX_LEN]);
/* Takes as long for different bytes as for equal ones. */
bool digest_equal(const void *a, const void *b, size_t len);

#endif
