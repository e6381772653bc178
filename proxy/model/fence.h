/* fence.h — how the old side is kept from writing. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_FENCE_H
#define TEAL_MODEL_FENCE_H

#include "base/words.h"

#define FENCE_VALUES(X)                                                   \
    X(FENCE_SOFT, "soft")     /* its new sessions default to read only */ \
    X(FENCE_STRICT, "strict") /* and its database takes no connections but the operator's */

enum fence { FENCE_VALUES(WORDS_VALUE) };

#endif
