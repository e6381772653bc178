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
    c->stream.missing = c->stream.missing || !open;
    report_detail(&c->report, open ? "the stream back is ready" : "there is no way back, as asked");
    return CUT_EV_OK;
}

/* The answer counts the streams that run. */
static bool
all_run(const struct cutover *c, const struct cutover_rows *rows)
{
    return rows_u64(rows, 0, 0) >= databases_count(c);
}

static void
say_how_many(struct cutover *c, const struct cutover_rows *rows)
{
    const char *from = side_name(c->flip.from);
    const uint32_t count = databases_count(c);
    if (count == 1) {
        report_detail(&c->report, "the stream back to %s is not running", from);
    } else {
        report_detail(&c->report, "%" PRIu64 " of %u streams back to %s are running",
                      rows_u64(rows, 0, 0), count, from);
    }
}

void
stream_put_subscription(const struct cutover *c, struct place at, struct buf *sql, const char *with)
{
    put_create_subscription(sql, databases_stream(c, at.database, at.side),
                            c->config.replication_conninfo[side_other(at.side)],
                            databases_name(c, at.database), with);
}

/* ---- ahead of the hold ---- */

/* The slot's advance decodes from the last snapshot of running transactions in the WAL, which may
 * be 15 s old. A new one now, and an advance past it, and little is left to decode while writes are
 * held. From 16 on there is a function for the snapshot; before, making a logical slot writes one.
 * All of it is a hint: the advance that counts comes later. */
void
stream_write_snapshot(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    if (c->looks.of[c->flip.to].version_num >= VERSION_16) {
        buf_printf(sql, "SELECT pg_log_standby_snapshot()");
        return;
    }
    buf_printf(sql, "SELECT pg_create_logical_replication_slot('teal_ahead', 'pgoutput', true)");
}

enum cutover_event
stream_judge_hint(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)c;
    if (!rows->ok) {
        log_debug(NULL, "the slot was not advanced ahead of the flip", "side=%s error=\"%s\"",
                  side_name(at.side), rows->err.text);
    }
    return CUT_EV_OK;
}

/* ---- before the commit ---- */

void
stream_write_off(const struct cutover *c, struct place at, struct buf *sql)
{
    buf_printf(sql, "ALTER SUBSCRIPTION %s DISABLE", databases_stream(c, at.database, c->flip.to));
}

/* A synchronous commit flushes all that was applied before it. */
void
stream_write_flush(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql, "UPDATE teal.local_state SET at = clock_timestamp() WHERE side = '%s'",
               side_name(c->flip.to));
}

/* Not once the target is the writer: an advance that runs late would skip what clients wrote. The
 * open probe has left the new epoch in the target's marker by then. */
void
stream_write_advance(const struct cutover *c, struct place at, struct buf *sql)
{
    put_advance_slot(sql, databases_stream(c, at.database, c->flip.from), c->flip.to,
                     c->flip.epoch);
}

enum cutover_event
stream_judge_advance(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)at;
    if (!rows->ok && c->flip.way_back_wanted) {
        return report_rows(&c->report, rows);
    }
    return way_back_is(c, rows->ok && rows->rows == 1);
}

void
stream_write_slot_check(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql, "SELECT count(*) FROM pg_replication_slots WHERE slot_name IN (");
    put_stream_names(sql, c, c->flip.from);
    buf_printf(sql, ") AND active AND wal_status IN ('reserved', 'extended')");
}

void
stream_write_worker_check(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql, "SELECT count(DISTINCT subname) FROM pg_stat_subscription WHERE subname IN (");
    put_stream_names(sql, c, c->flip.from);
    buf_printf(sql, ") AND pid IS NOT NULL AND relid IS NULL");
}

/* The worker of the stream back may just be restarting: asked again until the step's time is over.
 */
enum cutover_event
stream_judge_runs(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)at;
    if (all_run(c, rows)) {
        return way_back_is(c, true);
    }
    if (!c->flip.way_back_wanted) {
        return way_back_is(c, false);
    }
    say_how_many(c, rows);
    return CUT_EV_AGAIN;
}

/* ---- opening a promoted standby ---- */

/* Before any client may write: what is written from here on is kept for the old side. */
void
stream_write_slot_create(const struct cutover *c, struct place at, struct buf *sql)
{
    put_create_slot(sql, databases_stream(c, at.database, c->flip.from));
}

/* The flip has committed, so a slot that cannot be had must not keep writes held for ever. */
enum cutover_event
stream_judge_slot_create(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    const enum cutover_event event = report_rows(&c->report, rows);
    if (event != CUT_EV_FAIL || ++c->stream.slot_tries < SLOT_TRIES_MAX) {
        return event;
    }
    CHECK(c->commit.done);
    c->stream.missing = true;
    report_line(&c->report, CUTOVER_WARN, "way-back", "no slot for the way back on %s: %s",
                side_name(at.side), c->report.err.text);
    report_err_clear(&c->report);
    return CUT_EV_OK;
}

/* ---- behind the release ---- */

/* A promoted standby whose streams could not be made goes without, as the preflight has said. */
bool
stream_has_way_back(const struct cutover *c)
{
    return !c->stream.missing && flip_is_own(c) && (!flip_is_physical(c) || rights_may_stream(c));
}

bool
stream_has_physical(const struct cutover *c)
{
    return stream_has_way_back(c) && flip_is_physical(c);
}

/* A database that was created a moment ago has none; after a start-up it may be in the list. */
bool
stream_stands(const struct cutover *c, struct place at)
{
    return flip_is_one_way(c) && databases_on(c, at)->stream_exists;
}

bool
stream_stands_back(const struct cutover *c, struct place at)
{
    return stream_has_way_back(c) && stream_stands(c, at);
}

bool
stream_lacks(const struct cutover *c, struct place at)
{
    return stream_has_physical(c) && !databases_on(c, at)->stream_exists;
}

/* The worker that applied until the commit must be gone before the old side changes anything of its
 * own. */
void
stream_write_gone(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql, "SELECT count(*) FROM pg_stat_subscription WHERE subname IN (");
    put_stream_names(sql, c, c->flip.to);
    buf_printf(sql, ") AND pid IS NOT NULL");
}

enum cutover_event
stream_judge_gone(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows_u64(rows, 0, 0) == 0) {
        return CUT_EV_OK;
    }
    return report_again(&c->report, SQLSTATE_OBJECT_IN_USE, "the stream to %s still runs on it",
                        side_name(at.side));
}

void
stream_write_reverse_on(const struct cutover *c, struct place at, struct buf *sql)
{
    buf_printf(sql, "ALTER SUBSCRIPTION %s ENABLE", databases_stream(c, at.database, c->flip.from));
}

void
stream_write_subscribe_from(const struct cutover *c, struct place at, struct buf *sql)
{
    stream_put_subscription(c, at, sql,
                            look_both_16(c)
                                ? "create_slot = false, copy_data = false, origin = none"
                                : "create_slot = false, copy_data = false");
}

void
stream_write_slot_from(const struct cutover *c, struct place at, struct buf *sql)
{
    put_create_slot(sql, databases_stream(c, at.database, c->flip.to));
}

/* From now on the pair is logical: both ways at once from 16 on, else the one that is not needed
 * stays off. */
void
stream_write_subscribe_to(const struct cutover *c, struct place at, struct buf *sql)
{
    stream_put_subscription(c, at, sql,
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
stream_judge_up(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (all_run(c, rows)) {
        return CUT_EV_OK;
    }
    if (!script_waited(&c->machine.script)) {
        return CUT_EV_AGAIN;
    }
    const char *from = side_name(c->flip.from);
    report_line(&c->report, CUTOVER_WARN, "after",
                "the stream from %s to %s has not started yet: see the log of %s",
                side_name(at.side), from, from);
    return CUT_EV_OK;
}

enum cutover_event
stream_judge_old_slots(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows_u64(rows, 0, 0) > 0) {
        report_line(&c->report, CUTOVER_WARN, "after",
                    "physical slots on %s that nobody uses now keep its WAL: %s; drop what was the "
                    "standby's",
                    side_name(at.side), rows_text(rows, 0, 1));
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
stream_write_on(const struct cutover *c, struct place at, struct buf *sql)
{
    buf_printf(sql, "ALTER SUBSCRIPTION %s ENABLE", databases_stream(c, at.database, c->flip.to));
}
