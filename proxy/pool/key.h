/* key.h — what a pool is a pool of. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_POOL_KEY_H
#define TEAL_POOL_KEY_H

#include <stdbool.h>

#include "model/estate.h"

enum { POOL_WORKERS_MAX = 64 };

/* What its backends are for. A walsender streams to one client from its login to its end: it is
 * opened for that client, and never used again. */
enum pool_use {
    POOL_SESSIONS,
    POOL_WALSENDERS,         /* replication=true: physical */
    POOL_WALSENDERS_LOGICAL, /* replication=database */
};

struct pool_key {
    struct node_id node;
    bool read_only;
    enum pool_use use;
    /* The database: as clients name it, which is what limits and reports go by, and on the servers.
     * All texts are borrowed. */
    const char *alias;
    const char *database;
    const char *user; /* the role that its backends log in as */
};

#endif
