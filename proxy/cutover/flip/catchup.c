/* catchup.c — the marker, the position in the WAL, the sequences. See catchup.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/catchup.h"

#include <inttypes.h>
#include <stdio.h>

#include "cutover/flip/parts.h"
#include "cutover/flip/sql.h"

void
catchup_init(struct cutover *c)
{
    buf_init(&c->catchup.sequences);
}

void
catchup_fini(struct cutover *c)
{
    buf_fini(&c->catchup.sequences);
}

void
catchup_clear(struct cutover *c)
{
    catchup_fini(c);
    c->catchup = (struct catchup){0};
    catchup_init(c);
}

/* ---- the marker ---- */

void
catchup_write_mark(const struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "UPDATE teal.marker SET epoch = %" PRIu64
               ", seq = seq + 1, at = clock_timestamp() WHERE side = '%s' RETURNING seq",
               c->flip.epoch + 1, side_name(c->flip.from));
}

enum cutover_event
catchup_judge_mark(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (rows->rows != 1) {
        (void)report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                          "teal.marker of %s has no row of its own", side_name(side));
        return report_hint(&c->report, "run PREPARE");
    }
    c->catchup.marker_seq = rows_u64(rows, 0, 0);
    return CUT_EV_OK;
}

enum cutover_event
catchup_judge_flush_lsn(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)side;
    (void)snprintf(c->catchup.lsn, sizeof(c->catchup.lsn), "%s", rows_text(rows, 0, 0));
    return CUT_EV_OK;
}

void
catchup_write_arrived(const struct cutover *c, struct buf *sql)
{
    buf_printf(sql,
               "SELECT EXISTS (SELECT FROM teal.marker WHERE side = '%s' AND epoch = %" PRIu64
               " AND seq >= %" PRIu64 ")",
               side_name(c->flip.from), c->flip.epoch + 1, c->catchup.marker_seq);
    if (flip_is_physical(c)) {
        buf_printf(sql, ", coalesce(pg_last_wal_replay_lsn() >= ");
        put_literal(sql, c->catchup.lsn);
        buf_printf(sql, ", false), pg_last_wal_replay_lsn()");
    } else {
        buf_printf(sql, ", true, NULL");
    }
}

enum cutover_event
catchup_judge_arrived(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    const char *from = side_name(c->flip.from);
    if (rows_bool(rows, 0, 0) && rows_bool(rows, 0, 1)) {
        report_detail(&c->report, "%s has all of %s", side_name(side), from);
        return CUT_EV_OK;
    }
    report_detail(&c->report, "%s does not have the marker of %s yet%s%s", side_name(side), from,
                  flip_is_physical(c) ? "; it is at " : "", rows_text(rows, 0, 2));
    return CUT_EV_AGAIN;
}

/* ---- sequences ---- */

enum cutover_event
catchup_judge_sequences(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)side;
    c->catchup.sequences_count = rows_u64(rows, 0, 0);
    buf_clear(&c->catchup.sequences);
    buf_printf(&c->catchup.sequences, "%s", rows_text(rows, 0, 1));
    report_detail(&c->report, "none to set");
    return CUT_EV_OK;
}

bool
catchup_has_sequences(const struct cutover *c)
{
    return c->catchup.sequences_count > 0;
}

/* Never backwards, seen in the sequence's own direction: what the target has itself given out stays
 * given out. */
void
catchup_write_set(const struct cutover *c, struct buf *sql)
{
    const struct slice values = buf_slice(&c->catchup.sequences);
    buf_printf(sql, "SELECT count(setval(format('%%I.%%I', v.s, v.n)::regclass, CASE WHEN "
                    "coalesce(q.increment_by, 1) > 0 THEN greatest(v.l::bigint, q.last_value) ELSE "
                    "least(v.l::bigint, q.last_value) END)) FROM (VALUES ");
    buf_put(sql, values.p, values.len);
    buf_printf(sql, ") AS v(s, n, l) LEFT JOIN pg_sequences q ON q.schemaname = v.s AND "
                    "q.sequencename = v.n");
}

enum cutover_event
catchup_judge_set(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    const uint64_t set = rows_u64(rows, 0, 0);
    if (set != c->catchup.sequences_count) {
        return report_fail(&c->report, SQLSTATE_INTERNAL,
                           "%" PRIu64 " of %" PRIu64 " sequences were set on %s", set,
                           c->catchup.sequences_count, side_name(side));
    }
    report_detail(&c->report, "%" PRIu64 " set", set);
    return CUT_EV_OK;
}
