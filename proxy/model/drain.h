/* drain.h — what a cutover does with transactions that do not end within drain_timeout. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_DRAIN_H
#define TEAL_MODEL_DRAIN_H

#include <stdbool.h>

#include "base/check.h"
#include "base/words.h"

#define DRAIN_VALUES(X)                                                                       \
    X(DRAIN_ABORT, "abort")         /* the cutover is undone, writes go on at the old side */ \
    X(DRAIN_CANCEL, "cancel")       /* they are cancelled (57014), then as above */           \
    X(DRAIN_TERMINATE, "terminate") /* their sessions are ended (57P01) */

enum drain_policy { DRAIN_VALUES(WORDS_VALUE) };
enum { DRAIN_POLICIES_COUNT = 0 DRAIN_VALUES(WORDS_ONE) };

/* False when the word is no policy. */
MUST_CHECK bool drain_policy_parse(const char *word, enum drain_policy *out);

#endif
