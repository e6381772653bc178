/* key.h — what a pool is a pool of. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_KEY_H
#define TEAL_POOL_KEY_H

#include <stdbool.h>

#include "topo/side.h"

enum { POOL_WORKERS_MAX = 64 };

struct pool_key {
    enum side side;
    bool read_only;
    const char *database; /* borrowed */
    const char *user;     /* borrowed */
};

#endif
