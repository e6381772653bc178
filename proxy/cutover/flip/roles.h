/* roles.h — pieces of statements about the databases of a pair and the roles that use them, as the
 * catalogs know them.
 *
 * A setting of a role in a database beats one of the role, that beats one of the database, and that
 * the server's configuration. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_ROLES_H
#define TEAL_CUTOVER_FLIP_ROLES_H

#include "base/buf.h"

struct cutover;

/* The value of a setting of the role in the database, as it was set; NULL for none. Role 0: of the
 * database for everybody; database 0: of the role everywhere. */
#define FENCE_VALUE(role, database)                                                   \
    "(SELECT split_part(x, '=', 2) FROM pg_db_role_setting s, unnest(s.setconfig) x " \
    "WHERE s.setrole = " role " AND s.setdatabase = " database                        \
    " AND x ~ '^default_transaction_read_only=')"
#define FENCE_SETTING(role, database) FENCE_VALUE(role, database) "::bool"
/* The home database is fenced; all databases of the pair are fenced in one transaction. */
#define FENCE_SQL_DATABASE_ON                                                                \
    "coalesce((SELECT " FENCE_SETTING("0", "h.oid") " FROM pg_database h WHERE h.datname = " \
                                                    "current_database()), false)"

/* The row t of teal.local_state has the record of a fence; the table may be an older Teal's. */
#define FENCE_SQL_KEPT "coalesce(to_jsonb(t)->'kept', 'null') <> 'null'"

/* " d.datname IN ('app')": the condition on pg_database d. */
void put_is_ours(const struct cutover *c, struct buf *sql);
/* FROM and WHERE for the roles (a) and databases (d) where the role's default is to write, whatever
 * the database and the system say. */
void put_overrides(const struct cutover *c, struct buf *sql);
/* FROM and WHERE for the roles (a) of applications: those that may connect to a database of the
 * pair, but for superusers, replication and the operator. */
void put_applications(const struct cutover *c, struct buf *sql);

#endif
