/* look.c — asks both sides who they are: version, role, fence, and the row that each keeps of
 * itself.
 *
 * A side that does not answer is a fact like any other. The row is asked for in a second statement,
 * because the table may not exist. */
/* SPDX-License-Identifier: PostgreSQL */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cutover/cutover_internal.h"
#include "cutover/flip/objects.h"

static void
put_look(struct buf *sql, enum side side)
{
    buf_printf(
        sql,
        "SELECT current_setting('server_version_num'), pg_is_in_recovery(), "
        "to_regclass('teal.local_state') IS NOT NULL AND to_regclass('teal.marker') IS NOT NULL, "
        "(SELECT reset_val = 'on' FROM pg_settings WHERE name = "
        "'default_transaction_read_only'), "
        "(SELECT datconnlimit FROM pg_database WHERE datname = current_database()), "
        "(SELECT system_identifier FROM pg_control_system()), current_setting('wal_level'), "
        "coalesce(bool_or(s.subname IS NOT NULL), false), coalesce(bool_or(s.subenabled), false) "
        "FROM (SELECT) one LEFT JOIN (pg_subscription s JOIN pg_database d ON d.oid = s.subdbid "
        "AND d.datname = current_database()) ON s.subname = '" TEAL_STREAM_PREFIX "%s'",
        side_name(side));
}

static void
write_look_blue(struct cutover *c, struct buf *sql)
{
    (void)c;
    put_look(sql, SIDE_BLUE);
}

static void
write_look_green(struct cutover *c, struct buf *sql)
{
    (void)c;
    put_look(sql, SIDE_GREEN);
}

static enum cutover_event
judge_look(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    struct look *l = &c->look[side];
    if (!rows->ok || rows->rows != 1) {
        (void)rows_event(c, rows);
        return CUT_EV_OK;
    }
    l->answered = true;
    l->version_num = (int)rows_u64(rows, 0, 0);
    l->in_recovery = rows_bool(rows, 0, 1);
    l->prepared = rows_bool(rows, 0, 2);
    l->fenced = rows_bool(rows, 0, 3);
    l->connection_limit = strcmp(rows_text(rows, 0, 4), "0") == 0 ? 0 : -1;
    (void)snprintf(l->system_id, sizeof(l->system_id), "%s", rows_text(rows, 0, 5));
    (void)snprintf(l->wal_level, sizeof(l->wal_level), "%s", rows_text(rows, 0, 6));
    l->stream_exists = rows_bool(rows, 0, 7);
    l->stream_enabled = rows_bool(rows, 0, 8);
    return CUT_EV_OK;
}

static bool
blue_wanted(const struct cutover *c)
{
    return !c->look_one || c->look_side == SIDE_BLUE;
}

static bool
green_wanted(const struct cutover *c)
{
    return !c->look_one || c->look_side == SIDE_GREEN;
}

static bool
blue_prepared(const struct cutover *c)
{
    return c->look[SIDE_BLUE].answered && c->look[SIDE_BLUE].prepared;
}

static bool
green_prepared(const struct cutover *c)
{
    return c->look[SIDE_GREEN].answered && c->look[SIDE_GREEN].prepared;
}

static void
write_row_blue(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql,
               "SELECT epoch, writer, flip_id, phase FROM teal.local_state WHERE side = 'blue'");
}

static void
write_row_green(struct cutover *c, struct buf *sql)
{
    (void)c;
    buf_printf(sql,
               "SELECT epoch, writer, flip_id, phase FROM teal.local_state WHERE side = 'green'");
}

static enum cutover_event
judge_row(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    struct look *l = &c->look[side];
    if (!rows->ok) {
        (void)rows_event(c, rows);
        l->answered = false;
        return CUT_EV_OK;
    }
    if (rows->rows != 1) {
        return CUT_EV_OK;
    }
    l->epoch = rows_u64(rows, 0, 0);
    l->writer_known = side_parse(rows_text(rows, 0, 1), &l->writer);
    l->flip_id = rows_u64(rows, 0, 2);
    (void)snprintf(l->phase, sizeof(l->phase), "%s", rows_text(rows, 0, 3));
    return CUT_EV_OK;
}

/* clang-format off */
static const struct line lines[] = {
    {"look-blue", LINE_BLUE, LINE_TOGETHER | LINE_JUDGE_ALL, blue_wanted, write_look_blue, judge_look, NULL},
    {"look-green", LINE_GREEN, LINE_JUDGE_ALL, green_wanted, write_look_green, judge_look, NULL},
    {"look-row-blue", LINE_BLUE, LINE_TOGETHER | LINE_JUDGE_ALL, blue_prepared, write_row_blue, judge_row, NULL},
    {"look-row-green", LINE_GREEN, LINE_JUDGE_ALL, green_prepared, write_row_green, judge_row, NULL},
};
/* clang-format on */

struct lines
look_lines(void)
{
    return (struct lines){lines, COUNT_OF(lines)};
}

void
look_clear(struct cutover *c)
{
    memset(c->look, 0, sizeof(c->look));
}

enum cutover_event
look_then(struct cutover *c, enum cutover_event (*then)(struct cutover *c))
{
    look_clear(c);
    c->look_one = false;
    c->script_then = then;
    return script_start(c, lines, COUNT_OF(lines), POLL_SLOW_US);
}

enum cutover_kind
look_kind(const struct cutover *c, enum side to)
{
    if (c->look[to].in_recovery) {
        return CUTOVER_PHYSICAL;
    }
    const int a = c->look[SIDE_BLUE].version_num;
    const int b = c->look[SIDE_GREEN].version_num;
    return a >= 160000 && b >= 160000 ? CUTOVER_TWO_WAY : CUTOVER_ONE_WAY;
}
