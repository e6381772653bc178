/* pair_kind.h — who drives the two servers of a pair. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_PAIR_KIND_H
#define TEAL_MODEL_PAIR_KIND_H

#include "base/words.h"

#define PAIR_KIND_VALUES(X)                                                                     \
    X(PAIR_KIND_AUTO, "auto")         /* Teal, as a standby or by subscriptions, as it finds */ \
    X(PAIR_KIND_EXTERNAL, "external") /* somebody else, whom Teal asks by hooks */

enum pair_kind { PAIR_KIND_VALUES(WORDS_VALUE) };

#endif
