/* prepare.c — sets the replication of a pair up, and takes it down.
 *
 * Both are scripts of the machine, after a look at both sides. Each line is safe to repeat, so a
 * PREPARE that broke off, or that is run after a new table was created, does what is still to be
 * done. The order matters in two places:
 *
 *   - the guard is on before the follower has any rows, so that nobody else writes there;
 *   - the stream back begins after the first copy, so that the copy is not sent back.
 *
 * What it refuses: a wal_level that is not logical (needs a restart, which is the operator's to
 * do); tables that could not be updated once they are published; a follower that has rows which the
 * copy would double. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/setup/prepare.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cutover/cutover_internal.h"
#include "cutover/flip/objects.h"
#include "cutover/preflight/preflight.h"

#define COPY_LIMIT_US ((uint64_t)3600 * 1000 * 1000)
#define USER_TABLES                                                                            \
    "FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind = 'r' AND " \
    "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'teal')"

/* ---- who applies ---- */

static bool
both_16(const struct cutover *c)
{
    return c->look[SIDE_BLUE].version_num >= 160000 && c->look[SIDE_GREEN].version_num >= 160000;
}

static bool
is_new(const struct cutover *c)
{
    return flip_is_logical(c) && !c->look[c->flip.to].stream_exists;
}

static bool
is_known(const struct cutover *c)
{
    return flip_is_logical(c) && c->look[c->flip.to].stream_exists;
}

static bool
is_two_way(const struct cutover *c)
{
    return c->flip.kind == CUTOVER_TWO_WAY;
}

static bool
reverse_is_known(const struct cutover *c)
{
    return is_two_way(c) && c->look[c->flip.from].stream_exists;
}

static bool
reverse_is_stale(const struct cutover *c)
{
    return flip_is_one_way(c) && c->look[c->flip.from].stream_exists;
}

/* A disabled subscription cannot learn new tables: it is made anew, on the same slot. */
static bool
reverse_is_needed(const struct cutover *c)
{
    return flip_is_logical(c) && !reverse_is_known(c);
}

static bool
follower_answers(const struct cutover *c)
{
    return c->look[c->flip.to].answered && !c->look[c->flip.to].in_recovery;
}

/* ---- what it refuses ---- */

static void
write_identity(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(
        sql,
        "SELECT string_agg(x, ', ') FROM (SELECT n.nspname || '.' || c.relname AS x " USER_TABLES
        " AND c.relpersistence = 'p' AND (c.relreplident = 'n' OR (c.relreplident = 'd' "
        "AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND "
        "i.indisprimary))) LIMIT 10) q");
}

static enum cutover_event
judge_identity(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    const char *found = rows_text(rows, 0, 0);
    if (found[0] == '\0') {
        return CUT_EV_OK;
    }
    err_set(
        &c->err, SQLSTATE_OBJECT_NOT_IN_STATE,
        "tables of %s without a primary key or replica identity could not be updated once they are "
        "published: %.200s",
        side_name(side), found);
    err_hint(&c->err, "ALTER TABLE ... ADD PRIMARY KEY, or REPLICA IDENTITY USING INDEX / FULL");
    return CUT_EV_FAIL;
}

static void
write_rows_there(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(
        sql,
        "SELECT string_agg(x, ', ') FROM (SELECT n.nspname || '.' || c.relname AS x " USER_TABLES
        " AND pg_relation_size(c.oid) > 0 LIMIT 10) q");
}

static enum cutover_event
judge_rows_there(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    const char *found = rows_text(rows, 0, 0);
    if (found[0] == '\0') {
        return CUT_EV_OK;
    }
    err_set(&c->err, SQLSTATE_OBJECT_NOT_IN_STATE,
            "%s already has rows, and the first copy would double them: %.200s", side_name(side),
            found);
    err_hint(&c->err, "TRUNCATE them there; load the schema only: pg_dump --schema-only");
    return CUT_EV_FAIL;
}

static void
write_tables(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "SELECT string_agg(n.nspname || '.' || c.relname, E'\\n') " USER_TABLES
                    " AND c.relpersistence = 'p'");
}

static enum cutover_event
act_tables_compare(struct cutover *c)
{
    for (int s = 0; s < SIDES_COUNT; s++) {
        if (!c->check_value[s].known) {
            err_set(&c->err, SQLSTATE_CONNECTION_FAILURE, "%s could not answer: %.300s",
                    side_name((enum side)s), c->check_value[s].text);
            return CUT_EV_FAIL;
        }
    }
    struct buf missing;
    buf_init(&missing);
    const size_t count =
        check_missing(c->check_value[c->flip.from].text, c->check_value[c->flip.to].text, &missing);
    if (count > 0) {
        err_set(&c->err, SQLSTATE_OBJECT_NOT_IN_STATE, "%zu tables of %s are not on %s: %.*s",
                count, side_name(c->flip.from), side_name(c->flip.to), (int)buf_len(&missing),
                (const char *)buf_slice(&missing).p);
        err_hint(&c->err, "load the schema there: pg_dump --schema-only; Teal does not carry it");
    }
    buf_fini(&missing);
    return count > 0 ? CUT_EV_FAIL : CUT_EV_OK;
}

/* ---- the schema, its rows, the publication ---- */

static void
write_schema(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(
        sql, "CREATE SCHEMA IF NOT EXISTS teal; CREATE TABLE IF NOT EXISTS teal.local_state (side "
             "text PRIMARY KEY, epoch bigint NOT NULL, writer text NOT NULL, phase text NOT NULL, "
             "flip_id text NOT NULL, at timestamptz); CREATE TABLE IF NOT EXISTS teal.marker (side "
             "text PRIMARY KEY, epoch bigint NOT NULL, seq bigint NOT NULL, at timestamptz)");
}

static void
write_rows(struct cutover *c, struct buf *sql)
{
    const char *writer = side_name(c->flip.from);
    buf_printf(
        sql,
        "INSERT INTO teal.local_state SELECT s, %" PRIu64
        ", '%s', 'idle', '0', clock_timestamp() FROM unnest(ARRAY['blue', 'green']) s ON "
        "CONFLICT DO NOTHING; INSERT INTO teal.marker SELECT s, %" PRIu64
        ", 0, clock_timestamp() FROM unnest(ARRAY['blue', 'green']) s ON CONFLICT DO NOTHING",
        c->flip.epoch, writer, c->flip.epoch);
}

/* Rows of an earlier pair would meet the copy. */
static void
write_rows_clear(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "TRUNCATE teal.local_state, teal.marker");
}

static void
write_publication(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "DO $do$ BEGIN IF NOT EXISTS (SELECT FROM pg_publication WHERE pubname = "
                    "'" TEAL_PUBLICATION "') THEN CREATE PUBLICATION " TEAL_PUBLICATION
                    " FOR ALL TABLES; END IF; END $do$");
}

static void
write_replayed(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "SELECT to_regclass('teal.marker') IS NOT NULL AND EXISTS (SELECT FROM "
                    "pg_publication WHERE pubname = '" TEAL_PUBLICATION "')");
}

static enum cutover_event
judge_true(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows_bool(rows, 0, 0)) {
        return CUT_EV_OK;
    }
    if (cutover_now(c) < c->prepare_deadline_us) {
        return CUT_EV_AGAIN;
    }
    err_set(&c->err, SQLSTATE_QUERY_CANCELED, "%s did not get there in time", side_name(side));
    err_hint(&c->err, "see its log");
    return CUT_EV_FAIL;
}

static void
write_guard(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "ALTER SYSTEM SET default_transaction_read_only = on");
}

static void
write_reload(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "SELECT pg_reload_conf()");
}

/* ---- the streams ---- */

static void
write_subscribe(struct cutover *c, struct buf *sql)
{
    put_create_subscription(c, sql, c->flip.to,
                            both_16(c) ? "origin = none, streaming = parallel" : "streaming = on");
}

static void
write_refresh(struct cutover *c, struct buf *sql)
{
    buf_printf(sql, "ALTER SUBSCRIPTION " TEAL_STREAM_PREFIX "%s REFRESH PUBLICATION",
               side_name(c->flip.to));
}

static void
write_copied(struct cutover *c, struct buf *sql)
{
    buf_printf(
        sql,
        "SELECT count(*) FILTER (WHERE r.srsubstate <> 'r'), count(*), count(*) FILTER (WHERE "
        "r.srsubstate IN ('i', 'd')) FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid "
        "= r.srsubid WHERE s.subname = '" TEAL_STREAM_PREFIX "%s'",
        side_name(c->flip.to));
}

static enum cutover_event
judge_copied(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    const uint64_t left = rows_u64(rows, 0, 0);
    const uint64_t all = rows_u64(rows, 0, 1);
    if (left == 0) {
        cutover_detail(c, "%" PRIu64 " tables are copied to %s", all, side_name(side));
        return CUT_EV_OK;
    }
    if (left != c->prepare_progress) {
        c->prepare_progress = left;
        char text[DETAIL_MAX];
        (void)snprintf(text, sizeof(text), "%" PRIu64 " of %" PRIu64 " tables are copied",
                       all - left, all);
        cutover_report(c, CUTOVER_INFO, "copy", text);
    }
    if (cutover_now(c) < c->prepare_deadline_us) {
        return CUT_EV_AGAIN;
    }
    err_set(&c->err, SQLSTATE_QUERY_CANCELED, "%" PRIu64 " tables are not copied within an hour",
            left);
    err_hint(&c->err, "see the log of %s; run PREPARE again to go on waiting", side_name(side));
    return CUT_EV_FAIL;
}

static void
write_reverse_slot(struct cutover *c, struct buf *sql)
{
    const char *name = side_name(c->flip.from);
    buf_printf(
        sql,
        "SELECT (SELECT lsn FROM pg_create_logical_replication_slot('" TEAL_STREAM_PREFIX
        "%s', 'pgoutput')) WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name "
        "= '" TEAL_STREAM_PREFIX "%s')",
        name, name);
}

/* Dropping it with slot_name = NONE leaves the slot on the other side. */
static void
put_drop_subscription(struct buf *sql, enum side side)
{
    const char *name = side_name(side);
    buf_printf(
        sql,
        "DO $do$ BEGIN IF EXISTS (SELECT FROM pg_subscription s JOIN pg_database d ON d.oid = "
        "s.subdbid WHERE d.datname = current_database() AND s.subname = '" TEAL_STREAM_PREFIX
        "%s') THEN ALTER SUBSCRIPTION " TEAL_STREAM_PREFIX
        "%s DISABLE; ALTER SUBSCRIPTION " TEAL_STREAM_PREFIX
        "%s SET (slot_name = NONE); DROP SUBSCRIPTION " TEAL_STREAM_PREFIX "%s; END IF; END $do$",
        name, name, name, name);
}

static void
write_drop_from(struct cutover *c, struct buf *sql)
{
    put_drop_subscription(sql, c->flip.from);
}

static void
write_drop_to(struct cutover *c, struct buf *sql)
{
    put_drop_subscription(sql, c->flip.to);
}

static void
write_reverse_subscribe(struct cutover *c, struct buf *sql)
{
    put_create_subscription(c, sql, c->flip.from,
                            is_two_way(c)
                                ? "create_slot = false, copy_data = false, origin = none"
                                : "create_slot = false, copy_data = false, enabled = false");
}

static void
write_reverse_refresh(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "ALTER SUBSCRIPTION " TEAL_STREAM_PREFIX
               "%s REFRESH PUBLICATION WITH (copy_data = false)",
               side_name(c->flip.from));
}

static void
write_reverse_up(struct cutover *c, struct buf *sql)
{
    buf_printf(
        sql,
        "SELECT count(*) > 0 FROM pg_replication_slots WHERE slot_name = '" TEAL_STREAM_PREFIX
        "%s' AND active",
        side_name(c->flip.from));
}

static void
write_analyze(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "ANALYZE (SKIP_LOCKED)");
}

/* ---- PREPARE ---- */

/* Called between the lines: a new limit for what is waited for next. */
static enum cutover_event
act_limit_short(struct cutover *c)
{
    c->prepare_deadline_us = cutover_now(c) + (uint64_t)SQL_LONG_US;
    return CUT_EV_OK;
}

static enum cutover_event
act_limit_copy(struct cutover *c)
{
    c->prepare_deadline_us = cutover_now(c) + COPY_LIMIT_US;
    return CUT_EV_OK;
}

static enum cutover_event
act_prepared(struct cutover *c)
{
    cutover_detail(c, "the pair is ready: run CHECK");
    return CUT_EV_OK;
}

/* clang-format off */
static const struct line prepare_lines[] = {
    {"identity", LINE_FROM, 0, NULL, write_identity, judge_identity, NULL},
    {"rows-there", LINE_TO, 0, is_new, write_rows_there, judge_rows_there, NULL},
    {"tables", LINE_FROM, LINE_TOGETHER | LINE_JUDGE_ALL, flip_is_logical, write_tables, check_take_value, NULL},
    {"tables-there", LINE_TO, LINE_JUDGE_ALL, flip_is_logical, write_tables, check_take_value, NULL},
    {"tables-compare", LINE_TO, 0, flip_is_logical, NULL, NULL, act_tables_compare},
    {"schema", LINE_FROM, LINE_REPORT, NULL, write_schema, NULL, NULL},
    {"rows", LINE_FROM, LINE_REPORT, NULL, write_rows, NULL, NULL},
    {"publication", LINE_FROM, LINE_REPORT, NULL, write_publication, NULL, NULL},
    {"limit", LINE_FROM, 0, NULL, NULL, NULL, act_limit_short},
    {"replayed", LINE_TO, LINE_REPORT | LINE_SLOW, flip_is_physical, write_replayed, judge_true, NULL},
    {"guard", LINE_TO, LINE_REPORT, flip_is_logical, write_guard, NULL, NULL},
    {"guard-reload", LINE_TO, 0, flip_is_logical, write_reload, NULL, NULL},
    {"schema-there", LINE_TO, LINE_REPORT, flip_is_logical, write_schema, NULL, NULL},
    {"rows-clear", LINE_TO, 0, is_new, write_rows_clear, NULL, NULL},
    {"publication-there", LINE_TO, LINE_REPORT, flip_is_logical, write_publication, NULL, NULL},
    {"subscription", LINE_TO, LINE_REPORT | LINE_LONG, is_new, write_subscribe, NULL, NULL},
    {"refresh", LINE_TO, LINE_REPORT | LINE_LONG, is_known, write_refresh, NULL, NULL},
    {"limit", LINE_FROM, 0, NULL, NULL, NULL, act_limit_copy},
    {"copy", LINE_TO, LINE_REPORT | LINE_SLOW, flip_is_logical, write_copied, judge_copied, NULL},
    {"slot-back", LINE_TO, LINE_REPORT | LINE_LONG, flip_is_logical, write_reverse_slot, NULL, NULL},
    {"refresh-back", LINE_FROM, LINE_REPORT | LINE_LONG, reverse_is_known, write_reverse_refresh, NULL, NULL},
    {"drop-back", LINE_FROM, 0, reverse_is_stale, write_drop_from, NULL, NULL},
    {"subscription-back", LINE_FROM, LINE_REPORT | LINE_LONG, reverse_is_needed, write_reverse_subscribe, NULL, NULL},
    {"limit", LINE_FROM, 0, NULL, NULL, NULL, act_limit_short},
    {"stream-back", LINE_TO, LINE_REPORT | LINE_SLOW, is_two_way, write_reverse_up, judge_true, NULL},
    {"analyze", LINE_TO, LINE_REPORT | LINE_HOUR, flip_is_logical, write_analyze, NULL, NULL},
    {"prepared", LINE_TO, LINE_REPORT, NULL, NULL, NULL, act_prepared},
};
/* clang-format on */

static void
announce(struct cutover *c)
{
    const char *from = side_name(c->flip.from);
    const char *to = side_name(c->flip.to);
    char text[DETAIL_MAX];
    (void)snprintf(text, sizeof(text),
                   "on %s: schema teal with two tables, publication teal for all tables", from);
    cutover_report(c, CUTOVER_INFO, "plan", text);
    if (flip_is_physical(c)) {
        (void)snprintf(
            text, sizeof(text),
            "on %s: nothing, it is a standby; its slot and the subscriptions come with the cutover",
            to);
        cutover_report(c, CUTOVER_INFO, "plan", text);
        return;
    }
    (void)snprintf(text, sizeof(text),
                   "on %s: default_transaction_read_only = on, schema, publication, subscription "
                   "teal_to_%s %s",
                   to, to,
                   is_new(c) ? "with a copy of every table" : "(there: new tables are added)");
    cutover_report(c, CUTOVER_INFO, "plan", text);
    (void)snprintf(text, sizeof(text),
                   "the way back: slot teal_to_%s on %s, subscription teal_to_%s on %s, %s", from,
                   to, from, from, is_two_way(c) ? "both streams run" : "off until the cutover");
    cutover_report(c, CUTOVER_INFO, "plan", text);
}

static bool
side_refused(struct cutover *c, enum side side)
{
    const struct look *l = &c->look[side];
    if (!l->answered) {
        const struct err look_err = c->err;
        err_set(&c->err, SQLSTATE_CONNECTION_FAILURE, "%s (%s) does not answer: %.300s",
                side_name(side), c->config.address[side], look_err.text);
        return true;
    }
    if (strcmp(l->wal_level, "logical") != 0) {
        err_set(&c->err, SQLSTATE_OBJECT_NOT_IN_STATE, "wal_level of %s is %s, it must be logical",
                side_name(side), l->wal_level);
        err_hint(&c->err, "ALTER SYSTEM SET wal_level = logical, then restart %s", side_name(side));
        return true;
    }
    return false;
}

static enum cutover_event
prepare_looked(struct cutover *c)
{
    c->flip.kind = look_kind(c, c->flip.to);
    if (side_refused(c, c->flip.from) || side_refused(c, c->flip.to)) {
        return CUT_EV_FAIL;
    }
    if (c->look[c->flip.from].in_recovery || c->look[c->flip.from].fenced) {
        err_set(&c->err, SQLSTATE_OBJECT_NOT_IN_STATE, "%s is %s, but it is the writer",
                side_name(c->flip.from),
                c->look[c->flip.from].in_recovery ? "in recovery" : "read-only");
        return CUT_EV_FAIL;
    }
    err_clear(&c->err);
    announce(c);
    c->prepare_progress = 0;
    return script_start(c, prepare_lines, COUNT_OF(prepare_lines), POLL_SLOW_US);
}

enum cutover_event
prepare_begin(struct cutover *c)
{
    return look_then(c, prepare_looked);
}

/* ---- FINISH ---- */

/* A slot that is still active goes away a moment after its subscription. */
static void
put_drop_slot(struct buf *sql, enum side side)
{
    const char *name = side_name(side);
    buf_printf(sql,
               "SELECT pg_drop_replication_slot(slot_name), active FROM pg_replication_slots WHERE "
               "slot_name = '" TEAL_STREAM_PREFIX
               "%s' AND NOT active UNION ALL SELECT NULL, active "
               "FROM pg_replication_slots WHERE slot_name = '" TEAL_STREAM_PREFIX "%s' AND active",
               name, name);
}

static void
write_drop_slot_from(struct cutover *c, struct buf *sql)
{
    put_drop_slot(sql, c->flip.to);
}

static void
write_drop_slot_to(struct cutover *c, struct buf *sql)
{
    put_drop_slot(sql, c->flip.from);
}

static enum cutover_event
judge_dropped(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows->rows == 0 || !rows_bool(rows, 0, 1)) {
        return CUT_EV_OK;
    }
    if (cutover_now(c) < c->prepare_deadline_us) {
        return CUT_EV_AGAIN;
    }
    err_set(&c->err, SQLSTATE_OBJECT_IN_USE, "the slot on %s is still in use", side_name(side));
    return CUT_EV_FAIL;
}

static void
write_drop_publication(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "DROP PUBLICATION IF EXISTS " TEAL_PUBLICATION);
}

static enum cutover_event
act_finished(struct cutover *c)
{
    c->way_back = CUTOVER_WAY_BACK_MISSING;
    cutover_detail(c, "there is no way back now; %s stays read-only", side_name(c->flip.to));
    return CUT_EV_OK;
}

/* clang-format off */
static const struct line finish_lines[] = {
    {"limit", LINE_FROM, 0, NULL, NULL, NULL, act_limit_short},
    {"drop-stream", LINE_TO, LINE_REPORT | LINE_LONG, follower_answers, write_drop_to, NULL, NULL},
    {"drop-slot", LINE_FROM, LINE_REPORT | LINE_SLOW, NULL, write_drop_slot_from, judge_dropped, NULL},
    {"drop-stream-back", LINE_FROM, LINE_REPORT | LINE_LONG, NULL, write_drop_from, NULL, NULL},
    {"drop-slot-back", LINE_TO, LINE_REPORT | LINE_SLOW, follower_answers, write_drop_slot_to, judge_dropped, NULL},
    {"drop-publication", LINE_FROM, LINE_REPORT, NULL, write_drop_publication, NULL, NULL},
    {"drop-publication-there", LINE_TO, LINE_REPORT, follower_answers, write_drop_publication, NULL, NULL},
    {"finished", LINE_FROM, LINE_REPORT, NULL, NULL, NULL, act_finished},
};
/* clang-format on */

static enum cutover_event
finish_looked(struct cutover *c)
{
    if (!c->look[c->flip.from].answered) {
        (void)side_refused(c, c->flip.from);
        return CUT_EV_FAIL;
    }
    if (!c->look[c->flip.to].answered) {
        cutover_report(c, CUTOVER_WARN, "follower",
                       "it does not answer: what Teal made there is left as it is");
    }
    err_clear(&c->err);
    return script_start(c, finish_lines, COUNT_OF(finish_lines), POLL_SLOW_US);
}

enum cutover_event
finish_begin(struct cutover *c)
{
    return look_then(c, finish_looked);
}
