/* patroni_cluster.h — what a Patroni says of its cluster (GET /cluster), which may be anything. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_PATRONI_CLUSTER_H
#define TEAL_MONITOR_PATRONI_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

enum { PATRONI_HOST_SIZE = 256 };

struct patroni_cluster {
    bool is_paused;                      /* it does no failovers by itself */
    char leader_host[PATRONI_HOST_SIZE]; /* "" while there is no leader that runs */
    uint16_t leader_port;
};

/* Of a document of JSON; pure. False when it is none of a Patroni. A leader of a standby cluster is
 * no leader here: it takes no writes. */
bool patroni_cluster_read(struct slice document, struct patroni_cluster *out);

#endif
