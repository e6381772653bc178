/* roles.c — the databases of a pair, and the roles that a fence is about. See roles.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/roles.h"

#include "cutover/flip/parts.h"

void
put_is_ours(const struct cutover *c, struct buf *sql)
{
    buf_printf(sql, " d.datname IN (");
    put_database_names(sql, c);
    buf_printf(sql, ")");
}

void
put_overrides(const struct cutover *c, struct buf *sql)
{
    buf_printf(
        sql, "FROM pg_database d CROSS JOIN pg_roles a WHERE a.rolcanlogin AND NOT "
             "coalesce(" FENCE_SETTING("a.oid", "d.oid") ", " FENCE_SETTING("a.oid", "0") ", true) "
                                                                                          "AND");
    put_is_ours(c, sql);
}

void
put_applications(const struct cutover *c, struct buf *sql)
{
    buf_printf(
        sql, "FROM pg_roles a WHERE a.rolcanlogin AND NOT a.rolsuper AND NOT a.rolreplication AND "
             "a.rolname <> current_user AND EXISTS (SELECT FROM pg_database d WHERE "
             "has_database_privilege(a.oid, d.oid, 'CONNECT') AND");
    put_is_ours(c, sql);
    buf_printf(sql, ")");
}
