/* stream.c — turns the streams around, and knows whether there is a way back. See stream.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/stream.h"

#include <inttypes.h>

#include "base/log.h"
#include "cutover/flip/parts.h"
#include "cutover/flip/sql.h"

enum {
    SLOT_TRIES_MAX = 5,
    UP_LIMIT_US = 10 * 1000 * 1000, /* the launcher may take wal_retrieve_retry_interval */
};

/* ---- the way back ---- */

void
stream_clear(struct cutover *c)
{
    c->stream.missing = false;
    c->stream.slot_tries = 0;
}

void
stream_clear_after(struct cutover *c)
{
    stream_clear(c);
    c->stream.missing = c->stream.given_up;
}

void
stream_released(struct cutover *c)
{
    CHECK(c->commit.done && !c->journal.route.writes_held);
    c->stream.way_back = CUTOVER_WAY_BACK_UNKNOWN;
    c->stream.given_up = c->stream.missing;
}

void
stream_set_way_back(struct cutover *c, enum cutover_way_back way_back)
{
    c->stream.way_back = way_back;
}

const char *
stream_summary(const struct cutover *c)
{
    return c->stream.way_back == CUTOVER_WAY_BACK_OPEN ? "the way back is open"
                                                       : "there is no way back";
}

/* Without the way back: fails the flip when it is wanted, else goes on and says so at the end. */
static enum cutover_event
way_back_is(struct cutover *c, bool open)
{
    if (!open && c->flip.way_back_wanted) {
        return report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                           "the stream back to %s is not ready", side_name(c->flip.from));
    }
    c->stream.missing = !open;
    report_detail(&c->report, open ? "the stream back is ready" : "there is no way back, as asked");
    return CUT_EV_OK;
}

/* ---- ahead of the hold ---- */

/* The slot's advance decodes from the last snapshot of running transactions in the WAL, which may
 * be 15 s old. A new one now, and an advance past it, and little is left to decode while writes are
 * held. From 16 on there is a function for the snapshot; before, making a logical slot writes one.
 * All of it is a hint: the advance that counts comes later. */
void
stream_write_snapshot(const struct cutover *c, struct buf *sql)
{
    if (c->looks.of[c->flip.to].version_num >= VERSION_16) {
        buf_printf(sql, "SELECT pg_log_standby_snapshot()");
        return;
    }
    buf_printf(sql, "SELECT pg_create_logical_replication_slot('teal_ahead', 'pgoutput', true)");
}

enum cutover_event
stream_judge_hint(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)c;
    if (!rows->ok) {
        log_debug(NULL, "the slot was not advanced ahead of the flip", "side=%s error=\"%s\"",
                  side_name(side), rows->err.text);
    }
    return CUT_EV_OK;
}

/* ---- before the commit ---- */

void
stream_write_off(const struct cutover *c, struct buf *sql)
{
    buf_printf(sql, "ALTER SUBSCRIPTION " TEAL_STREAM_PREFIX "%s DISABLE", side_name(c->flip.to));
}

/* A synchronous commit flushes all that was applied before it. */
void
stream_write_flush(const struct cutover *c, struct buf *sql)
{
    buf_printf(sql, "UPDATE teal.local_state SET at = clock_timestamp() WHERE side = '%s'",
               side_name(c->flip.to));
}

/* Not once the target is the writer: an advance that runs late would skip what clients wrote. */
void
stream_write_advance(const struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "SELECT pg_replication_slot_advance(slot_name, pg_current_wal_flush_lsn()) FROM "
               "pg_replication_slots WHERE slot_name = '" TEAL_STREAM_PREFIX
               "%s' AND database = current_database() AND wal_status IN ('reserved', 'extended') "
               "AND NOT EXISTS (SELECT FROM teal.local_state WHERE side = '%s' AND writer = side)",
               side_name(c->flip.from), side_name(c->flip.to));
}

enum cutover_event
stream_judge_advance(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)side;
    if (!rows->ok && c->flip.way_back_wanted) {
        return report_rows(&c->report, rows);
    }
    return way_back_is(c, rows->ok && rows->rows == 1);
}

void
stream_write_slot_check(const struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "SELECT count(*) FROM pg_replication_slots WHERE slot_name = '" TEAL_STREAM_PREFIX
               "%s' AND database = current_database() AND active AND wal_status IN ('reserved', "
               "'extended')",
               side_name(c->flip.from));
}

void
stream_write_worker_check(const struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "SELECT count(*) FROM pg_stat_subscription WHERE subname = '" TEAL_STREAM_PREFIX
               "%s' AND pid IS NOT NULL AND relid IS NULL",
               side_name(c->flip.from));
}

/* The worker of the stream back may just be restarting: asked again until the step's time is over.
 */
enum cutover_event
stream_judge_runs(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)side;
    if (rows_u64(rows, 0, 0) > 0) {
        return way_back_is(c, true);
    }
    if (!c->flip.way_back_wanted) {
        return way_back_is(c, false);
    }
    report_detail(&c->report, "the stream back to %s is not running", side_name(c->flip.from));
    return CUT_EV_AGAIN;
}

/* ---- opening a promoted standby ---- */

/* Before any client may write: what is written from here on is kept for the old side. */
void
stream_write_slot_create(const struct cutover *c, struct buf *sql)
{
    put_create_slot(sql, c->flip.from);
}

/* The flip has committed, so a slot that cannot be had must not keep writes held for ever. */
enum cutover_event
stream_judge_slot_create(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    const enum cutover_event event = report_rows(&c->report, rows);
    if (event != CUT_EV_FAIL || ++c->stream.slot_tries < SLOT_TRIES_MAX) {
        return event;
    }
    CHECK(c->commit.done);
    c->stream.missing = true;
    report_line(&c->report, CUTOVER_WARN, "way-back", "no slot for the way back on %s: %s",
                side_name(side), c->report.err.text);
    report_err_clear(&c->report);
    return CUT_EV_OK;
}

/* ---- behind the release ---- */

/* A promoted standby whose streams could not be made goes without, as the preflight has said. */
bool
stream_has_way_back(const struct cutover *c)
{
    return !c->stream.missing && (!flip_is_physical(c) || rights_may_stream(c));
}

bool
stream_has_physical(const struct cutover *c)
{
    return stream_has_way_back(c) && flip_is_physical(c);
}

bool
stream_has_one_way(const struct cutover *c)
{
    return stream_has_way_back(c) && flip_is_one_way(c);
}

bool
stream_from_lacks(const struct cutover *c)
{
    return stream_has_physical(c) && !c->looks.of[c->flip.from].stream_exists;
}

bool
stream_to_lacks(const struct cutover *c)
{
    return stream_has_physical(c) && !c->looks.of[c->flip.to].stream_exists;
}

/* The worker that applied until the commit must be gone before the old side changes anything of its
 * own. */
void
stream_write_gone(const struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "SELECT count(*) FROM pg_stat_subscription WHERE subname = '" TEAL_STREAM_PREFIX
               "%s' AND pid IS NOT NULL",
               side_name(c->flip.to));
}

enum cutover_event
stream_judge_gone(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows_u64(rows, 0, 0) == 0) {
        return CUT_EV_OK;
    }
    return report_again(&c->report, SQLSTATE_OBJECT_IN_USE, "the stream to %s still runs on it",
                        side_name(side));
}

void
stream_write_reverse_on(const struct cutover *c, struct buf *sql)
{
    buf_printf(sql, "ALTER SUBSCRIPTION " TEAL_STREAM_PREFIX "%s ENABLE", side_name(c->flip.from));
}

void
stream_write_subscribe_from(const struct cutover *c, struct buf *sql)
{
    put_create_subscription(sql, c->flip.from, c->config.replication_conninfo[c->flip.to],
                            look_both_16(c)
                                ? "create_slot = false, copy_data = false, origin = none"
                                : "create_slot = false, copy_data = false");
}

void
stream_write_slot_from(const struct cutover *c, struct buf *sql)
{
    put_create_slot(sql, c->flip.to);
}

/* From now on the pair is logical: both ways at once from 16 on, else the one that is not needed
 * stays off. */
void
stream_write_subscribe_to(const struct cutover *c, struct buf *sql)
{
    put_create_subscription(sql, c->flip.to, c->config.replication_conninfo[c->flip.from],
                            look_both_16(c)
                                ? "create_slot = false, copy_data = false, origin = none"
                                : "create_slot = false, copy_data = false, enabled = false");
}

enum cutover_event
stream_call_limit(struct cutover *c)
{
    script_wait(&c->machine.script, UP_LIMIT_US);
    return CUT_EV_OK;
}

enum cutover_event
stream_judge_up(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows_u64(rows, 0, 0) > 0) {
        return CUT_EV_OK;
    }
    if (!script_waited(&c->machine.script)) {
        return CUT_EV_AGAIN;
    }
    const char *from = side_name(c->flip.from);
    report_line(&c->report, CUTOVER_WARN, "after",
                "the stream from %s to %s has not started yet: see the log of %s", side_name(side),
                from, from);
    return CUT_EV_OK;
}

enum cutover_event
stream_judge_old_slots(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows_u64(rows, 0, 0) > 0) {
        report_line(&c->report, CUTOVER_WARN, "after",
                    "physical slots on %s that nobody uses now keep its WAL: %s; drop what was the "
                    "standby's",
                    side_name(side), rows_text(rows, 0, 1));
    }
    return CUT_EV_OK;
}

enum cutover_event
stream_call_done(struct cutover *c)
{
    CHECK(c->commit.done && !c->journal.route.writes_held);
    const bool open = stream_has_way_back(c);
    stream_set_way_back(c, open ? CUTOVER_WAY_BACK_OPEN : CUTOVER_WAY_BACK_MISSING);
    report_detail(&c->report, "%s follows %s%s", side_name(c->flip.from), side_name(c->flip.to),
                  open ? "" : " no more: there is no way back");
    return CUT_EV_OK;
}

/* ---- undo ---- */

void
stream_write_on(const struct cutover *c, struct buf *sql)
{
    buf_printf(sql, "ALTER SUBSCRIPTION " TEAL_STREAM_PREFIX "%s ENABLE", side_name(c->flip.to));
}
