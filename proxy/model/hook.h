/* hook.h — the programs of the operator that take part in a flip, where Teal does not drive the
 * servers itself: what each is for, in the order in which they are met. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_HOOK_H
#define TEAL_MODEL_HOOK_H

#include "base/words.h"

#define HOOK_VALUES(X)                                                                      \
    X(HOOK_PREPARE, "prepare")     /* part of PREPARE */                                    \
    X(HOOK_FINISH, "finish")       /* part of FINISH */                                     \
    X(HOOK_PAUSE_HA, "pause_ha")   /* whoever fails over by itself keeps still from here */ \
    X(HOOK_LAG, "lag")             /* how far the target is behind */                       \
    X(HOOK_FENCE, "fence")         /* the old side refuses writes */                        \
    X(HOOK_UNFENCE, "unfence")     /* and accepts them again */                             \
    X(HOOK_PROMOTE, "promote")     /* the target accepts writes: the commit */              \
    X(HOOK_RESUME_HA, "resume_ha") /* the end of pause_ha */

enum hook { HOOK_VALUES(WORDS_VALUE) };
enum { HOOKS_COUNT = 0 HOOK_VALUES(WORDS_ONE) };

/* "promote", "fence", ..; borrowed for ever. */
const char *hook_name(enum hook hook);

#endif
