/* databases.h — which databases a report tells of: those that are listed, those that the monitor
 * has found, and those that clients have named besides; each once, by the name that clients say. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_DATABASES_H
#define TEAL_ADMIN_DATABASES_H

#include <stdbool.h>
#include <stddef.h>

#include "admin/snapshot.h"

struct shown_database {
    const char *alias; /* what clients say; borrowed */
    const char *name;  /* on the servers; borrowed */
    uint32_t pair;
    const struct conf_database *conf; /* what the configuration says of it; borrowed */
};

/* Of the pairs that the snapshot is about; the home databases are always among them. The caller
 * frees the array (mem_free); what it points to lives as long as the snapshot. */
struct shown_database *shown_databases(const struct snapshot *snap, size_t *count);

/* How it stands: "served", "paused", "disabled", "missing" (on the side that writes), "missing on
 * green" (the other side), "not prepared" (the other side follows nothing). */
const char *shown_database_state(const struct snapshot *snap, const struct shown_database *d);

#endif
