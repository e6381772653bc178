/* prepare.c — sets the replication of a pair up. See prepare.h.
 *
 * Each line is safe to repeat, so a PREPARE that broke off, or that is run after a new table was
 * created, does what is still to be done. The order matters in two places:
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
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "cutover/flip/history.h"
#include "cutover/flip/parts.h"
#include "cutover/preflight/answers.h"
#include "cutover/preflight/facts.h"
#include "cutover/types/scripts.h"

#define COPY_LIMIT_US CLOCK_SECONDS(3600)

struct prepare {
    struct prepare_database {
        struct answers tables;
        uint64_t left; /* tables still to be copied */
        uint64_t all;
    } * of; /* owned: by database */
    uint32_t count;
    uint64_t left; /* in all of them, as reported last */
};

struct prepare *
prepare_new(void)
{
    return xcalloc(1, sizeof(struct prepare));
}

static void
forget(struct prepare *p)
{
    for (uint32_t i = 0; i < p->count; i++) {
        answers_fini(&p->of[i].tables);
    }
    mem_free(p->of);
    *p = (struct prepare){0};
}

void
prepare_free(struct prepare *p)
{
    if (p != NULL) {
        forget(p);
        mem_free(p);
    }
}

/* Room for the databases of the list, as the look has left it. */
static void
begin_anew(struct cutover *c)
{
    struct prepare *p = c->prepare;
    forget(p);
    p->count = databases_count(c);
    p->of = xcalloc(p->count, sizeof(*p->of));
}

static struct prepare_database *
part_of(struct cutover *c, struct place at)
{
    CHECK(at.database < c->prepare->count);
    return &c->prepare->of[at.database];
}

/* ---- what applies ---- */

static bool
has_stream(const struct cutover *c, struct place at)
{
    return databases_on(c, at)->stream_exists;
}

bool
prepare_is_new(const struct cutover *c, struct place at)
{
    CHECK(at.side == c->flip.to);
    return flip_is_logical(c) && !has_stream(c, at);
}

bool
prepare_is_known(const struct cutover *c, struct place at)
{
    CHECK(at.side == c->flip.to);
    return flip_is_logical(c) && has_stream(c, at);
}

bool
prepare_back_is_known(const struct cutover *c, struct place at)
{
    CHECK(at.side == c->flip.from);
    return flip_is_two_way(c) && has_stream(c, at);
}

/* A disabled subscription cannot learn new tables: it is made anew, on the same slot. */
bool
prepare_back_is_stale(const struct cutover *c, struct place at)
{
    CHECK(at.side == c->flip.from);
    return flip_is_one_way(c) && has_stream(c, at);
}

bool
prepare_back_is_needed(const struct cutover *c, struct place at)
{
    return flip_is_logical(c) && !prepare_back_is_known(c, at);
}

bool
prepare_may_inherit(const struct cutover *c, struct place at)
{
    return prepare_is_new(c, at) && !databases_other(c, at);
}

bool
prepare_guards_system(const struct cutover *c)
{
    return flip_is_logical(c) && fence_is_system(c);
}

bool
prepare_guards_databases(const struct cutover *c)
{
    return flip_is_logical(c) && fence_is_database(c);
}

/* ---- what it refuses ---- */

enum cutover_event
prepare_judge_identity(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    const char *found = rows_text(rows, 0, 0);
    if (found[0] == '\0') {
        return CUT_EV_OK;
    }
    (void)report_fail(
        &c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
        "tables of %s without a primary key or replica identity could not be updated once they are "
        "published: %.200s",
        side_name(at.side), found);
    return report_hint(&c->report,
                       "ALTER TABLE ... ADD PRIMARY KEY, or REPLICA IDENTITY USING INDEX / FULL");
}

enum cutover_event
prepare_judge_rows_there(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    const char *found = rows_text(rows, 0, 0);
    if (found[0] == '\0') {
        return CUT_EV_OK;
    }
    (void)report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                      "%s already has rows, and the first copy would double them: %.200s",
                      side_name(at.side), found);
    return report_hint(&c->report,
                       "TRUNCATE them there; load the schema only: pg_dump --schema-only");
}

void
prepare_write_room(const struct cutover *c, struct place at, struct buf *sql)
{
    const uint32_t count = databases_count(c);
    (void)at;
    buf_printf(
        sql,
        "SELECT concat_ws(', ', CASE WHEN s.max - (SELECT count(*) FROM pg_replication_slots "
        "WHERE NOT starts_with(slot_name::text, '" TEAL_STREAM_PREFIX "')) < %u THEN "
        "'max_replication_slots = ' || s.max END, CASE WHEN w.max < %u THEN "
        "'max_logical_replication_workers = ' || w.max END, CASE WHEN p.max < %u THEN "
        "'max_worker_processes = ' || p.max END) FROM (SELECT "
        "current_setting('max_replication_slots')::int) s(max), (SELECT "
        "current_setting('max_logical_replication_workers')::int) w(max), (SELECT "
        "current_setting('max_worker_processes')::int) p(max)",
        count, count + 1, count + 3);
}

enum cutover_event
prepare_judge_room(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    const char *found = rows_text(rows, 0, 0);
    const uint32_t count = databases_count(c);
    if (found[0] == '\0') {
        return CUT_EV_OK;
    }
    (void)report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                      "%s has no room for the streams of %u databases: %.200s", side_name(at.side),
                      count, found);
    return report_hint(&c->report,
                       "each database needs a slot and a worker on each side: free slots >= %u, "
                       "max_logical_replication_workers >= %u, max_worker_processes >= %u "
                       "(restart); or name fewer databases",
                       count, count + 1, count + 3);
}

enum cutover_event
prepare_judge_tables(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    answers_take(&part_of(c, at)->tables, at.side, rows);
    return CUT_EV_OK;
}

static enum cutover_event
compare(struct cutover *c, struct answers *tables)
{
    for (int s = 0; s < SIDES_COUNT; s++) {
        if (!tables->of[s].known) {
            return report_fail(&c->report, SQLSTATE_CONNECTION_FAILURE,
                               "%s could not answer: %.300s", side_name((enum side)s),
                               tables->of[s].text);
        }
    }
    struct buf missing;
    buf_init(&missing);
    const size_t count = answers_missing(tables, c->flip.from, c->flip.to, &missing);
    enum cutover_event event = CUT_EV_OK;
    if (count > 0) {
        (void)report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                          "%zu tables of %s are not on %s: %.*s", count, side_name(c->flip.from),
                          side_name(c->flip.to), (int)buf_len(&missing),
                          (const char *)buf_slice(&missing).p);
        event = report_hint(&c->report,
                            "load the schema there: pg_dump --schema-only; Teal does not carry it");
    }
    buf_fini(&missing);
    return event;
}

enum cutover_event
prepare_call_compare(struct cutover *c)
{
    for (uint32_t i = 0; i < c->prepare->count; i++) {
        if (compare(c, &c->prepare->of[i].tables) != CUT_EV_OK) {
            if (c->prepare->count > 1) {
                report_database(&c->report, databases_name(c, i));
            }
            return CUT_EV_FAIL;
        }
    }
    return CUT_EV_OK;
}

/* Without its slot the stream can never go on, and nothing here makes it whole again. */
void
prepare_write_slot_there(const struct cutover *c, struct place at, struct buf *sql)
{
    buf_printf(sql, "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '%s'",
               databases_stream(c, at.database, c->flip.to));
}

bool
prepare_wants_slot(const struct cutover *c, struct place at)
{
    const struct place there = {.side = c->flip.to, .database = at.database};
    return flip_is_logical(c) && has_stream(c, there);
}

enum cutover_event
prepare_judge_slot_there(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows_u64(rows, 0, 0) > 0) {
        return CUT_EV_OK;
    }
    (void)report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                      "the slot of the stream to %s is not on %s any more, and %s cannot get what "
                      "it lacks",
                      side_name(c->flip.to), side_name(at.side), side_name(c->flip.to));
    return report_hint(&c->report,
                       "make a new copy: FINISH, TRUNCATE the tables of %s, PREPARE; see "
                       "\"When a side fails over\" in docs/clusters.md",
                       side_name(c->flip.to));
}

/* ---- the schema and its rows ---- */

/* The rows that decide are in the home database alone: where there is no table, nobody can take a
 * row of it for a decision. */
void
prepare_write_schema(const struct cutover *c, struct place at, struct buf *sql)
{
    buf_printf(sql,
               "CREATE SCHEMA IF NOT EXISTS teal; CREATE TABLE IF NOT EXISTS teal.marker (side "
               "text PRIMARY KEY, epoch bigint NOT NULL, seq bigint NOT NULL, at timestamptz)");
    if (!databases_other(c, at)) {
        buf_printf(sql, "; CREATE TABLE IF NOT EXISTS teal.local_state (side text PRIMARY KEY, "
                        "epoch bigint NOT NULL, writer text NOT NULL, phase text NOT NULL, flip_id "
                        "text NOT NULL, at timestamptz); ALTER TABLE teal.local_state ADD COLUMN "
                        "IF NOT EXISTS kept jsonb, ADD COLUMN IF NOT EXISTS timeline bigint");
    }
}

void
prepare_write_rows(const struct cutover *c, struct place at, struct buf *sql)
{
    buf_printf(
        sql,
        "INSERT INTO teal.marker SELECT s, %" PRIu64
        ", 0, clock_timestamp() FROM unnest(ARRAY['blue', 'green']) s ON CONFLICT DO NOTHING",
        c->flip.epoch);
    if (!databases_other(c, at)) {
        buf_printf(sql,
                   "; INSERT INTO teal.local_state (side, epoch, writer, phase, flip_id, at) "
                   "SELECT s, %" PRIu64
                   ", '%s', 'idle', '0', clock_timestamp() FROM unnest(ARRAY['blue', 'green']) s "
                   "ON CONFLICT DO NOTHING",
                   c->flip.epoch, side_name(c->flip.from));
    }
}

/* Rows of an earlier pair would meet the copy. */
void
prepare_write_rows_clear(const struct cutover *c, struct place at, struct buf *sql)
{
    buf_printf(sql, "TRUNCATE teal.marker%s", databases_other(c, at) ? "" : ", teal.local_state");
}

enum cutover_event
prepare_judge_true(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows_bool(rows, 0, 0)) {
        return CUT_EV_OK;
    }
    if (!script_waited(&c->machine.script)) {
        return CUT_EV_AGAIN;
    }
    (void)report_fail(&c->report, SQLSTATE_QUERY_CANCELED, "%s did not get there in time",
                      side_name(at.side));
    return report_hint(&c->report, "see its log");
}

/* ---- the stream ---- */

void
prepare_write_subscribe(const struct cutover *c, struct place at, struct buf *sql)
{
    CHECK(prepare_is_new(c, at));
    stream_put_subscription(
        c, at, sql, look_both_16(c) ? "origin = none, streaming = parallel" : "streaming = on");
}

void
prepare_write_refresh(const struct cutover *c, struct place at, struct buf *sql)
{
    CHECK(prepare_is_known(c, at));
    buf_printf(sql, "ALTER SUBSCRIPTION %s REFRESH PUBLICATION",
               databases_stream(c, at.database, c->flip.to));
}

void
prepare_write_copied(const struct cutover *c, struct place at, struct buf *sql)
{
    buf_printf(
        sql,
        "SELECT count(*) FILTER (WHERE r.srsubstate <> 'r'), count(*), count(*) FILTER (WHERE "
        "r.srsubstate IN ('i', 'd')) FROM pg_subscription_rel r JOIN pg_subscription s ON s.oid "
        "= r.srsubid WHERE s.subname = '%s'",
        databases_stream(c, at.database, c->flip.to));
}

/* What is left in all databases, when it has changed. */
static void
tell_progress(struct cutover *c)
{
    uint64_t left = 0;
    uint64_t all = 0;
    for (uint32_t i = 0; i < c->prepare->count; i++) {
        left += c->prepare->of[i].left;
        all += c->prepare->of[i].all;
    }
    if (left != c->prepare->left && left > 0) {
        report_line(&c->report, CUTOVER_INFO, "copy",
                    "%" PRIu64 " of %" PRIu64 " tables are copied", all - left, all);
    }
    c->prepare->left = left;
    report_detail(&c->report, "%" PRIu64 " tables are copied to %s", all - left,
                  side_name(c->flip.to));
}

enum cutover_event
prepare_judge_copied(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    struct prepare_database *part = part_of(c, at);
    part->left = rows_u64(rows, 0, 0);
    part->all = rows_u64(rows, 0, 1);
    tell_progress(c);
    if (part->left == 0) {
        return CUT_EV_OK;
    }
    if (!script_waited(&c->machine.script)) {
        return CUT_EV_AGAIN;
    }
    (void)report_fail(&c->report, SQLSTATE_QUERY_CANCELED,
                      "%" PRIu64 " tables are not copied within an hour", part->left);
    return report_hint(&c->report, "see the log of %s; run PREPARE again to go on waiting",
                       side_name(at.side));
}

/* ---- the stream back ---- */

void
prepare_write_back_slot(const struct cutover *c, struct place at, struct buf *sql)
{
    put_create_slot(sql, databases_stream(c, at.database, c->flip.from));
}

void
prepare_write_back_drop(const struct cutover *c, struct place at, struct buf *sql)
{
    CHECK(prepare_back_is_stale(c, at));
    put_drop_subscription(sql, databases_stream(c, at.database, c->flip.from));
}

void
prepare_write_back_subscribe(const struct cutover *c, struct place at, struct buf *sql)
{
    CHECK(prepare_back_is_needed(c, at));
    stream_put_subscription(c, at, sql,
                            flip_is_two_way(c)
                                ? "create_slot = false, copy_data = false, origin = none"
                                : "create_slot = false, copy_data = false, enabled = false");
}

void
prepare_write_back_refresh(const struct cutover *c, struct place at, struct buf *sql)
{
    buf_printf(sql, "ALTER SUBSCRIPTION %s REFRESH PUBLICATION WITH (copy_data = false)",
               databases_stream(c, at.database, c->flip.from));
}

void
prepare_write_back_runs(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql, "SELECT count(*) = %u FROM pg_replication_slots WHERE slot_name IN (",
               databases_count(c));
    put_stream_names(sql, c, c->flip.from);
    buf_printf(sql, ") AND active");
}

/* ---- limits and the end ---- */

enum cutover_event
prepare_call_limit(struct cutover *c)
{
    script_wait(&c->machine.script, SQL_LONG_US);
    return CUT_EV_OK;
}

enum cutover_event
prepare_call_limit_copy(struct cutover *c)
{
    script_wait(&c->machine.script, COPY_LIMIT_US);
    return CUT_EV_OK;
}

enum cutover_event
prepare_call_done(struct cutover *c)
{
    report_detail(&c->report, "the pair is ready: run CHECK");
    return CUT_EV_OK;
}

/* ---- the beginning ---- */

static void
announce(struct cutover *c)
{
    const char *from = side_name(c->flip.from);
    const char *to = side_name(c->flip.to);
    const uint32_t count = databases_count(c);
    const bool is_new = prepare_is_new(c, (struct place){.side = c->flip.to});
    if (count > 1) {
        report_line(&c->report, CUTOVER_INFO, "plan",
                    "%u databases, side by side; \"%s\" holds the rows that decide", count,
                    databases_name(c, DATABASE_HOME));
    }
    if (flip_is_external(c)) {
        report_line(&c->report, CUTOVER_INFO, "plan",
                    "on %s: schema teal with two tables; %s is kept by somebody else", from, to);
        return;
    }
    report_line(&c->report, CUTOVER_INFO, "plan",
                "on %s: schema teal with two tables, publication teal for all tables", from);
    if (flip_is_physical(c)) {
        report_line(
            &c->report, CUTOVER_INFO, "plan",
            "on %s: nothing, it is a standby; its slot and the subscriptions come with the cutover",
            to);
        return;
    }
    report_line(
        &c->report, CUTOVER_INFO, "plan",
        "on %s: default_transaction_read_only = on, by %s, schema, publication, subscription "
        "teal_to_%s %s",
        to, fence_is_database(c) ? "ALTER DATABASE" : "ALTER SYSTEM", to,
        is_new ? "with a copy of every table" : "(there: new tables are added)");
    report_line(&c->report, CUTOVER_INFO, "plan",
                "the way back: slot teal_to_%s on %s, subscription teal_to_%s on %s, %s", from, to,
                from, from, flip_is_two_way(c) ? "both streams run" : "off until the cutover");
}

/* OK, or FAIL with what keeps the side from being part of it. */
static enum cutover_event
accept_side(struct cutover *c, enum side side)
{
    const struct look *l = &c->looks.of[side];
    if (!l->answered) {
        return look_no_answer(c, side);
    }
    if (flip_is_own(c) && strcmp(l->wal_level, "logical") != 0) {
        (void)report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                          "wal_level of %s is %s, it must be logical", side_name(side),
                          l->wal_level);
        return report_hint(&c->report, "ALTER SYSTEM SET wal_level = logical, then restart %s",
                           side_name(side));
    }
    return CUT_EV_OK;
}

static enum cutover_event
accept_servers(struct cutover *c)
{
    struct err err;
    if (facts_servers(c, &err)) {
        return CUT_EV_OK;
    }
    report_err(&c->report, &err);
    return CUT_EV_FAIL;
}

/* The same of the databases: each must be on both sides before anything is made in any. */
static enum cutover_event
accept_databases(struct cutover *c)
{
    struct err err;
    if (facts_databases(c, &err)) {
        return CUT_EV_OK;
    }
    report_err(&c->report, &err);
    return CUT_EV_FAIL;
}

/* A stream that goes on behind a gap is not set up again by anything but a new copy. */
static enum cutover_event
accept_history(struct cutover *c)
{
    struct err err;
    const struct place home = {.side = c->flip.to, .database = DATABASE_HOME};
    const struct look *to = &c->looks.of[c->flip.to];
    const bool is_new = !flip_is_logical(c) || prepare_is_new(c, home);
    if (is_new || to->timeline_kept == 0 || history_is_whole(c, &err)) {
        return CUT_EV_OK;
    }
    report_err(&c->report, &err);
    return CUT_EV_FAIL;
}

/* OK, or FAIL when the follower could not be guarded, or a stream could not be made. A standby
 * needs neither yet. */
static enum cutover_event
accept_rights(struct cutover *c)
{
    if (!flip_is_logical(c)) {
        return CUT_EV_OK;
    }
    struct fence_wish wish = rights_wish(c);
    wish.from = c->flip.to;
    wish.to = c->flip.from;
    wish.guard = true;
    const struct fence_choice choice = rights_choose(&c->rights, &wish);
    if (!choice.possible) {
        return report_fail(&c->report, SQLSTATE_INSUFFICIENT_PRIVILEGE,
                           "%s cannot be kept from writing: %s", side_name(wish.from), choice.why);
    }
    fence_choose(c, &choice);
    for (int s = 0; s < SIDES_COUNT; s++) {
        const enum side side = (enum side)s;
        if (!c->rights.of[side].streams) {
            (void)report_fail(&c->report, SQLSTATE_INSUFFICIENT_PRIVILEGE,
                              "the operator role of %s is not allowed to create subscriptions",
                              side_name(side));
            return report_hint(&c->report, "run what GRANTS prints; before PostgreSQL 16 only a "
                                           "superuser may");
        }
        if (!c->rights.of[side].superuser &&
            strstr(c->config.replication_conninfo[side_other(side)], " password='") == NULL) {
            (void)report_fail(
                &c->report, SQLSTATE_INSUFFICIENT_PRIVILEGE,
                "a subscription on %s of a role that is not a superuser needs a password",
                side_name(side));
            return report_hint(&c->report,
                               "set password or password_file of [%s], and let "
                               "pg_hba.conf of %s ask for it",
                               side_name(side_other(side)), side_name(side_other(side)));
        }
    }
    return CUT_EV_OK;
}

enum cutover_event
prepare_looked(struct cutover *c)
{
    const enum side from = c->flip.from;
    const struct look *writer = &c->looks.of[from];
    CHECK(c->command.job == CUTOVER_JOB_PREPARE);
    flip_set_kind(c, look_kind(c, c->flip.to));
    if (accept_servers(c) != CUT_EV_OK || accept_side(c, from) != CUT_EV_OK ||
        accept_side(c, c->flip.to) != CUT_EV_OK) {
        return CUT_EV_FAIL;
    }
    if (writer->in_recovery || writer->fenced) {
        return report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                           "%s is %s, but it is the writer", side_name(from),
                           writer->in_recovery ? "in recovery" : "read-only");
    }
    if (accept_history(c) != CUT_EV_OK || accept_databases(c) != CUT_EV_OK ||
        accept_rights(c) != CUT_EV_OK) {
        return CUT_EV_FAIL;
    }
    announce(c);
    begin_anew(c);
    return machine_script(&c->machine, SCRIPT_PREPARE);
}

enum cutover_event
prepare_begin(struct cutover *c)
{
    CHECK(c->command.job == CUTOVER_JOB_PREPARE && c->flip.from != c->flip.to);
    look_at_both(c);
    return machine_script(&c->machine, SCRIPT_PREPARE_LOOK);
}
