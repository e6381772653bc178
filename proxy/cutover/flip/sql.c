/* sql.c — quoting, and the statements for slots and subscriptions. See sql.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/sql.h"

#include <string.h>

void
put_literal(struct buf *b, const char *text)
{
    if (strchr(text, '\\') != NULL) {
        buf_printf(b, " E");
    }
    buf_put_u8(b, '\'');
    for (const char *p = text; *p != '\0'; p++) {
        if (*p == '\'' || *p == '\\') {
            buf_put_u8(b, (uint8_t)*p);
        }
        buf_put_u8(b, (uint8_t)*p);
    }
    buf_put_u8(b, '\'');
}

void
put_create_slot(struct buf *sql, enum side receiver)
{
    const char *name = side_name(receiver);
    buf_printf(
        sql,
        "SELECT (SELECT lsn FROM pg_create_logical_replication_slot('" TEAL_STREAM_PREFIX
        "%s', 'pgoutput')) WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name "
        "= '" TEAL_STREAM_PREFIX "%s')",
        name, name);
}

void
put_create_subscription(struct buf *sql, enum side receiver, const char *conninfo, const char *with)
{
    const char *name = side_name(receiver);
    buf_printf(sql, "CREATE SUBSCRIPTION " TEAL_STREAM_PREFIX "%s CONNECTION ", name);
    put_literal(sql, conninfo);
    buf_printf(
        sql, " PUBLICATION " TEAL_PUBLICATION " WITH (slot_name = '" TEAL_STREAM_PREFIX "%s', %s)",
        name, with);
}

/* With slot_name = NONE the drop does not reach for the other side. */
void
put_drop_subscription(struct buf *sql, enum side receiver)
{
    const char *name = side_name(receiver);
    buf_printf(
        sql,
        "DO $do$ BEGIN IF EXISTS (SELECT FROM pg_subscription s JOIN pg_database d ON d.oid = "
        "s.subdbid WHERE d.datname = current_database() AND s.subname = '" TEAL_STREAM_PREFIX
        "%s') THEN ALTER SUBSCRIPTION " TEAL_STREAM_PREFIX
        "%s DISABLE; ALTER SUBSCRIPTION " TEAL_STREAM_PREFIX
        "%s SET (slot_name = NONE); DROP SUBSCRIPTION " TEAL_STREAM_PREFIX "%s; END IF; END $do$",
        name, name, name, name);
}
