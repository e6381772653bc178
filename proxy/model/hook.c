/* hook.c — the names of the hooks. See hook.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "model/hook.h"

static const char *const names[HOOKS_COUNT] = {HOOK_VALUES(WORDS_NAME)};

const char *
hook_name(enum hook hook)
{
    CHECK((unsigned)hook < HOOKS_COUNT);
    return names[hook];
}
