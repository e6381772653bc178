/* config.h — the limits and policies of a cutover, and how each side is reached. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_TYPES_CONFIG_H
#define TEAL_CUTOVER_TYPES_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "model/drain.h"
#include "model/estate.h"
#include "model/fence.h"
#include "model/hook.h"
#include "model/side.h"

/* Times in microseconds. In a copy the strings are owned. */
struct cutover_config {
    /* The databases that move together, by their names on the servers; the home database first. */
    const char *const *databases;
    uint32_t databases_count; /* at least 1, at most DATABASES_MAX */
    /* Not these alone: every database of the writer's server that the operator can connect to. */
    bool databases_all;
    enum side initial_writer;
    /* How the OTHER side's subscription reaches this side: a libpq conninfo with host, port, user
     * and password, but without dbname, which differs from database to database. */
    const char *replication_conninfo[SIDES_COUNT];
    /* "10.0.0.1:5432", for people. */
    const char *address[SIDES_COUNT];
    uint32_t pool_size; /* connections that Teal may open to a side, for the max_connections check;
                           0 unknown */

    uint64_t hold_timeout_us;
    uint64_t hold_timeout_physical_us;
    uint64_t drain_timeout_us;
    uint64_t fence_timeout_us;
    uint64_t catchup_timeout_us;
    uint64_t sync_timeout_us;
    uint64_t commit_timeout_us;
    uint64_t open_timeout_us;
    uint64_t start_lag_bytes;
    uint64_t start_lag_us;
    enum drain_policy drain_policy;
    enum fence_policy fence;
    bool require_way_back;
    bool external;  /* the servers are somebody else's: hooks drive them */
    unsigned hooks; /* bits by enum hook: those that there are */
    uint64_t hook_timeout_us;
};

/* Whether there is such a hook. */
bool cutover_config_has_hook(const struct cutover_config *config, enum hook hook);
/* A copy that owns its strings; cutover_config_fini frees them. */
void cutover_config_copy(struct cutover_config *to, const struct cutover_config *from);
void cutover_config_fini(struct cutover_config *config);

#endif
