/* drain.c — the policy of a drain that takes too long. See drain.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "model/drain.h"

static const char *const names[DRAIN_POLICIES_COUNT] = {DRAIN_VALUES(WORDS_NAME)};

bool
drain_policy_parse(const char *word, enum drain_policy *out)
{
    unsigned value;
    if (!words_find(names, DRAIN_POLICIES_COUNT, word, &value)) {
        return false;
    }
    *out = (enum drain_policy)value;
    return true;
}
