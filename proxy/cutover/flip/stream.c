/* flip.c — what each state of a flip does: hold, drain, fence, catch-up, sequences, way back,
 * commit, open, release, after, and the undo.
 *
 * One generic flip from -> to serves cutover, rollback and cutover again. What may surprise in the
 * statements, each with its reason:
 *
 *   - the target's row is armed with the flip's id, and the commit is an UPDATE of that row that
 *     asks for the id. When its outcome is unknown, taking the id away decides: PostgreSQL
 *     orders the two updates by the row's lock, so a commit still running in a lost backend
 *     either came first or can never come;
 *   - pg_promote is called without waiting and polled, because its own wait looks only every
 *     100 ms;
 *   - the marker is proven by its sequence number, not its epoch: an attempt that was undone has
 *     left the epoch;
 *   - where one direction is on at a time, a synchronous write on the target precedes the slot's
 *     advance: the slot moves to what is flushed, and applied rows are flushed late. Without it
 *     they would be sent back to where they came from. */
/* SPDX-License-Identifier: PostgreSQL */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "cutover/cutover_internal.h"
#include "cutover/flip/objects.h"

/* ---- who applies ---- */

bool
flip_is_physical(const struct cutover *c)
{
    return c->flip.kind == CUTOVER_PHYSICAL;
}

bool
flip_is_logical(const struct cutover *c)
{
    return !flip_is_physical(c);
}

bool
flip_is_one_way(const struct cutover *c)
{
    return c->flip.kind == CUTOVER_ONE_WAY;
}

static bool
flip_is_two_way(const struct cutover *c)
{
    return c->flip.kind == CUTOVER_TWO_WAY;
}

static bool
flip_is_strict(const struct cutover *c)
{
    return c->flip.strict;
}

static bool
has_sequences(const struct cutover *c)
{
    return c->flip.sequences_count > 0;
}

/* A database limit of 0 is a strict fence of an earlier flip. */
static bool
target_was_strict(const struct cutover *c)
{
    return c->flip.strict || c->look[c->flip.to].connection_limit == 0;
}

static bool
target_guarded(const struct cutover *c)
{
    return c->flip.target_guarded;
}

void
flip_begin(struct cutover *c, enum side to)
{
    buf_fini(&c->flip.sequences);
    memset(&c->flip, 0, sizeof(c->flip));
    buf_init(&c->flip.sequences);
    struct flip *f = &c->flip;
    f->to = to;
    f->from = side_other(to);
    f->epoch = c->route.epoch;
    /* Positive as a bigint. Zero means that no flip is armed. */
    f->flip_id = (rand_u64() >> 2) + 1;
    f->drain = c->config.drain_policy;
    f->strict = c->config.fence_strict;
    f->way_back_wanted = c->config.require_way_back;
    f->target_guarded = true;
    c->flip_known = true;
}

/* ---- helpers ---- */

/* One row must have been changed; otherwise somebody else has changed it. */
static enum cutover_event
judge_one_row(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows->rows == 1) {
        return CUT_EV_OK;
    }
    err_set(&c->err, SQLSTATE_OBJECT_NOT_IN_STATE,
            "teal.local_state of %s is not at epoch %" PRIu64 ": another flip has been there",
            side_name(side), c->flip.epoch);
    err_hint(&c->err, "compare teal.local_state of both sides with SHOW CUTOVER");
    return CUT_EV_FAIL;
}

static const char *
leaving_phase(enum cutover_kind kind)
{
    static const char *const phases[CUTOVER_KINDS_COUNT] = {
        [CUTOVER_PHYSICAL] = "leaving-physical",
        [CUTOVER_TWO_WAY] = "leaving-two-way",
        [CUTOVER_ONE_WAY] = "leaving-one-way",
    };
    return phases[kind];
}

static void
write_guard_on(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "ALTER SYSTEM SET default_transaction_read_only = on");
}

static void
write_guard_off(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "ALTER SYSTEM RESET default_transaction_read_only");
}

static void
write_reload(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "SELECT pg_reload_conf()");
}

/* reset_val is what a new session starts with. When this session has taken the file over, so has
 * the postmaster, which reads it before it tells its children, and forks every session that comes
 * now. */
static void
write_guard_show(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "SELECT reset_val, clock_timestamp()::text FROM pg_settings WHERE name = "
                    "'default_transaction_read_only'");
}

static enum cutover_event
judge_guard_on(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)side;
    if (strcmp(rows_text(rows, 0, 0), "on") != 0) {
        cutover_detail(c, "default_transaction_read_only is not on yet");
        return CUT_EV_AGAIN;
    }
    (void)snprintf(c->flip.fenced_at, sizeof(c->flip.fenced_at), "%s", rows_text(rows, 0, 1));
    return CUT_EV_OK;
}

static enum cutover_event
judge_guard_off(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)side;
    if (strcmp(rows_text(rows, 0, 0), "off") == 0) {
        return CUT_EV_OK;
    }
    err_set(&c->err, SQLSTATE_READ_ONLY, "default_transaction_read_only is not off yet");
    return CUT_EV_AGAIN;
}

static void
write_limit(struct cutover *c, struct buf *sql, int limit)
{
    buf_printf(sql, "ALTER DATABASE ");
    put_identifier(sql, c->config.database);
    buf_printf(sql, " CONNECTION LIMIT %d", limit);
}

static void
write_strict_on(struct cutover *c, struct buf *sql)
{
    write_limit(c, sql, 0);
}

/* What the limit was before is not kept anywhere that survives everything; none is the default of
 * PostgreSQL. */
static void
write_strict_off(struct cutover *c, struct buf *sql)
{
    write_limit(c, sql, -1);
}

/* ---- gate, hold, drain ---- */

static enum cutover_event
act_gate(struct cutover *c)
{
    struct cutover_facts facts = {0};
    c->ops.facts(c->ops.ctx, c->flip.to, &facts);
    if (!facts.lag_known) {
        cutover_detail(c, "the lag of %s is not known", side_name(c->flip.to));
        return CUT_EV_AGAIN;
    }
    cutover_detail(c, "%s is %" PRIu64 " bytes, %" PRIu64 " ms behind", side_name(c->flip.to),
                   facts.lag_bytes, facts.lag_us / 1000);
    const bool near =
        facts.lag_bytes <= c->config.start_lag_bytes && facts.lag_us <= c->config.start_lag_us;
    /* Near enough; but what is left is caught up on while writes are held, so wait a little for a
     * better moment. */
    const bool patient =
        facts.lag_us > GATE_CLOSE_US && cutover_now(c) - c->step_since_us < GATE_PATIENCE_US;
    return near && !patient ? CUT_EV_OK : CUT_EV_AGAIN;
}

static enum cutover_event
act_hold(struct cutover *c)
{
    c->record.flip_id = c->flip.flip_id;
    c->record.from = c->flip.from;
    c->record.to = c->flip.to;
    c->record.kind = c->flip.kind;
    c->record.fence_strict = c->flip.strict;
    if (!cutover_record(c, RECORD_FLIP, &c->err)) {
        return CUT_EV_FAIL;
    }
    const uint64_t limit =
        flip_is_physical(c) ? c->config.hold_timeout_physical_us : c->config.hold_timeout_us;
    c->flip.held_since_us = cutover_now(c);
    c->flip.hold_deadline_us = c->flip.held_since_us + limit;
    cutover_publish(c, true);
    return CUT_EV_OK;
}

static enum cutover_event
act_held(struct cutover *c)
{
    cutover_detail(c, "%u sessions", c->ops.sessions(c->ops.ctx));
    return c->ops.view_acked(c->ops.ctx) ? CUT_EV_OK : CUT_EV_AGAIN;
}

static enum cutover_event
act_drained(struct cutover *c)
{
    const uint32_t busy = c->ops.busy(c->ops.ctx, c->flip.from);
    if (busy > 0) {
        cutover_detail(c, "%u transactions are still open on %s", busy, side_name(c->flip.from));
        return CUT_EV_AGAIN;
    }
    cutover_detail(c, "no transaction is open on %s", side_name(c->flip.from));
    return CUT_EV_OK;
}

/* ---- fence ---- */

/* The monitor's heartbeat must be off before the marker is written, or it would come behind it. */
static enum cutover_event
act_heartbeat_off(struct cutover *c)
{
    c->flip.fence_touched = true;
    c->ops.heartbeat(c->ops.ctx, false);
    return CUT_EV_OK;
}

/* Teal's own go first: idle backends, which the server is about to end, must not be handed out when
 * the flip is undone, and a session that cannot move hears why. */
static enum cutover_event
act_leave(struct cutover *c)
{
    c->ops.leave_side(c->ops.ctx, c->flip.from);
    return CUT_EV_OK;
}

static void
write_arm(struct cutover *c, struct buf *sql)
{
    buf_printf(
        sql,
        "UPDATE teal.local_state SET epoch = %" PRIu64 ", flip_id = '%" PRIu64
        "', phase = 'joining', at = clock_timestamp() WHERE side = '%s' AND epoch <= %" PRIu64
        " RETURNING 1",
        c->flip.epoch, c->flip.flip_id, side_name(c->flip.to), c->flip.epoch);
}

static void
write_intent(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "UPDATE teal.local_state SET epoch = %" PRIu64 ", writer = '%s', flip_id = '%" PRIu64
               "', phase = '%s', at = clock_timestamp() WHERE side = '%s' AND epoch <= %" PRIu64
               " RETURNING 1",
               c->flip.epoch, side_name(c->flip.from), c->flip.flip_id, leaving_phase(c->flip.kind),
               side_name(c->flip.from), c->flip.epoch);
}

/* Ends every client that began before the fence, and tells how many there were; those that began
 * after it are born read-only. Ours are known by user and name; read-only backends by their process
 * ids. */
static void
write_clear(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "SELECT count(*), count(*) FILTER (WHERE pg_terminate_backend(pid)) FROM "
               "pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() "
               "AND datname = current_database() AND backend_start <= ");
    put_literal(sql, c->flip.fenced_at);
    buf_printf(
        sql, "::timestamptz AND NOT (usename = current_user AND application_name IN ('%s', '%s'))",
        CUTOVER_APPLICATION_NAME, CUTOVER_MONITOR_APPLICATION_NAME);
    struct buf pids;
    buf_init(&pids);
    if (c->ops.harmless_pids != NULL) {
        c->ops.harmless_pids(c->ops.ctx, c->flip.from, &pids);
    }
    if (buf_len(&pids) > 0) {
        buf_printf(sql, " AND pid NOT IN (%.*s)", (int)buf_len(&pids),
                   (const char *)buf_slice(&pids).p);
    }
    buf_fini(&pids);
}

static enum cutover_event
judge_clear(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    const uint64_t left = rows_u64(rows, 0, 0);
    if (left > 0) {
        cutover_detail(c, "%" PRIu64 " clients are still connected to %s", left, side_name(side));
        return CUT_EV_AGAIN;
    }
    return CUT_EV_OK;
}

static void
write_probe(struct cutover *c, struct buf *sql)
{
    buf_printf(sql, "UPDATE teal.marker SET at = at WHERE side = '%s'", side_name(c->flip.from));
}

/* The write must fail, and for the right reason. */
static enum cutover_event
judge_probe(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (!rows->ok && strcmp(rows->err.sqlstate, SQLSTATE_READ_ONLY) == 0) {
        return CUT_EV_OK;
    }
    if (!rows->ok) {
        return rows_event(c, rows);
    }
    err_set(&c->err, SQLSTATE_OBJECT_NOT_IN_STATE,
            "the fence does not hold: a new session on %s could still write", side_name(side));
    err_hint(&c->err,
             "look for ALTER ROLE or ALTER DATABASE ... SET default_transaction_read_only");
    return CUT_EV_FAIL;
}

static void
write_prepared(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "SELECT count(*), min(gid) FROM pg_prepared_xacts WHERE database = "
                    "current_database()");
}

static enum cutover_event
judge_prepared(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    const uint64_t count = rows_u64(rows, 0, 0);
    if (count == 0) {
        cutover_detail(c, "%s refuses writes", side_name(side));
        return CUT_EV_OK;
    }
    err_set(&c->err, SQLSTATE_OBJECT_IN_USE,
            "%" PRIu64 " prepared transactions on %s, one is \"%s\"", count, side_name(side),
            rows_text(rows, 0, 1));
    err_hint(&c->err, "COMMIT PREPARED or ROLLBACK PREPARED them");
    return CUT_EV_FAIL;
}

/* ---- catch-up ---- */

static void
write_mark(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "UPDATE teal.marker SET epoch = %" PRIu64
               ", seq = seq + 1, at = clock_timestamp() WHERE side = '%s' RETURNING seq",
               c->flip.epoch + 1, side_name(c->flip.from));
}

static enum cutover_event
judge_mark(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows->rows != 1) {
        err_set(&c->err, SQLSTATE_OBJECT_NOT_IN_STATE, "teal.marker of %s has no row of its own",
                side_name(side));
        err_hint(&c->err, "run PREPARE");
        return CUT_EV_FAIL;
    }
    c->flip.marker_seq = rows_u64(rows, 0, 0);
    return CUT_EV_OK;
}

static void
write_flush_lsn(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "SELECT pg_current_wal_flush_lsn()");
}

static enum cutover_event
judge_flush_lsn(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)side;
    (void)snprintf(c->flip.lsn, sizeof(c->flip.lsn), "%s", rows_text(rows, 0, 0));
    return CUT_EV_OK;
}

static void
write_arrived(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "SELECT EXISTS (SELECT FROM teal.marker WHERE side = '%s' AND epoch = %" PRIu64
               " AND seq >= %" PRIu64 ")",
               side_name(c->flip.from), c->flip.epoch + 1, c->flip.marker_seq);
    if (flip_is_physical(c)) {
        buf_printf(sql, ", coalesce(pg_last_wal_replay_lsn() >= ");
        put_literal(sql, c->flip.lsn);
        buf_printf(sql, ", false), pg_last_wal_replay_lsn()");
    } else {
        buf_printf(sql, ", true, NULL");
    }
}

static enum cutover_event
judge_arrived(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows_bool(rows, 0, 0) && rows_bool(rows, 0, 1)) {
        cutover_detail(c, "%s has all of %s", side_name(side), side_name(c->flip.from));
        return CUT_EV_OK;
    }
    cutover_detail(c, "%s does not have the marker of %s yet%s%s", side_name(side),
                   side_name(c->flip.from), flip_is_physical(c) ? "; it is at " : "",
                   rows_text(rows, 0, 2));
    return CUT_EV_AGAIN;
}

/* ---- sequences ---- */

/* The server quotes the names: it knows how. A sequence that nextval was never called on needs
 * nothing. */
static void
write_sequences_read(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "SELECT count(*), string_agg(format('(%%L,%%L,%%s)', schemaname, sequencename, "
                    "last_value), ',') FROM pg_sequences WHERE last_value IS NOT NULL");
}

static enum cutover_event
judge_sequences_read(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)side;
    c->flip.sequences_count = rows_u64(rows, 0, 0);
    buf_clear(&c->flip.sequences);
    buf_printf(&c->flip.sequences, "%s", rows_text(rows, 0, 1));
    cutover_detail(c, "none to set");
    return CUT_EV_OK;
}

/* Never backwards, seen in the sequence's own direction: what the target has itself given out stays
 * given out. */
static void
write_sequences_set(struct cutover *c, struct buf *sql)
{
    const struct slice values = buf_slice(&c->flip.sequences);
    buf_printf(sql, "SELECT count(setval(format('%%I.%%I', v.s, v.n)::regclass, CASE WHEN "
                    "coalesce(q.increment_by, 1) > 0 THEN greatest(v.l::bigint, q.last_value) ELSE "
                    "least(v.l::bigint, q.last_value) END)) FROM (VALUES ");
    buf_put(sql, values.p, values.len);
    buf_printf(sql, ") AS v(s, n, l) LEFT JOIN pg_sequences q ON q.schemaname = v.s AND "
                    "q.sequencename = v.n");
}

static enum cutover_event
judge_sequences_set(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    const uint64_t set = rows_u64(rows, 0, 0);
    if (set != c->flip.sequences_count) {
        err_set(&c->err, SQLSTATE_INTERNAL, "%" PRIu64 " of %" PRIu64 " sequences were set on %s",
                set, c->flip.sequences_count, side_name(side));
        return CUT_EV_FAIL;
    }
    cutover_detail(c, "%" PRIu64 " set", set);
    return CUT_EV_OK;
}

/* ---- way back ---- */

static void
write_stream_off(struct cutover *c, struct buf *sql)
{
    buf_printf(sql, "ALTER SUBSCRIPTION " TEAL_STREAM_PREFIX "%s DISABLE", side_name(c->flip.to));
}

/* A synchronous commit flushes all that was applied before it. */
static void
write_flush(struct cutover *c, struct buf *sql)
{
    buf_printf(sql, "UPDATE teal.local_state SET at = clock_timestamp() WHERE side = '%s'",
               side_name(c->flip.to));
}

/* Not once the target is the writer: an advance that runs late would skip what clients wrote. */
static void
write_slot_advance(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "SELECT pg_replication_slot_advance(slot_name, pg_current_wal_flush_lsn()) FROM "
               "pg_replication_slots WHERE slot_name = '" TEAL_STREAM_PREFIX
               "%s' AND database = current_database() AND wal_status IN ('reserved', 'extended') "
               "AND NOT EXISTS (SELECT FROM teal.local_state WHERE side = '%s' AND writer = side)",
               side_name(c->flip.from), side_name(c->flip.to));
}

/* The slot's advance decodes from the last snapshot of running transactions in the WAL, which may
 * be 15 s old. A new one now, and an advance past it, and little is left to decode while writes are
 * held. From 16 on there is a function for the snapshot; before, making a logical slot writes one.
 * All of it is a hint: the advance that counts comes later. */
static void
write_snapshot(struct cutover *c, struct buf *sql)
{
    if (c->look[c->flip.to].version_num >= 160000) {
        buf_printf(sql, "SELECT pg_log_standby_snapshot()");
        return;
    }
    buf_printf(sql, "SELECT pg_create_logical_replication_slot('teal_ahead', 'pgoutput', true)");
}

static void
write_snapshot_drop(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE "
                    "slot_name = 'teal_ahead' AND active_pid = pg_backend_pid()");
}

static enum cutover_event
judge_ahead(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)c;
    if (!rows->ok) {
        log_debug(NULL, "the slot was not advanced ahead of the flip", "side=%s error=\"%s\"",
                  side_name(side), rows->err.text);
    }
    return CUT_EV_OK;
}

/* Without the way back: fails the flip when it is wanted, else goes on and says so at the end. */
static enum cutover_event
way_back_is(struct cutover *c, bool open)
{
    if (open || !c->flip.way_back_wanted) {
        c->flip.way_back_missing = !open;
        cutover_detail(c, open ? "the stream back is ready" : "there is no way back, as asked");
        return CUT_EV_OK;
    }
    err_set(&c->err, SQLSTATE_OBJECT_NOT_IN_STATE, "the stream back to %s is not ready",
            side_name(c->flip.from));
    return CUT_EV_FAIL;
}

static enum cutover_event
judge_slot_advance(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)side;
    if (!rows->ok && c->flip.way_back_wanted) {
        return rows_event(c, rows);
    }
    return way_back_is(c, rows->ok && rows->rows == 1);
}

static void
write_slot_check(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" TEAL_STREAM_PREFIX
               "%s' AND database = current_database() AND active AND wal_status IN ('reserved', "
               "'extended')",
               side_name(c->flip.from));
}

/* The worker of the stream back may just be restarting: asked again until the step's time is over.
 */
static enum cutover_event
judge_stream(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)side;
    if (rows_u64(rows, 0, 0) > 0) {
        return way_back_is(c, true);
    }
    if (!c->flip.way_back_wanted) {
        return way_back_is(c, false);
    }
    cutover_detail(c, "the stream back to %s is not running", side_name(c->flip.from));
    return CUT_EV_AGAIN;
}

static void
write_worker_check(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "SELECT count(*) FROM pg_stat_subscription WHERE subname = '" TEAL_STREAM_PREFIX
               "%s' AND pid IS NOT NULL AND relid IS NULL",
               side_name(c->flip.from));
}

/* ---- commit ---- */

static enum cutover_event
act_record_commit(struct cutover *c)
{
    return cutover_record(c, RECORD_COMMIT, &c->err) ? CUT_EV_OK : CUT_EV_FAIL;
}

static void
write_commit(struct cutover *c, struct buf *sql)
{
    buf_printf(
        sql,
        "UPDATE teal.local_state SET epoch = %" PRIu64
        ", writer = '%s', phase = 'open', at = clock_timestamp() WHERE side = '%s' AND epoch = "
        "%" PRIu64 " AND flip_id = '%" PRIu64 "' RETURNING 1",
        c->flip.epoch + 1, side_name(c->flip.to), side_name(c->flip.to), c->flip.epoch,
        c->flip.flip_id);
}

static void
write_resolve(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "UPDATE teal.local_state SET flip_id = '0', phase = 'idle', at = clock_timestamp() "
               "WHERE side = '%s' AND epoch <= %" PRIu64 " RETURNING 1",
               side_name(c->flip.to), c->flip.epoch);
}

static enum cutover_event
judge_resolve(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)c;
    (void)side;
    return rows->rows == 1 ? CUT_EV_NO : CUT_EV_OK;
}

static void
write_resolve_look(struct cutover *c, struct buf *sql)
{
    buf_printf(sql, "SELECT epoch, writer FROM teal.local_state WHERE side = '%s'",
               side_name(c->flip.to));
}

static enum cutover_event
judge_resolve_look(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows->rows == 1 && rows_u64(rows, 0, 0) == c->flip.epoch + 1 &&
        strcmp(rows_text(rows, 0, 1), side_name(side)) == 0) {
        return CUT_EV_OK;
    }
    err_set(&c->err, SQLSTATE_OBJECT_NOT_IN_STATE,
            "teal.local_state of %s says epoch %s, writer %s: neither before nor after this flip",
            side_name(side), rows_text(rows, 0, 0), rows_text(rows, 0, 1));
    return CUT_EV_FAIL;
}

static void
write_promote(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "SELECT pg_promote(false)");
}

/* The function fails with 55000 where the promotion has already happened; promote-ask finds that
 * out. */
static enum cutover_event
judge_promote(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows_bool(rows, 0, 0)) {
        return CUT_EV_OK;
    }
    c->flip.promote_maybe = true;
    err_set(&c->err, SQLSTATE_INTERNAL, "%s did not take the request to promote", side_name(side));
    return CUT_EV_FAIL;
}

static void
write_in_recovery(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "SELECT pg_is_in_recovery(), (SELECT reset_val FROM pg_settings WHERE name = "
                    "'default_transaction_read_only')");
}

static enum cutover_event
judge_promoted(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)c;
    (void)side;
    return rows_bool(rows, 0, 0) ? CUT_EV_NO : CUT_EV_OK;
}

/* ---- open ---- */

static enum cutover_event
judge_out_of_recovery(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows_bool(rows, 0, 0)) {
        err_set(&c->err, SQLSTATE_CANNOT_CONNECT_NOW, "%s is still in recovery", side_name(side));
        return CUT_EV_AGAIN;
    }
    err_clear(&c->err);
    c->flip.target_guarded = strcmp(rows_text(rows, 0, 1), "off") != 0;
    return CUT_EV_OK;
}

/* Before any client may write: what is written from here on is kept for the old side. */
static void
write_slot_create(struct cutover *c, struct buf *sql)
{
    const char *from = side_name(c->flip.from);
    buf_printf(
        sql,
        "SELECT (SELECT lsn FROM pg_create_logical_replication_slot('" TEAL_STREAM_PREFIX
        "%s', 'pgoutput')) WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name "
        "= '" TEAL_STREAM_PREFIX "%s')",
        from, from);
}

/* The flip has committed, so a slot that cannot be had must not keep writes held for ever. */
static enum cutover_event
judge_slot_create(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    const enum cutover_event event = rows_event(c, rows);
    if (event != CUT_EV_FAIL || ++c->flip.slot_tries < SLOT_TRIES_MAX) {
        return event;
    }
    c->flip.way_back_missing = true;
    char text[DETAIL_MAX];
    (void)snprintf(text, sizeof(text), "no slot for the way back on %s: %s", side_name(side),
                   c->err.text);
    cutover_report(c, CUTOVER_WARN, "way-back", text);
    err_clear(&c->err);
    return CUT_EV_OK;
}

static void
write_open_row(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "UPDATE teal.local_state SET epoch = %" PRIu64 ", writer = '%s', flip_id = '%" PRIu64
               "', phase = 'open', at = clock_timestamp() WHERE side = '%s' AND epoch <= %" PRIu64
               " RETURNING 1",
               c->flip.epoch + 1, side_name(c->flip.to), c->flip.flip_id, side_name(c->flip.to),
               c->flip.epoch + 1);
}

static void
write_open_probe(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "UPDATE teal.marker SET epoch = %" PRIu64
               ", seq = seq + 1, at = clock_timestamp() WHERE side = '%s' RETURNING 1",
               c->flip.epoch + 1, side_name(c->flip.to));
}

static enum cutover_event
judge_open_probe(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)rows;
    cutover_detail(c, "%s accepts writes", side_name(side));
    return CUT_EV_OK;
}

/* ---- release ---- */

static enum cutover_event
act_release(struct cutover *c)
{
    const uint32_t waiting = c->ops.waiting(c->ops.ctx);
    c->route.epoch = c->flip.epoch + 1;
    c->route.writer = c->flip.to;
    c->record.epoch = c->route.epoch;
    c->record.writer = c->route.writer;
    struct err err;
    if (!cutover_record(c, RECORD_AFTER, &err)) {
        /* The databases have decided already, and recovery asks them: the release need not wait for
         * a disk. */
        log_error(NULL, "the state file could not be written", "error=\"%s\"", err.text);
    }
    cutover_publish(c, false);
    c->ops.heartbeat(c->ops.ctx, true);
    c->ops.leave_side(c->ops.ctx, c->flip.from);
    c->way_back = CUTOVER_WAY_BACK_UNKNOWN;
    c->way_back_given_up = c->flip.way_back_missing;
    cutover_detail(c, "%u waiting transactions", waiting);
    return CUT_EV_OK;
}

/* ---- after ---- */

static bool
way_back_can_be(const struct cutover *c)
{
    return !c->flip.way_back_missing;
}

static bool
way_back_physical(const struct cutover *c)
{
    return way_back_can_be(c) && flip_is_physical(c);
}

static bool
way_back_one_way(const struct cutover *c)
{
    return way_back_can_be(c) && flip_is_one_way(c);
}

static void
write_after_row(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "UPDATE teal.local_state SET epoch = %" PRIu64
               ", writer = '%s', flip_id = '0', phase = "
               "'following', at = clock_timestamp() WHERE side = '%s'",
               c->flip.epoch + 1, side_name(c->flip.to), side_name(c->flip.from));
}

static void
write_settle_row(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "UPDATE teal.local_state SET flip_id = '0', phase = 'idle', at = clock_timestamp() "
               "WHERE side = '%s' AND epoch = %" PRIu64,
               side_name(c->flip.to), c->flip.epoch + 1);
}

/* The worker that applied until the commit must be gone before the old side changes anything of its
 * own. */
static void
write_stream_gone(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "SELECT count(*) FROM pg_stat_subscription WHERE subname = '" TEAL_STREAM_PREFIX
               "%s' AND pid IS NOT NULL",
               side_name(c->flip.to));
}

static enum cutover_event
judge_stream_gone(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)c;
    (void)side;
    return rows_u64(rows, 0, 0) == 0 ? CUT_EV_OK : CUT_EV_AGAIN;
}

static void
write_reverse_on(struct cutover *c, struct buf *sql)
{
    buf_printf(sql, "ALTER SUBSCRIPTION " TEAL_STREAM_PREFIX "%s ENABLE", side_name(c->flip.from));
}

static void
write_subscription_look(struct buf *sql, enum side side)
{
    buf_printf(
        sql,
        "SELECT count(*), current_setting('server_version_num') FROM pg_subscription s JOIN "
        "pg_database d ON d.oid = s.subdbid WHERE d.datname = current_database() AND s.subname = "
        "'" TEAL_STREAM_PREFIX "%s'",
        side_name(side));
}

static void
write_look_from(struct cutover *c, struct buf *sql)
{
    write_subscription_look(sql, c->flip.from);
}

static void
write_look_to(struct cutover *c, struct buf *sql)
{
    write_subscription_look(sql, c->flip.to);
}

/* The version too: the side may have been down when the flip, or the start-up, looked at it. */
static enum cutover_event
judge_look(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    c->look[side].version_num = (int)rows_u64(rows, 0, 1);
    c->look[side].stream_exists = rows_u64(rows, 0, 0) > 0;
    return CUT_EV_OK;
}

static bool
way_back_from_lacks(const struct cutover *c)
{
    return way_back_physical(c) && !c->look[c->flip.from].stream_exists;
}

static bool
way_back_to_lacks(const struct cutover *c)
{
    return way_back_physical(c) && !c->look[c->flip.to].stream_exists;
}

void
put_create_subscription(const struct cutover *c, struct buf *sql, enum side side, const char *with)
{
    const char *name = side_name(side);
    buf_printf(sql, "CREATE SUBSCRIPTION " TEAL_STREAM_PREFIX "%s CONNECTION ", name);
    put_literal(sql, c->config.replication_conninfo[side_other(side)]);
    buf_printf(
        sql, " PUBLICATION " TEAL_PUBLICATION " WITH (slot_name = '" TEAL_STREAM_PREFIX "%s', %s)",
        name, with);
}

static bool
both_16(const struct cutover *c)
{
    return c->look[SIDE_BLUE].version_num >= 160000 && c->look[SIDE_GREEN].version_num >= 160000;
}

static void
write_subscribe_from(struct cutover *c, struct buf *sql)
{
    put_create_subscription(c, sql, c->flip.from,
                            both_16(c) ? "create_slot = false, copy_data = false, origin = none"
                                       : "create_slot = false, copy_data = false");
}

static void
write_slot_from(struct cutover *c, struct buf *sql)
{
    const char *to = side_name(c->flip.to);
    buf_printf(
        sql,
        "SELECT (SELECT lsn FROM pg_create_logical_replication_slot('" TEAL_STREAM_PREFIX
        "%s', 'pgoutput')) WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name "
        "= '" TEAL_STREAM_PREFIX "%s')",
        to, to);
}

/* From now on the pair is logical: both ways at once from 16 on, else the one that is not needed
 * stays off. */
static void
write_subscribe_to(struct cutover *c, struct buf *sql)
{
    put_create_subscription(c, sql, c->flip.to,
                            both_16(c) ? "create_slot = false, copy_data = false, origin = none"
                                       : "create_slot = false, copy_data = false, enabled = false");
}

/* The launcher of the old side may take wal_retrieve_retry_interval to start the worker. */
static enum cutover_event
act_stream_limit(struct cutover *c)
{
    c->prepare_deadline_us = cutover_now(c) + (uint64_t)STREAM_TIMEOUT_US;
    return CUT_EV_OK;
}

static enum cutover_event
judge_stream_up(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows_u64(rows, 0, 0) > 0) {
        return CUT_EV_OK;
    }
    if (cutover_now(c) < c->prepare_deadline_us) {
        return CUT_EV_AGAIN;
    }
    char text[DETAIL_MAX];
    (void)snprintf(text, sizeof(text),
                   "the stream from %s to %s has not started yet: see the log of %s",
                   side_name(side), side_name(c->flip.from), side_name(c->flip.from));
    cutover_report(c, CUTOVER_WARN, "after", text);
    return CUT_EV_OK;
}

static void
write_old_slots(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql, "SELECT count(*), string_agg(slot_name, ', ') FROM pg_replication_slots WHERE "
                    "slot_type = 'physical' AND NOT active");
}

static enum cutover_event
judge_old_slots(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows_u64(rows, 0, 0) > 0) {
        char text[DETAIL_MAX];
        (void)snprintf(
            text, sizeof(text),
            "physical slots on %s that nobody uses now keep its WAL: %s; drop what was the "
            "standby's",
            side_name(side), rows_text(rows, 0, 1));
        cutover_report(c, CUTOVER_WARN, "after", text);
    }
    return CUT_EV_OK;
}

static enum cutover_event
act_after_done(struct cutover *c)
{
    c->way_back = way_back_can_be(c) ? CUTOVER_WAY_BACK_OPEN : CUTOVER_WAY_BACK_MISSING;
    cutover_detail(c, "%s follows %s%s", side_name(c->flip.from), side_name(c->flip.to),
                   way_back_can_be(c) ? "" : " no more: there is no way back");
    return CUT_EV_OK;
}

/* ---- undo ---- */

static void
write_undo_row(struct cutover *c, struct buf *sql)
{
    buf_printf(
        sql,
        "UPDATE teal.local_state SET epoch = %" PRIu64
        ", writer = '%s', flip_id = '0', phase = 'idle', at = clock_timestamp() WHERE side = "
        "'%s' AND epoch <= %" PRIu64,
        c->flip.epoch, side_name(c->flip.from), side_name(c->flip.from), c->flip.epoch);
}

static enum cutover_event
act_undo_release(struct cutover *c)
{
    c->route.epoch = c->flip.epoch;
    c->route.writer = c->flip.from;
    c->record.epoch = c->route.epoch;
    c->record.writer = c->route.writer;
    struct err err;
    if (c->flip.fence_touched && !cutover_record(c, RECORD_UNDONE, &err)) {
        log_error(NULL, "the state file could not be written", "error=\"%s\"", err.text);
    }
    cutover_publish(c, false);
    c->ops.heartbeat(c->ops.ctx, true);
    cutover_detail(c, "writes go on at %s", side_name(c->flip.from));
    return CUT_EV_OK;
}

static void
write_disarm(struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "UPDATE teal.local_state SET flip_id = '0', phase = 'idle', at = clock_timestamp() "
               "WHERE side = '%s' AND epoch <= %" PRIu64,
               side_name(c->flip.to), c->flip.epoch);
}

static void
write_stream_on(struct cutover *c, struct buf *sql)
{
    buf_printf(sql, "ALTER SUBSCRIPTION " TEAL_STREAM_PREFIX "%s ENABLE", side_name(c->flip.to));
}

/* ---- the scripts: name, side, flags, applies, write, judge, act ---- */

/* clang-format off */
static const struct line gate_lines[] = {
    {"gate-lag", LINE_TO, 0, NULL, NULL, NULL, act_gate},
    {"gate-snapshot", LINE_TO, LINE_JUDGE_ALL, flip_is_one_way, write_snapshot, judge_ahead, NULL},
    {"gate-snapshot-drop", LINE_TO, LINE_JUDGE_ALL, flip_is_one_way, write_snapshot_drop, judge_ahead, NULL},
    {"gate-ahead", LINE_TO, LINE_JUDGE_ALL, flip_is_one_way, write_slot_advance, judge_ahead, NULL},
};

static const struct line hold_lines[] = {
    {"hold-publish", LINE_FROM, 0, NULL, NULL, NULL, act_hold},
    {"hold-acked", LINE_FROM, 0, NULL, NULL, NULL, act_held},
};

static const struct line drain_lines[] = {
    {"drain-busy", LINE_FROM, 0, NULL, NULL, NULL, act_drained},
};

static const struct line fence_lines[] = {
    {"fence-heartbeat", LINE_FROM, 0, NULL, NULL, NULL, act_heartbeat_off},
    {"fence-arm", LINE_TO, LINE_TOGETHER, flip_is_logical, write_arm, judge_one_row, NULL},
    {"fence-intent", LINE_FROM, 0, NULL, write_intent, judge_one_row, NULL},
    {"fence-set", LINE_FROM, 0, NULL, write_guard_on, NULL, NULL},
    {"fence-strict", LINE_FROM, 0, flip_is_strict, write_strict_on, NULL, NULL},
    {"fence-reload", LINE_FROM, 0, NULL, write_reload, NULL, NULL},
    {"fence-seen", LINE_FROM, 0, NULL, write_guard_show, judge_guard_on, NULL},
    {"fence-leave", LINE_FROM, 0, NULL, NULL, NULL, act_leave},
    {"fence-probe", LINE_FROM, LINE_FRESH | LINE_TOGETHER | LINE_JUDGE_ALL, NULL, write_probe, judge_probe, NULL},
    {"fence-clear", LINE_FROM, 0, NULL, write_clear, judge_clear, NULL},
    {"fence-prepared", LINE_FROM, 0, NULL, write_prepared, judge_prepared, NULL},
};

static const struct line catchup_lines[] = {
    {"catchup-mark", LINE_FROM, 0, NULL, write_mark, judge_mark, NULL},
    {"catchup-lsn", LINE_FROM, 0, flip_is_physical, write_flush_lsn, judge_flush_lsn, NULL},
    {"catchup-arrived", LINE_TO, 0, NULL, write_arrived, judge_arrived, NULL},
};

static const struct line sequences_lines[] = {
    {"sequences-read", LINE_FROM, 0, NULL, write_sequences_read, judge_sequences_read, NULL},
    {"sequences-set", LINE_TO, 0, has_sequences, write_sequences_set, judge_sequences_set, NULL},
};

static const struct line way_back_lines[] = {
    {"wayback-stream-off", LINE_TO, 0, flip_is_one_way, write_stream_off, NULL, NULL},
    {"wayback-flush", LINE_TO, 0, flip_is_one_way, write_flush, NULL, NULL},
    {"wayback-advance", LINE_TO, LINE_JUDGE_ALL, flip_is_one_way, write_slot_advance, judge_slot_advance, NULL},
    {"wayback-slot", LINE_TO, LINE_TOGETHER, flip_is_two_way, write_slot_check, judge_stream, NULL},
    {"wayback-worker", LINE_FROM, 0, flip_is_two_way, write_worker_check, judge_stream, NULL},
};

static const struct line commit_lines[] = {
    {"commit-record", LINE_TO, 0, NULL, NULL, NULL, act_record_commit},
    {"commit-row", LINE_TO, 0, NULL, write_commit, judge_one_row, NULL},
};

static const struct line resolve_lines[] = {
    {"resolve-decide", LINE_TO, 0, NULL, write_resolve, judge_resolve, NULL},
    {"resolve-look", LINE_TO, 0, NULL, write_resolve_look, judge_resolve_look, NULL},
};

static const struct line promote_lines[] = {
    {"promote-record", LINE_TO, 0, NULL, NULL, NULL, act_record_commit},
    {"promote-call", LINE_TO, 0, NULL, write_promote, judge_promote, NULL},
};

static const struct line promote_ask_lines[] = {
    {"promote-ask", LINE_TO, 0, NULL, write_in_recovery, judge_promoted, NULL},
};

static const struct line open_lines[] = {
    {"open-recovered", LINE_TO, 0, flip_is_physical, write_in_recovery, judge_out_of_recovery, NULL},
    {"open-slot", LINE_TO, LINE_JUDGE_ALL, flip_is_physical, write_slot_create, judge_slot_create, NULL},
    {"open-row", LINE_TO, 0, flip_is_physical, write_open_row, judge_one_row, NULL},
    {"open-set", LINE_TO, 0, target_guarded, write_guard_off, NULL, NULL},
    {"open-reload", LINE_TO, 0, target_guarded, write_reload, NULL, NULL},
    {"open-strict", LINE_TO, 0, target_was_strict, write_strict_off, NULL, NULL},
    {"open-seen", LINE_TO, 0, target_guarded, write_guard_show, judge_guard_off, NULL},
    {"open-probe", LINE_TO, LINE_FRESH, NULL, write_open_probe, judge_open_probe, NULL},
};

static const struct line release_lines[] = {
    {"release-publish", LINE_TO, 0, NULL, NULL, NULL, act_release},
};

static const struct line after_lines[] = {
    {"after-stream-gone", LINE_TO, 0, flip_is_one_way, write_stream_gone, judge_stream_gone, NULL},
    {"after-row", LINE_FROM, 0, NULL, write_after_row, NULL, NULL},
    {"after-reverse-on", LINE_FROM, 0, way_back_one_way, write_reverse_on, NULL, NULL},
    {"after-look-from", LINE_FROM, LINE_TOGETHER, way_back_physical, write_look_from, judge_look, NULL},
    {"after-look-to", LINE_TO, 0, way_back_physical, write_look_to, judge_look, NULL},
    {"after-subscribe-from", LINE_FROM, 0, way_back_from_lacks, write_subscribe_from, NULL, NULL},
    {"after-slot-from", LINE_FROM, 0, way_back_physical, write_slot_from, NULL, NULL},
    {"after-subscribe-to", LINE_TO, 0, way_back_to_lacks, write_subscribe_to, NULL, NULL},
    {"after-limit", LINE_FROM, 0, way_back_can_be, NULL, NULL, act_stream_limit},
    {"after-stream-up", LINE_TO, 0, way_back_can_be, write_slot_check, judge_stream_up, NULL},
    {"after-old-slots", LINE_FROM, 0, flip_is_physical, write_old_slots, judge_old_slots, NULL},
    {"after-settle", LINE_TO, 0, NULL, write_settle_row, NULL, NULL},
    {"after-done", LINE_TO, 0, NULL, NULL, NULL, act_after_done},
};

static const struct line undo_lines[] = {
    {"undo-set", LINE_FROM, 0, NULL, write_guard_off, NULL, NULL},
    {"undo-strict", LINE_FROM, 0, flip_is_strict, write_strict_off, NULL, NULL},
    {"undo-reload", LINE_FROM, 0, NULL, write_reload, NULL, NULL},
    {"undo-seen", LINE_FROM, 0, NULL, write_guard_show, judge_guard_off, NULL},
    {"undo-row", LINE_FROM, 0, NULL, write_undo_row, NULL, NULL},
};

static const struct line undo_release_lines[] = {
    {"undo-publish", LINE_FROM, 0, NULL, NULL, NULL, act_undo_release},
};

static const struct line undo_after_lines[] = {
    {"undo-disarm", LINE_TO, 0, flip_is_logical, write_disarm, NULL, NULL},
    {"undo-stream-on", LINE_TO, 0, flip_is_one_way, write_stream_on, NULL, NULL},
};

#define LINES_OF(array) {array, COUNT_OF(array)}
static const struct lines by_state[CUTOVER_STATES_COUNT] = {
    [CUT_GATE] = LINES_OF(gate_lines),
    [CUT_HOLD] = LINES_OF(hold_lines),
    [CUT_DRAIN] = LINES_OF(drain_lines),
    [CUT_FENCE] = LINES_OF(fence_lines),
    [CUT_CATCHUP] = LINES_OF(catchup_lines),
    [CUT_SEQUENCES] = LINES_OF(sequences_lines),
    [CUT_WAY_BACK] = LINES_OF(way_back_lines),
    [CUT_COMMIT] = LINES_OF(commit_lines),
    [CUT_RESOLVE] = LINES_OF(resolve_lines),
    [CUT_PROMOTE] = LINES_OF(promote_lines),
    [CUT_PROMOTE_ASK] = LINES_OF(promote_ask_lines),
    [CUT_OPEN] = LINES_OF(open_lines),
    [CUT_RELEASE] = LINES_OF(release_lines),
    [CUT_AFTER] = LINES_OF(after_lines),
    [CUT_UNDO] = LINES_OF(undo_lines),
    [CUT_UNDO_RELEASE] = LINES_OF(undo_release_lines),
    [CUT_UNDO_AFTER] = LINES_OF(undo_after_lines),
};
/* clang-format on */

struct lines
flip_lines(enum cutover_state state)
{
    CHECK((unsigned)state < CUTOVER_STATES_COUNT && by_state[state].lines != NULL);
    return by_state[state];
}
