/* catchup.c — the marker, the position in the WAL, the sequences. See catchup.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/catchup.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"
#include "cutover/flip/parts.h"
#include "cutover/flip/sql.h"

void
catchup_fini(struct cutover *c)
{
    for (uint32_t i = 0; i < c->catchup.count; i++) {
        buf_fini(&c->catchup.of[i].sequences);
    }
    mem_free(c->catchup.of);
}

void
catchup_clear(struct cutover *c)
{
    catchup_fini(c);
    c->catchup = (struct catchup){0};
}

/* The part of the database; room for all is made with the first. */
static struct catchup_database *
part_of(struct cutover *c, struct place at)
{
    struct catchup *k = &c->catchup;
    const uint32_t wanted = databases_count(c);
    if (k->count < wanted) {
        k->of = xrealloc(k->of, wanted * sizeof(*k->of));
        for (; k->count < wanted; k->count++) {
            k->of[k->count] = (struct catchup_database){0};
            buf_init(&k->of[k->count].sequences);
        }
    }
    CHECK(at.database < k->count);
    return &k->of[at.database];
}

static const struct catchup_database *
part_known(const struct cutover *c, struct place at)
{
    CHECK(at.database < c->catchup.count);
    return &c->catchup.of[at.database];
}

/* ---- the rehearsal ---- */

enum cutover_event
catchup_judge_mark(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows->rows != 1) {
        (void)report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                          "teal.marker of %s has no row of its own", side_name(at.side));
        return report_hint(&c->report, "run PREPARE");
    }
    part_of(c, at)->marker_seq = rows_u64(rows, 0, 0);
    return CUT_EV_OK;
}

void
catchup_write_rehearsal(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql,
               "UPDATE teal.marker SET seq = seq + 1, at = clock_timestamp() WHERE side = '%s' "
               "RETURNING seq",
               side_name(c->flip.from));
}

void
catchup_write_rehearsed(const struct cutover *c, struct place at, struct buf *sql)
{
    buf_printf(sql,
               "SELECT EXISTS (SELECT FROM teal.marker WHERE side = '%s' AND seq >= %" PRIu64 ")",
               side_name(c->flip.from), part_known(c, at)->marker_seq);
}

enum cutover_event
catchup_judge_rehearsed(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows_bool(rows, 0, 0)) {
        return CUT_EV_OK;
    }
    report_detail(&c->report, "the stream to %s has not brought a marker yet", side_name(at.side));
    return CUT_EV_AGAIN;
}

/* ---- the marker ---- */

bool
catchup_wants_mark(const struct cutover *c, struct place at)
{
    return flip_is_logical(c) || (flip_is_physical(c) && !databases_other(c, at));
}

bool
catchup_has_mark(const struct cutover *c, struct place at)
{
    return at.database < c->catchup.count && c->catchup.of[at.database].marker_seq > 0;
}

bool
catchup_wants_others(const struct cutover *c, struct place at)
{
    return flip_is_logical(c) && databases_other(c, at);
}

void
catchup_write_mark(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql,
               "UPDATE teal.marker SET epoch = %" PRIu64
               ", seq = seq + 1, at = clock_timestamp() WHERE side = '%s' RETURNING seq",
               c->flip.epoch + 1, side_name(c->flip.from));
}

enum cutover_event
catchup_judge_flush_lsn(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)at;
    (void)snprintf(c->catchup.lsn, sizeof(c->catchup.lsn), "%s", rows_text(rows, 0, 0));
    return CUT_EV_OK;
}

void
catchup_write_arrived(const struct cutover *c, struct place at, struct buf *sql)
{
    buf_printf(sql,
               "SELECT EXISTS (SELECT FROM teal.marker WHERE side = '%s' AND epoch = %" PRIu64
               " AND seq >= %" PRIu64 ")",
               side_name(c->flip.from), c->flip.epoch + 1, part_known(c, at)->marker_seq);
    if (flip_is_physical(c)) {
        buf_printf(sql, ", coalesce(pg_last_wal_replay_lsn() >= ");
        put_literal(sql, c->catchup.lsn);
        buf_printf(sql, ", false), pg_last_wal_replay_lsn()");
    } else {
        buf_printf(sql, ", true, NULL");
    }
}

enum cutover_event
catchup_judge_arrived(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    const char *from = side_name(c->flip.from);
    if (rows_bool(rows, 0, 0) && rows_bool(rows, 0, 1)) {
        report_detail(&c->report, "%s has all of %s", side_name(at.side), from);
        return CUT_EV_OK;
    }
    report_detail(&c->report, "%s does not have the marker of %s yet%s%s", side_name(at.side), from,
                  flip_is_physical(c) ? "; it is at " : "", rows_text(rows, 0, 2));
    return CUT_EV_AGAIN;
}

/* ---- sequences ---- */

#define UNKNOWN_STATEMENT "26000" /* invalid_sql_statement_name */

void
catchup_write_sequences(const struct cutover *c, struct place at, struct buf *sql)
{
    const bool plain = at.database < c->catchup.count && part_known(c, at)->plain;
    buf_printf(sql, "%s", plain ? CATCHUP_SQL_SEQUENCES : "EXECUTE teal_sequences");
}

enum cutover_event
catchup_judge_sequences(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    struct catchup_database *part = part_of(c, at);
    if (!rows->ok && strcmp(rows->err.sqlstate, UNKNOWN_STATEMENT) == 0 && !part->plain) {
        part->plain = true;
        return CUT_EV_AGAIN;
    }
    if (!rows->ok) {
        return report_rows(&c->report, rows);
    }
    part->sequences_count = rows_u64(rows, 0, 0);
    buf_clear(&part->sequences);
    buf_put_text(&part->sequences, rows_text(rows, 0, 1));
    return CUT_EV_OK;
}

bool
catchup_has_sequences(const struct cutover *c, struct place at)
{
    return part_known(c, at)->sequences_count > 0;
}

/* Never backwards, seen in the sequence's own direction: what the target has itself given out stays
 * given out. The catalog and a function instead of the view pg_sequences, whose joins take three
 * times as long to plan, in each database. */
void
catchup_write_set(const struct cutover *c, struct place at, struct buf *sql)
{
    const struct slice values = buf_slice(&part_known(c, at)->sequences);
    buf_printf(sql,
               "SELECT count(setval(v.r, CASE WHEN q.seqincrement > 0 THEN greatest(v.l, "
               "pg_sequence_last_value(v.r)) ELSE least(v.l, pg_sequence_last_value(v.r)) "
               "END)) FROM (SELECT format('%%I.%%I', s, n)::regclass, l::bigint FROM (VALUES ");
    buf_put(sql, values.p, values.len);
    buf_printf(sql, ") AS x(s, n, l)) AS v(r, l) JOIN pg_sequence q ON q.seqrelid = v.r");
}

enum cutover_event
catchup_judge_set(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    const uint64_t set = rows_u64(rows, 0, 0);
    const uint64_t wanted = part_known(c, at)->sequences_count;
    if (set != wanted) {
        return report_fail(&c->report, SQLSTATE_INTERNAL,
                           "%" PRIu64 " of %" PRIu64 " sequences were set on %s", set, wanted,
                           side_name(at.side));
    }
    c->catchup.sequences_set += set;
    return CUT_EV_OK;
}

enum cutover_event
catchup_sequences_are_set(struct cutover *c)
{
    const uint64_t set = c->catchup.sequences_set;
    if (set == 0) {
        report_detail(&c->report, "none to set");
    } else {
        report_detail(&c->report, "%" PRIu64 " set", set);
    }
    return CUT_EV_OK;
}
