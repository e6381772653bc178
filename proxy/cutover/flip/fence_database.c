/* fence_database.c — writes the statements that put a fence into the catalogs and take it out. See
 * fence_database.h.
 *
 * Each is a DO block: the server reads what is there, keeps it and changes it, in one transaction
 * and one round trip, while writes are held. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/fence_database.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cutover/flip/parts.h"
#include "cutover/flip/roles.h"

/* For texts with format's percent signs. */
static void
put(struct buf *sql, const char *text)
{
    buf_put(sql, text, strlen(text));
}

/* ---- putting it on ---- */

struct fence_put {
    enum side side;
    bool databases; /* their default is set */
    bool strict;
    bool superuser; /* the operator is one */
    bool record;    /* what it finds is kept */
};

/* The query of everything that is to be changed. */
static void
put_changes(const struct cutover *c, struct buf *sql, const struct fence_put *p)
{
    put(sql, "SELECT 'setting' AS what, d.datname::text AS db, a.rolname::text AS role, "
             "to_jsonb(" FENCE_VALUE("a.oid", "d.oid") ") AS was ");
    put_overrides(c, sql);
    if (p->databases) {
        put(sql, " UNION ALL SELECT 'setting', d.datname, '', to_jsonb(" FENCE_VALUE(
                     "0", "d.oid") ") FROM pg_database d WHERE");
        put_is_ours(c, sql);
    }
    if (p->strict && p->superuser) {
        put(sql, " UNION ALL SELECT 'limit', d.datname, '', to_jsonb(d.datconnlimit) FROM "
                 "pg_database d WHERE");
        put_is_ours(c, sql);
    } else if (p->strict) {
        put(sql, " UNION ALL SELECT 'login', '', a.rolname, NULL ");
        put_applications(c, sql);
    }
}

#define ENTRY "jsonb_build_object('what', r.what, 'database', r.db, 'role', r.role"
/* Whose setting it is. */
#define ALTER_WHOSE                                                                             \
    "CASE r.role WHEN '' THEN format('ALTER DATABASE %I', r.db) ELSE format('ALTER ROLE %I IN " \
    "DATABASE %I', r.role, r.db) END"

static void
put_fence(const struct cutover *c, struct buf *sql, const struct fence_put *p)
{
    put(sql, "DO $teal$ DECLARE k jsonb := '[]'; r record; BEGIN ");
    if (p->record) {
        buf_printf(sql,
                   "SELECT coalesce(kept, '[]') INTO STRICT k FROM teal.local_state WHERE side = "
                   "'%s'; ",
                   side_name(p->side));
    }
    put(sql, "FOR r IN ");
    put_changes(c, sql, p);
    put(sql, " LOOP IF NOT k @> jsonb_build_array(" ENTRY ")) THEN k := k || " ENTRY
             ", 'was', r.was); END IF; EXECUTE CASE r.what WHEN 'limit' THEN format('ALTER "
             "DATABASE %I CONNECTION LIMIT 0', r.db) WHEN 'login' THEN format('ALTER ROLE %I "
             "NOLOGIN', r.role) ELSE " ALTER_WHOSE
             " || ' SET default_transaction_read_only = on' END; END LOOP; ");
    if (p->record) {
        buf_printf(sql, "UPDATE teal.local_state SET kept = k WHERE side = '%s'; ",
                   side_name(p->side));
    }
    put(sql, "END $teal$");
}

bool
fence_has_catalog(const struct cutover *c)
{
    return flip_is_own(c) &&
           (fence_is_database(c) || flip_is_strict(c) || rights_has_overrides(c, c->flip.from));
}

void
fence_write_put(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    CHECK(c->fence.touched);
    const struct fence_put p = {.side = c->flip.from,
                                .databases = fence_is_database(c),
                                .strict = flip_is_strict(c),
                                .superuser = c->rights.of[c->flip.from].superuser,
                                .record = true};
    put_fence(c, sql, &p);
}

void
fence_write_guard(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    put(sql,
        "DO $teal$ DECLARE r record; BEGIN FOR r IN SELECT d.datname FROM pg_database d WHERE");
    put_is_ours(c, sql);
    put(sql, " LOOP EXECUTE format('ALTER DATABASE %I SET default_transaction_read_only = on', "
             "r.datname); END LOOP; END $teal$");
}

bool
fence_has_guard_roles(const struct cutover *c)
{
    return flip_is_logical(c) && rights_has_overrides(c, c->flip.to);
}

void
fence_write_guard_roles(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    put_fence(c, sql, &(struct fence_put){.side = c->flip.to, .record = true});
}

void
fence_write_forget(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql,
               "UPDATE teal.local_state SET kept = NULL WHERE side = '%s' AND kept IS NOT NULL",
               side_name(c->flip.to));
}

/* ---- who began before it ---- */

#define STARTING                                                                             \
    "FROM pg_locks l JOIN pg_database d ON d.oid = l.objid WHERE l.locktype = 'object' AND " \
    "l.classid = 'pg_database'::regclass AND l.pid <> pg_backend_pid() AND"

void
fence_write_began(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    put(sql,
        "SELECT clock_timestamp()::text, (SELECT string_agg(DISTINCT l.pid::text, ',') " STARTING);
    put_is_ours(c, sql);
    put(sql, ")");
}

enum cutover_event
fence_judge_began(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)at;
    return fence_see(c, rows_text(rows, 0, 0), rows_text(rows, 0, 1));
}

bool
fence_has_starting(const struct cutover *c)
{
    return c->fence.starting[0] != '\0';
}

void
fence_write_starting(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    CHECK(fence_has_starting(c));
    put(sql, "SELECT count(*) " STARTING);
    put_is_ours(c, sql);
    buf_printf(sql, " AND l.pid IN (%s)", c->fence.starting);
}

enum cutover_event
fence_judge_starting(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    const uint64_t left = rows_u64(rows, 0, 0);
    if (left == 0) {
        return CUT_EV_OK;
    }
    report_detail(&c->report, "%" PRIu64 " clients are just connecting to %s", left,
                  side_name(at.side));
    return CUT_EV_AGAIN;
}

/* ---- nobody is exempt ---- */

void
fence_write_roles(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    put(sql, "SELECT string_agg(DISTINCT quote_ident(a.rolname), ', ') ");
    put_overrides(c, sql);
}

enum cutover_event
fence_judge_roles(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    const char *found = rows_text(rows, 0, 0);
    if (found[0] == '\0') {
        return CUT_EV_OK;
    }
    (void)report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                      "the fence does not hold: sessions of %.200s on %s begin read-write", found,
                      side_name(at.side));
    return report_hint(&c->report, "ALTER ROLE ... RESET default_transaction_read_only");
}

/* ---- taking it off ---- */

struct fence_lift {
    enum side side;
    bool by_wal; /* the record may be in the row of the other side */
    bool relax;  /* the default stays */
};

/* What stands without a record. */
static void
put_leftovers(const struct cutover *c, struct buf *sql, bool relax)
{
    if (!relax) {
        put(sql, " UNION ALL SELECT 'setting', d.datname, '', NULL FROM pg_database d WHERE "
                 "" FENCE_SETTING("0", "d.oid") " AND NOT k @> jsonb_build_array("
                                                "jsonb_build_object('what', 'setting', 'database', "
                                                "d.datname, 'role', '')) AND");
        put_is_ours(c, sql);
    }
    put(sql, " UNION ALL SELECT 'limit', d.datname, '', '-1' FROM pg_database d WHERE "
             "d.datconnlimit = 0 AND NOT k @> jsonb_build_array(jsonb_build_object('what', "
             "'limit', 'database', d.datname)) AND");
    put_is_ours(c, sql);
}

/* to_jsonb: the table may be an older Teal's, without the column. */
static void
put_record_read(struct buf *sql, enum side side)
{
    buf_printf(sql,
               "SELECT coalesce(nullif(to_jsonb(t)->'kept', 'null'), '[]') INTO k FROM "
               "teal.local_state t WHERE side = '%s'; ",
               side_name(side));
}

/* Databases and roles of the record may be gone. */
static void
put_lift(const struct cutover *c, struct buf *sql, const struct fence_lift *l)
{
    const char *what = l->relax ? "x->>'what' IN ('limit', 'login')" : "true";
    put(sql, "DO $teal$ DECLARE k jsonb; own boolean; r record; BEGIN ");
    put_record_read(sql, l->side);
    put(sql, "own := k IS NOT NULL AND k <> '[]'; ");
    if (l->by_wal) {
        put(sql, "IF NOT own THEN ");
        put_record_read(sql, side_other(l->side));
        put(sql, "END IF; ");
    }
    buf_printf(sql,
               "k := coalesce(k, '[]'); FOR r IN SELECT x->>'what' AS what, x->>'database' AS db, "
               "x->>'role' AS role, x->>'was' AS was FROM jsonb_array_elements(k) x WHERE %s",
               what);
    put_leftovers(c, sql, l->relax);
    put(sql,
        " LOOP CONTINUE WHEN (r.db <> '' AND NOT EXISTS (SELECT FROM pg_database WHERE datname "
        "= r.db)) OR (r.role <> '' AND NOT EXISTS (SELECT FROM pg_roles WHERE rolname = "
        "r.role)); EXECUTE CASE r.what WHEN 'limit' THEN format('ALTER DATABASE %I CONNECTION "
        "LIMIT %s', r.db, r.was::int) WHEN 'login' THEN format('ALTER ROLE %I LOGIN', r.role) "
        "ELSE " ALTER_WHOSE " || CASE WHEN r.was IS NULL THEN ' RESET "
        "default_transaction_read_only' ELSE format(' SET default_transaction_read_only = "
        "%L', r.was) END END; END LOOP; ");
    buf_printf(sql,
               "IF own THEN UPDATE teal.local_state SET kept = (SELECT jsonb_agg(x) FROM "
               "jsonb_array_elements(k) x WHERE NOT %s) WHERE side = '%s'; END IF; END $teal$",
               what, side_name(l->side));
}

void
fence_write_lift_from(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    put_lift(c, sql, &(struct fence_lift){.side = c->flip.from});
}

void
fence_write_lift_to(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    put_lift(c, sql, &(struct fence_lift){.side = c->flip.to, .by_wal = flip_is_physical(c)});
}

void
put_relax(const struct cutover *c, enum side side, struct buf *sql)
{
    put_lift(c, sql, &(struct fence_lift){.side = side, .relax = true});
}
