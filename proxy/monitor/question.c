/* question.c — the one statement that the monitor asks a side, and its answer taken apart. See
 * question.h.
 *
 * Why these sources: the insert position covers commits with synchronous_commit=off, which the
 * flush position does not; a standby is sent what is flushed and no more. The timeline of a primary
 * comes from the name of its WAL file, because the control file learns a promotion only at the next
 * checkpoint. A standby's is that of what it receives; without a receiver, that of the point which
 * it had to reach. confirmed_flush_lsn is what the subscriber says it has on disk.
 *
 * A fence may be a setting of the server or of the database. The first one reaches this session by
 * a reload. The second one is for sessions that begin later, so it is read in the catalog; and a
 * session that began behind it stays read-only when it is taken off, so such a one is stale. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/question.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/mem.h"
#include "monitor/lag.h"

enum column {
    COL_IN_RECOVERY,
    COL_STARTED,
    COL_SYSTEM,
    COL_VERSION_NUM,
    COL_VERSION,
    COL_READ_ONLY,
    COL_STALE,
    COL_CLOSED,
    COL_LSN,
    COL_FLUSHED,
    COL_BLOCK_SIZE,
    COL_WAL_FILE,
    COL_STANDBY_TIMELINE,
    COL_UPSTREAM_HOST,
    COL_UPSTREAM_PORT,
    COL_SUBSCRIPTION,
    COL_SUBSCRIPTION_READY,
    COL_SLOT_LSN,
    COL_SCHEMA,
    COL_PRESENT,
    COL_EPOCH,
    COL_WRITER,
    COL_PHASE,
    COL_FLIP_ID,
    COL_TIMELINE_KEPT,
    COL_HEARD,
    COL_BEAT,
    COLUMNS_COUNT,
};

/* $S is this side, $O the other one. plain stands in at the levels below the column's own. */
struct column_def {
    enum question_level level;
    const char *sql;
    const char *plain;
};

#define LOCAL(column) "(SELECT " column "::text FROM teal.local_state WHERE side = '$S')"
#define RECEIVER(column)                                 \
    "CASE WHEN pg_is_in_recovery() THEN (SELECT " column \
    " FROM pg_stat_get_wal_receiver() WHERE status = 'streaming') END"
#define LIMIT_IS_0 "(SELECT datconnlimit = 0 FROM pg_database WHERE datname = current_database())"
#define SUBSCRIPTION                                                        \
    "FROM pg_subscription s WHERE s.subname = 'teal_to_$S' AND s.subdbid =" \
    " (SELECT oid FROM pg_database WHERE datname = current_database())"
#define SUBSCRIPTION_READY                                                    \
    "NOT EXISTS (SELECT FROM pg_subscription_rel r WHERE r.srsubstate <> 'r'" \
    " AND r.srsubid = (SELECT s.oid " SUBSCRIPTION "))"

#define READ_ONLY "current_setting('default_transaction_read_only')::bool"
/* This session has that from its database or role. */
#define BORN_WITH_IT "current_setting('teal.born', true) IN ('database', 'user', 'database user')"
/* The settings of the database for everybody, and of the database and of us wherever they stand. */
#define SETTINGS(where)                                                     \
    "(SELECT FROM pg_db_role_setting s, unnest(s.setconfig) x WHERE " where \
    " AND x ~* '^default_transaction_read_only=(on|t|y|1)')"
#define DATABASE "(SELECT oid FROM pg_database WHERE datname = current_database())"
#define OF_DATABASE "s.setrole = 0 AND s.setdatabase = " DATABASE
#define OF_US                                                                        \
    "s.setrole IN (0, (SELECT oid FROM pg_roles WHERE rolname = current_user)) AND " \
    "s.setdatabase IN (0, " DATABASE ")"

static const struct column_def columns[] = {
    [COL_IN_RECOVERY] = {QUESTION_PLAIN, "pg_is_in_recovery()", NULL},
    [COL_STARTED] = {QUESTION_PLAIN,
                     "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::int8", NULL},
    [COL_SYSTEM] = {QUESTION_PLAIN, "(SELECT system_identifier FROM pg_control_system())", NULL},
    [COL_VERSION_NUM] = {QUESTION_PLAIN, "current_setting('server_version_num')", NULL},
    [COL_VERSION] = {QUESTION_PLAIN, "current_setting('server_version')", NULL},
    [COL_READ_ONLY] = {QUESTION_PLAIN,
                       "(NOT coalesce(" BORN_WITH_IT ", false) AND " READ_ONLY
                       ") OR EXISTS " SETTINGS(OF_DATABASE),
                       NULL},
    [COL_STALE] = {QUESTION_PLAIN,
                   BORN_WITH_IT " AND " READ_ONLY " AND NOT EXISTS " SETTINGS(OF_US), NULL},
    [COL_CLOSED] = {QUESTION_SCHEMA,
                    LIMIT_IS_0 " OR EXISTS (SELECT FROM teal.local_state t WHERE side = '$S' AND"
                               " to_jsonb(t)->'kept' @> '[{\"what\": \"login\"}]')",
                    LIMIT_IS_0},
    [COL_LSN] = {QUESTION_PLAIN,
                 "CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn()"
                 " ELSE pg_current_wal_insert_lsn() END",
                 NULL},
    [COL_FLUSHED] = {QUESTION_PLAIN,
                     "CASE WHEN NOT pg_is_in_recovery() THEN pg_current_wal_flush_lsn() END", NULL},
    [COL_BLOCK_SIZE] = {QUESTION_PLAIN, "current_setting('wal_block_size')", NULL},
    [COL_WAL_FILE] = {QUESTION_PLAIN,
                      "CASE WHEN NOT pg_is_in_recovery()"
                      " THEN pg_walfile_name(pg_current_wal_insert_lsn()) END",
                      NULL},
    [COL_STANDBY_TIMELINE] =
        {QUESTION_PLAIN,
         "CASE WHEN pg_is_in_recovery() THEN coalesce("
         "(SELECT nullif(received_tli, 0) FROM pg_stat_get_wal_receiver()),"
         " (SELECT nullif(min_recovery_end_timeline, 0) FROM pg_control_recovery()),"
         " (SELECT timeline_id FROM pg_control_checkpoint())) END",
         NULL},
    [COL_UPSTREAM_HOST] = {QUESTION_PLAIN, RECEIVER("sender_host"), NULL},
    [COL_UPSTREAM_PORT] = {QUESTION_PLAIN, RECEIVER("sender_port"), NULL},
    [COL_SUBSCRIPTION] = {QUESTION_PLAIN, "(SELECT s.subenabled " SUBSCRIPTION ")", NULL},
    [COL_SUBSCRIPTION_READY] = {QUESTION_PLAIN, SUBSCRIPTION_READY, NULL},
    [COL_SLOT_LSN] = {QUESTION_PLAIN,
                      "(SELECT confirmed_flush_lsn FROM pg_replication_slots"
                      " WHERE slot_name = 'teal_to_$O' AND database = current_database())",
                      NULL},
    [COL_SCHEMA] = {QUESTION_PLAIN,
                    "to_regclass('teal.local_state') IS NOT NULL"
                    " AND to_regclass('teal.marker') IS NOT NULL",
                    NULL},
    [COL_PRESENT] = {QUESTION_SCHEMA, "EXISTS (SELECT FROM teal.local_state WHERE side = '$S')",
                     "NULL"},
    [COL_EPOCH] = {QUESTION_SCHEMA, LOCAL("epoch"), "NULL"},
    [COL_WRITER] = {QUESTION_SCHEMA, LOCAL("writer"), "NULL"},
    [COL_PHASE] = {QUESTION_SCHEMA, LOCAL("phase"), "NULL"},
    [COL_FLIP_ID] = {QUESTION_SCHEMA, LOCAL("flip_id"), "NULL"},
    [COL_TIMELINE_KEPT] = {QUESTION_SCHEMA,
                           "(SELECT to_jsonb(l)->>'timeline' FROM teal.local_state l WHERE"
                           " side = '$S')",
                           "NULL"},
    [COL_HEARD] = {QUESTION_SCHEMA, "(SELECT seq FROM teal.marker WHERE side = '$O')", "NULL"},
    [COL_BEAT] = {QUESTION_BEAT, "(SELECT seq FROM beat)", "NULL"},
};
_Static_assert(COUNT_OF(columns) == COLUMNS_COUNT, "a definition for each column");

/* The number only grows, and one of a marker that was made anew never repeats one of before: hence
 * the clock. */
static const char beat_sql[] =
    "WITH beat AS (UPDATE teal.marker SET at = clock_timestamp(), seq = greatest("
    "coalesce(seq, 0) + 1, (extract(epoch FROM clock_timestamp()) * 1000000)::int8)"
    " WHERE side = '$S' RETURNING seq) ";

/* A transaction that has a number and wrote nothing ends with a commit record which is not flushed
 * at once, but which the WAL writer flushes, with all before it. Allowed under a read-only default,
 * so the caller looks at the fence. */
static const char nudge_sql[] = "SELECT txid_current() WHERE NOT pg_is_in_recovery(); ";

/* The server's own limits stand below ours, so that a question which is late ends there, too. The
 * marker is committed locally only: waiting for a synchronous standby would measure the wait. */
const char *
question_setup(void)
{
    return "SELECT pg_catalog.set_config('teal.born', source, false) FROM pg_catalog.pg_settings"
           " WHERE name = 'default_transaction_read_only'; SET search_path = pg_catalog; SET "
           "statement_timeout = '1900ms';"
           " SET lock_timeout = '500ms'; SET synchronous_commit = local";
}

static void
put_template(struct buf *b, const char *sql, enum side side)
{
    for (const char *p = sql; *p != '\0'; p++) {
        if (*p != '$') {
            buf_put_u8(b, (uint8_t)*p);
            continue;
        }
        p++;
        CHECK(*p == 'S' || *p == 'O');
        buf_printf(b, "%s", side_name(*p == 'S' ? side : side_other(side)));
    }
}

char *
question_sql(enum side side, enum question_level level, bool nudge)
{
    struct buf b;
    buf_init(&b);
    buf_printf(&b, "%s", nudge ? nudge_sql : "");
    if (level == QUESTION_BEAT) {
        put_template(&b, beat_sql, side);
    }
    for (size_t i = 0; i < COLUMNS_COUNT; i++) {
        const bool asked = level >= columns[i].level;
        buf_printf(&b, "%s", i == 0 ? "SELECT " : ", ");
        put_template(&b, asked ? columns[i].sql : columns[i].plain, side);
    }
    const struct slice s = buf_slice(&b);
    char *sql = xstrndup((const char *)s.p, s.len);
    buf_fini(&b);
    return sql;
}

static const char database_writer_sql[] =
    "SELECT (SELECT seq FROM beat), (SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(),"
    " min(confirmed_flush_lsn))::int8 FROM pg_replication_slots"
    " WHERE database = current_database() AND starts_with(slot_name::text, 'teal_to_$O'))";

/* The subscription of a database beside the home one has a name that begins so. */
#define DATABASE_SUBSCRIPTION                                                     \
    "FROM pg_subscription s WHERE starts_with(s.subname::text, 'teal_to_$S') AND" \
    " s.subdbid = (SELECT oid FROM pg_database WHERE datname = current_database())"

static const char database_follower_sql[] =
    "SELECT (SELECT seq FROM teal.marker WHERE side = '$O'), coalesce((SELECT bool_and(s.subenabled"
    " AND NOT EXISTS (SELECT FROM pg_subscription_rel r WHERE r.srsubstate <> 'r'"
    " AND r.srsubid = s.oid)) " DATABASE_SUBSCRIPTION "), false)";

char *
question_sql_of_database(enum side side, bool is_writer)
{
    struct buf b;
    buf_init(&b);
    if (is_writer) {
        put_template(&b, beat_sql, side);
    }
    put_template(&b, is_writer ? database_writer_sql : database_follower_sql, side);
    const struct slice s = buf_slice(&b);
    char *sql = xstrndup((const char *)s.p, s.len);
    buf_fini(&b);
    return sql;
}

const char *
question_schema_sql(void)
{
    return "SELECT to_regclass('teal.marker') IS NOT NULL";
}

static bool
cell_is_true(const struct pq_result *r, enum column column)
{
    const char *text = pq_cell(r, 0, (int)column);
    return text != NULL && text[0] == 't';
}

/* Cut to the size; names and words of other people's making may be longer. */
static void
cell_copy(const struct pq_result *r, enum column column, char *out, size_t size)
{
    const char *text = pq_cell(r, 0, (int)column);
    (void)snprintf(out, size, "%s", text == NULL ? "" : text);
}

static uint64_t
cell_u64(const struct pq_result *r, enum column column)
{
    uint64_t value;
    (void)pq_cell_u64(r, 0, (int)column, &value); /* 0 when it is NULL or none */
    return value;
}

/* The first eight digits of a WAL file's name, or the number that a standby gave. */
static uint32_t
read_timeline(const struct pq_result *r)
{
    const char *file = pq_cell(r, 0, COL_WAL_FILE);
    if (file == NULL || strlen(file) != 24) {
        return (uint32_t)cell_u64(r, COL_STANDBY_TIMELINE);
    }
    char digits[9];
    (void)snprintf(digits, sizeof(digits), "%.8s", file);
    return (uint32_t)strtoul(digits, NULL, 16);
}

static bool
read_position(const struct pq_result *r, struct answer *out)
{
    uint64_t lsn;
    if (!pq_cell_lsn(r, 0, COL_LSN, &lsn)) {
        return out->in_recovery; /* a standby that has replayed nothing says NULL */
    }
    const uint64_t block_size = cell_u64(r, COL_BLOCK_SIZE);
    if (block_size < 1024) {
        return false;
    }
    out->lsn = out->flushed = lsn;
    if (out->in_recovery) {
        return true;
    }
    uint64_t flushed;
    if (!pq_cell_lsn(r, 0, COL_FLUSHED, &flushed)) {
        return false;
    }
    /* The insert position was read first; the flushed one may have come past it. */
    out->flushed = lag_wal_end(flushed, block_size);
    out->lsn = lag_wal_end(lsn, block_size);
    out->flushed = out->flushed < out->lsn ? out->flushed : out->lsn;
    return true;
}

static void
read_local_state(const struct pq_result *r, struct node_local_state *out)
{
    out->present = cell_is_true(r, COL_PRESENT);
    out->epoch = cell_u64(r, COL_EPOCH);
    cell_copy(r, COL_WRITER, out->writer, sizeof(out->writer));
    cell_copy(r, COL_PHASE, out->phase, sizeof(out->phase));
    cell_copy(r, COL_FLIP_ID, out->flip_id, sizeof(out->flip_id));
}

/* A primary whose side has failed over since its stream began (cutover/flip/history.h): it may lack
 * rows for ever, and follows nobody as far as reads are concerned. */
static bool
has_gap(const struct pq_result *r, const struct answer *out)
{
    const uint64_t kept = cell_u64(r, COL_TIMELINE_KEPT);
    return !out->in_recovery && kept != 0 && kept != out->timeline;
}

bool
answer_read(const struct pq_result *result, struct answer *out, struct err *err)
{
    *out = (struct answer){0};
    if (pq_rows(result) != 1 || pq_columns(result) != COLUMNS_COUNT) {
        return err_set(err, SQLSTATE_PROTOCOL,
                       "the server answered %d rows of %d columns, not 1 of %d", pq_rows(result),
                       pq_columns(result), (int)COLUMNS_COUNT);
    }
    out->in_recovery = cell_is_true(result, COL_IN_RECOVERY);
    out->started_us = cell_u64(result, COL_STARTED);
    out->system_identifier = cell_u64(result, COL_SYSTEM);
    out->server_version_num = (int)cell_u64(result, COL_VERSION_NUM);
    cell_copy(result, COL_VERSION, out->version, sizeof(out->version));
    out->version[strcspn(out->version, " ")] = '\0'; /* without the packager's remark */
    out->read_only = cell_is_true(result, COL_READ_ONLY);
    out->stale = cell_is_true(result, COL_STALE);
    out->closed = cell_is_true(result, COL_CLOSED);
    if (!read_position(result, out)) {
        return err_set(err, SQLSTATE_PROTOCOL, "the server gave no WAL position");
    }
    out->timeline = read_timeline(result);
    cell_copy(result, COL_UPSTREAM_HOST, out->upstream_host, sizeof(out->upstream_host));
    out->upstream_port = (uint16_t)cell_u64(result, COL_UPSTREAM_PORT);
    out->subscription_enabled = cell_is_true(result, COL_SUBSCRIPTION);
    out->has_gap = has_gap(result, out);
    out->subscription_ready =
        out->subscription_enabled && cell_is_true(result, COL_SUBSCRIPTION_READY);
    out->slot_known = pq_cell_lsn(result, 0, COL_SLOT_LSN, &out->slot_lsn);
    out->schema_exists = cell_is_true(result, COL_SCHEMA);
    out->local_state_known = pq_cell(result, 0, COL_PRESENT) != NULL;
    read_local_state(result, &out->local_state);
    out->heard_known = pq_cell_u64(result, 0, COL_HEARD, &out->heard);
    out->beat_known = pq_cell_u64(result, 0, COL_BEAT, &out->beat);
    return true;
}
