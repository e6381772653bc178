/* md5.h — PostgreSQL's md5 password answer, for servers and clients that still use it.
 *
 *     "md5" + hex(md5(hex(md5(password + user)) + salt))
 *
 * Weak by today's measure: offered to clients only when auth_type says so; a server that holds md5
 * secrets can be logged in to no other way. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_MD5_H
#define TEAL_AUTH_MD5_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

enum { MD5_SALT_LEN = 4, MD5_SECRET_LEN = 35, MD5_SECRET_SIZE = MD5_SECRET_LEN + 1 };

/* "md5" and 32 digits of lower-case hexadecimal. */
bool md5_secret_is(const char *text);
/* The secret that PostgreSQL stores. False with err when the library has md5 switched off (FIPS).
 */
MUST_CHECK bool md5_secret_make(const char *user, const char *password, char out[MD5_SECRET_SIZE],
                                struct err *err);
/* The answer to AuthenticationMD5Password; secret is a password or what md5_secret_is accepts. */
MUST_CHECK bool md5_answer(const char *user, const char *secret, const uint8_t salt[MD5_SALT_LEN],
                           char out[MD5_SECRET_SIZE], struct err *err);

#endif
