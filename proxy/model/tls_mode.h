/* tls_mode.h — how much TLS a connection must have, as libpq's sslmode. At the accepting end allow
 * and prefer mean the same: a client that asks for TLS gets it. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_TLS_MODE_H
#define TEAL_MODEL_TLS_MODE_H

#include "base/words.h"

#define TLS_MODE_VALUES(X)        \
    X(TLS_DISABLE, "disable")     \
    X(TLS_ALLOW, "allow")         \
    X(TLS_PREFER, "prefer")       \
    X(TLS_REQUIRE, "require")     \
    X(TLS_VERIFY_CA, "verify-ca") \
    X(TLS_VERIFY_FULL, "verify-full")

enum tls_mode { TLS_MODE_VALUES(WORDS_VALUE) };
enum { TLS_MODES_COUNT = 0 TLS_MODE_VALUES(WORDS_ONE) };

/* "disable", "allow", ...: the word that libpq knows. */
const char *tls_mode_name(enum tls_mode mode);

#endif
