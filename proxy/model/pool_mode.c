/* pool_mode.c — how long a client keeps a server connection. See pool_mode.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "model/pool_mode.h"

#include "base/check.h"

const char *
pool_mode_name(enum pool_mode mode)
{
    static const char *const names[POOL_MODES_COUNT] = {POOL_MODE_VALUES(WORDS_NAME)};
    CHECK((unsigned)mode < POOL_MODES_COUNT);
    return names[mode];
}
