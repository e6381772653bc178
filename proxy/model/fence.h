/* fence.h — how the old side is kept from writing. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_FENCE_H
#define TEAL_MODEL_FENCE_H

#include "base/words.h"

#define FENCE_VALUES(X)                                                           \
    X(FENCE_AUTO, "auto")         /* soft where ALTER SYSTEM is, else database */ \
    X(FENCE_SOFT, "soft")         /* its new sessions default to read only */     \
    X(FENCE_STRICT, "strict")     /* and no application may connect */            \
    X(FENCE_DATABASE, "database") /* as soft, but only in the databases of the pair */

enum fence_policy { FENCE_VALUES(WORDS_VALUE) };

#endif
