/* sql.c — quoting, and the statements for slots and subscriptions. See sql.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/sql.h"

#include <inttypes.h>
#include <string.h>

#include "base/mem.h"

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
put_create_slot(struct buf *sql, const char *stream)
{
    buf_printf(
        sql,
        "SELECT (SELECT lsn FROM pg_create_logical_replication_slot('%s', 'pgoutput')) WHERE "
        "NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = '%s')",
        stream, stream);
}

void
put_advance_slot(struct buf *sql, const char *stream, enum side side, uint64_t epoch)
{
    buf_printf(sql,
               "SELECT pg_replication_slot_advance(slot_name, pg_current_wal_flush_lsn()) FROM "
               "pg_replication_slots WHERE slot_name = '%s' AND wal_status IN ('reserved', "
               "'extended') AND NOT EXISTS (SELECT FROM teal.marker WHERE side = '%s' "
               "AND epoch > %" PRIu64 ")",
               stream, side_name(side), epoch);
}

/* The conninfo with the database, as libpq reads it: in quotes, with a backslash in front of what
 * would end them. The text is wiped, for it has a password. */
static void
put_conninfo(struct buf *sql, const char *conninfo, const char *database)
{
    struct buf text;
    buf_init(&text);
    buf_printf(&text, "%s dbname='", conninfo);
    for (const char *p = database; *p != '\0'; p++) {
        if (*p == '\'' || *p == '\\') {
            buf_put_u8(&text, '\\');
        }
        buf_put_u8(&text, (uint8_t)*p);
    }
    buf_put_cstr(&text, "'");
    put_literal(sql, (const char *)buf_slice(&text).p);
    mem_wipe_free(text.data, text.size);
}

void
put_create_subscription(struct buf *sql, const char *stream, const char *conninfo,
                        const char *database, const char *with)
{
    buf_printf(sql, "CREATE SUBSCRIPTION %s CONNECTION ", stream);
    put_conninfo(sql, conninfo, database);
    buf_printf(sql, " PUBLICATION " TEAL_PUBLICATION " WITH (slot_name = '%s', %s)", stream, with);
}

/* With slot_name = NONE the drop does not reach for the other side. */
void
put_drop_subscription(struct buf *sql, const char *stream)
{
    buf_printf(
        sql,
        "DO $do$ BEGIN IF EXISTS (SELECT FROM pg_subscription s JOIN pg_database d ON d.oid = "
        "s.subdbid WHERE d.datname = current_database() AND s.subname = '%s') THEN ALTER "
        "SUBSCRIPTION %s DISABLE; ALTER SUBSCRIPTION %s SET (slot_name = NONE); DROP SUBSCRIPTION "
        "%s; END IF; END $do$",
        stream, stream, stream, stream);
}

bool
names_have(const char *list, const char *name)
{
    const size_t len = strlen(name);
    for (const char *p = strstr(list, name); p != NULL; p = strstr(p + 1, name)) {
        if ((p == list || p[-1] == ',') && (p[len] == '\0' || p[len] == ',')) {
            return true;
        }
    }
    return false;
}
