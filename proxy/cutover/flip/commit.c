/* commit.c — the rows that decide a flip and tell of it, and the promotion. See commit.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/commit.h"

#include <inttypes.h>
#include <string.h>

#include "cutover/flip/history.h"
#include "cutover/flip/parts.h"

void
commit_clear(struct cutover *c)
{
    c->commit = (struct commit){0};
}

void
commit_done(struct cutover *c)
{
    CHECK(c->flip.known && c->flip.epoch > 0);
    c->commit.done = true;
    report_detail(&c->report, "epoch %" PRIu64 ", writer %s", c->flip.epoch + 1,
                  side_name(c->flip.to));
}

void
commit_promote_maybe(struct cutover *c)
{
    c->commit.promote_maybe = true;
}

bool
commit_may_promote(const struct cutover *c)
{
    return c->commit.promote_maybe;
}

enum cutover_event
commit_judge_one_row(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows->rows == 1) {
        return CUT_EV_OK;
    }
    (void)report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                      "teal.local_state of %s is not at epoch %" PRIu64
                      ": another flip has been there",
                      side_name(at.side), c->flip.epoch);
    return report_hint(&c->report, "compare teal.local_state of both sides with SHOW CUTOVER");
}

/* ---- before the commit ---- */

void
commit_write_arm(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(
        sql,
        "UPDATE teal.local_state SET epoch = %" PRIu64 ", flip_id = '%" PRIu64
        "', phase = 'joining', at = clock_timestamp() WHERE side = '%s' AND epoch <= %" PRIu64
        " RETURNING 1",
        c->flip.epoch, c->flip.id, side_name(c->flip.to), c->flip.epoch);
}

static const char *
leaving_phase(enum cutover_kind kind)
{
    static const char *const phases[CUTOVER_KINDS_COUNT] = {
        [CUTOVER_PHYSICAL] = "leaving-physical",
        [CUTOVER_TWO_WAY] = "leaving-two-way",
        [CUTOVER_ONE_WAY] = "leaving-one-way",
        [CUTOVER_EXTERNAL] = "leaving-external",
    };
    return phases[kind];
}

void
commit_write_intent(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql,
               "UPDATE teal.local_state SET epoch = %" PRIu64 ", writer = '%s', flip_id = '%" PRIu64
               "', phase = '%s', at = clock_timestamp()",
               c->flip.epoch, side_name(c->flip.from), c->flip.id, leaving_phase(c->flip.kind));
    history_put_leaving(c, sql);
    buf_printf(sql, " WHERE side = '%s' AND epoch <= %" PRIu64 " RETURNING 1",
               side_name(c->flip.from), c->flip.epoch);
}

enum cutover_event
commit_call_record(struct cutover *c)
{
    CHECK(c->journal.route.writes_held && !c->commit.done);
    struct err err;
    if (!journal_write(c, RECORD_COMMIT, &err)) {
        report_err(&c->report, &err);
        return CUT_EV_FAIL;
    }
    return CUT_EV_OK;
}

/* ---- by row ---- */

void
commit_write_row(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    CHECK(c->flip.id != 0 && !c->commit.done);
    buf_printf(
        sql,
        "UPDATE teal.local_state SET epoch = %" PRIu64
        ", writer = '%s', phase = 'open', at = clock_timestamp() WHERE side = '%s' AND epoch = "
        "%" PRIu64 " AND flip_id = '%" PRIu64 "' RETURNING 1",
        c->flip.epoch + 1, side_name(c->flip.to), side_name(c->flip.to), c->flip.epoch, c->flip.id);
}

void
commit_write_resolve(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql,
               "UPDATE teal.local_state SET flip_id = '0', phase = 'idle', at = clock_timestamp() "
               "WHERE side = '%s' AND epoch <= %" PRIu64 " RETURNING 1",
               side_name(c->flip.to), c->flip.epoch);
}

enum cutover_event
commit_judge_resolve(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)c;
    (void)at;
    return rows->rows == 1 ? CUT_EV_NO : CUT_EV_OK;
}

void
commit_write_resolve_look(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql, "SELECT epoch, writer FROM teal.local_state WHERE side = '%s'",
               side_name(c->flip.to));
}

enum cutover_event
commit_judge_resolve_look(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows->rows == 1 && rows_u64(rows, 0, 0) == c->flip.epoch + 1 &&
        strcmp(rows_text(rows, 0, 1), side_name(at.side)) == 0) {
        return CUT_EV_OK;
    }
    return report_fail(
        &c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
        "teal.local_state of %s says epoch %s, writer %s: neither before nor after this flip",
        side_name(at.side), rows_text(rows, 0, 0), rows_text(rows, 0, 1));
}

/* ---- by promotion ---- */

/* The function fails with 55000 where the promotion has already happened; promote-ask finds that
 * out. */
enum cutover_event
commit_judge_promote(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows_bool(rows, 0, 0)) {
        return CUT_EV_OK;
    }
    commit_promote_maybe(c);
    return report_fail(&c->report, SQLSTATE_INTERNAL, "%s did not take the request to promote",
                       side_name(at.side));
}

enum cutover_event
commit_judge_promoted(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)c;
    (void)at;
    return rows_bool(rows, 0, 0) ? CUT_EV_NO : CUT_EV_OK;
}

/* ---- after the commit ---- */

void
commit_write_open(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql,
               "UPDATE teal.local_state SET epoch = %" PRIu64 ", writer = '%s', flip_id = '%" PRIu64
               "', phase = 'open', at = clock_timestamp() WHERE side = '%s' AND epoch <= %" PRIu64
               " RETURNING 1",
               c->flip.epoch + 1, side_name(c->flip.to), c->flip.id, side_name(c->flip.to),
               c->flip.epoch + 1);
}

void
commit_write_following(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql,
               "UPDATE teal.local_state SET epoch = %" PRIu64
               ", writer = '%s', flip_id = '0', phase = "
               "'following', at = clock_timestamp() WHERE side = '%s'",
               c->flip.epoch + 1, side_name(c->flip.to), side_name(c->flip.from));
}

void
commit_write_settled(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql,
               "UPDATE teal.local_state SET flip_id = '0', phase = 'idle', at = clock_timestamp() "
               "WHERE side = '%s' AND epoch = %" PRIu64,
               side_name(c->flip.to), c->flip.epoch + 1);
}

/* ---- undo ---- */

void
commit_write_undone(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(
        sql,
        "UPDATE teal.local_state SET epoch = %" PRIu64
        ", writer = '%s', flip_id = '0', phase = 'idle', at = clock_timestamp() WHERE side = "
        "'%s' AND epoch <= %" PRIu64,
        c->flip.epoch, side_name(c->flip.from), side_name(c->flip.from), c->flip.epoch);
}

void
commit_write_disarm(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql,
               "UPDATE teal.local_state SET flip_id = '0', phase = 'idle', at = clock_timestamp() "
               "WHERE side = '%s' AND epoch <= %" PRIu64,
               side_name(c->flip.to), c->flip.epoch);
}
