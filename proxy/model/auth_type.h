/* auth_type.h — how a client proves which user it is. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_AUTH_TYPE_H
#define TEAL_MODEL_AUTH_TYPE_H

#include "base/words.h"

/* What both the key auth_type and a row of auth_hba_file may say. */
#define AUTH_TYPE_VALUES(X)                     \
    X(AUTH_TYPE_TRUST, "trust")                 \
    X(AUTH_TYPE_SCRAM_SHA_256, "scram-sha-256") \
    X(AUTH_TYPE_MD5, "md5")                     \
    X(AUTH_TYPE_PASSWORD, "password")           \
    X(AUTH_TYPE_CERT, "cert")                   \
    X(AUTH_TYPE_PEER, "peer")

/* The key may leave it to the rows, and a row may refuse. */
#define AUTH_TYPE_KEY_VALUES(X) AUTH_TYPE_VALUES(X) X(AUTH_TYPE_HBA, "hba")
#define AUTH_TYPE_ROW_VALUES(X) AUTH_TYPE_VALUES(X) X(AUTH_TYPE_REJECT, "reject")

enum auth_type { AUTH_TYPE_KEY_VALUES(WORDS_VALUE) AUTH_TYPE_REJECT };

#endif
