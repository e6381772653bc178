/* freshness.h — what a session must see in its reads. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_FRESHNESS_H
#define TEAL_MODEL_FRESHNESS_H

#include "base/words.h"

#define FRESHNESS_VALUES(X)                                                         \
    X(FRESHNESS_OWN_WRITES, "own-writes") /* at least what it has written itself */ \
    X(FRESHNESS_EVENTUAL, "eventual")     /* any follower within the lag limit will do */

enum freshness { FRESHNESS_VALUES(WORDS_VALUE) };

#endif
