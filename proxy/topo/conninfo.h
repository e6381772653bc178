/* conninfo.h — connection strings for libpq.
 *
 * The strings are libpq's key=value form with every value quoted, so that a password may hold
 * anything. They hold secrets: the caller frees them with conninfo_free, which wipes, and never
 * logs them. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_TOPO_CONNINFO_H
#define TEAL_TOPO_CONNINFO_H

#include <stdint.h>

#include "model/estate.h"

struct conf;

/* For Teal's own control connections to that database, or to one that conninfo_with_database names
 * later (NULL). connect_timeout_us is rounded up to what
 * libpq knows (seconds, at least 2); it does not hold for asynchronous connects, whose deadline is
 * the caller's. */
char *conninfo_of(const struct conf *conf, const struct node_id *id, const char *database,
                  const char *application_name, uint64_t connect_timeout_us);
/* A copy with the database in it. */
char *conninfo_with_database(const char *conninfo, const char *database);
/* For CREATE SUBSCRIPTION on the other side: how those servers reach this side. Of several servers
 * the subscription takes the primary, each time that it connects, so it follows a failover. The
 * application_name is left to the server, which uses the name of the subscription. Quote it as a
 * literal before it goes into SQL. */
char *conninfo_for_replication(const struct conf *conf, uint32_t pair, enum side side,
                               const char *database);
/* For auth_query: a connection of that user to that database. */
char *conninfo_of_user(const struct conf *conf, const struct node_id *id, const char *database,
                       const char *user, const char *password);
/* Wipes and frees; NULL is fine. */
void conninfo_free(char *conninfo);

#endif
