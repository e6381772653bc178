/* pool_mode.h — how long a client keeps a server connection. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_POOL_MODE_H
#define TEAL_MODEL_POOL_MODE_H

#include "base/words.h"

#define POOL_MODE_VALUES(X)                                                    \
    X(POOL_MODE_TRANSACTION, "transaction") /* for a transaction, as a rule */ \
    X(POOL_MODE_SESSION, "session")         /* from its first statement to its end */

enum pool_mode { POOL_MODE_VALUES(WORDS_VALUE) };
enum { POOL_MODES_COUNT = 0 POOL_MODE_VALUES(WORDS_ONE) };

/* "transaction", "session". */
const char *pool_mode_name(enum pool_mode mode);

#endif
