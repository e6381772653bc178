/* look.c — asks the sides who they are, and keeps the answers. See look.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/look.h"

#include <stdio.h>
#include <string.h>

#include "cutover/flip/parts.h"
#include "cutover/flip/roles.h"
#include "cutover/flip/sql.h"

/* ---- whom to ask ---- */

static void
begin(struct cutover *c, bool one, enum side side)
{
    c->looks = (struct looks){.one = one, .one_side = side};
    databases_forget(c);
}

void
look_at_both(struct cutover *c)
{
    begin(c, false, SIDE_BLUE);
}

void
look_at(struct cutover *c, enum side side)
{
    begin(c, true, side);
}

static bool
wants(const struct cutover *c, enum side side)
{
    return !c->looks.one || c->looks.one_side == side;
}

bool
look_wants_blue(const struct cutover *c)
{
    return wants(c, SIDE_BLUE);
}

bool
look_wants_green(const struct cutover *c)
{
    return wants(c, SIDE_GREEN);
}

/* ---- the side ---- */

/* The side has not answered, and why. */
static void
no_answer(struct look *l, const struct cutover_rows *rows)
{
    l->answered = false;
    if (rows->ok) {
        (void)err_set(&l->err, SQLSTATE_PROTOCOL, "it answered with %d rows instead of one",
                      rows->rows);
    } else if (err_is_set(&rows->err)) {
        l->err = rows->err;
    } else {
        (void)err_set(&l->err, SQLSTATE_INTERNAL, "a statement failed without saying why");
    }
}

/* The home database receives by a subscription that is named for its side. */
static bool
receives_for(const char *subscriptions, enum side side)
{
    char name[LOOK_VALUE_SIZE];
    (void)snprintf(name, sizeof(name), TEAL_STREAM_PREFIX "%s", side_name(side));
    return names_have(subscriptions, name);
}

enum cutover_event
look_judge(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    struct look *l = &c->looks.of[at.side];
    if (!rows->ok || rows->rows != 1) {
        no_answer(l, rows);
        return CUT_EV_OK;
    }
    l->answered = true;
    l->version_num = (int)rows_u64(rows, 0, 0);
    l->in_recovery = rows_bool(rows, 0, 1);
    l->prepared = rows_bool(rows, 0, 2);
    l->fenced = rows_bool(rows, 0, 3);
    (void)snprintf(l->wal_level, sizeof(l->wal_level), "%s", rows_text(rows, 0, 4));
    l->is_other_side = receives_for(rows_text(rows, 0, 5), side_other(at.side));
    return CUT_EV_OK;
}

/* ---- its row ---- */

static bool
has_row(const struct cutover *c, enum side side)
{
    return c->looks.of[side].answered && c->looks.of[side].prepared;
}

bool
look_has_row_blue(const struct cutover *c)
{
    return has_row(c, SIDE_BLUE);
}

bool
look_has_row_green(const struct cutover *c)
{
    return has_row(c, SIDE_GREEN);
}

enum cutover_event
look_judge_row(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    struct look *l = &c->looks.of[at.side];
    if (!rows->ok) {
        no_answer(l, rows);
        return CUT_EV_OK;
    }
    if (rows->rows != 1) {
        return CUT_EV_OK;
    }
    l->epoch = rows_u64(rows, 0, 0);
    l->writer_known = side_parse(rows_text(rows, 0, 1), &l->writer);
    l->flip_id = rows_u64(rows, 0, 2);
    (void)snprintf(l->phase, sizeof(l->phase), "%s", rows_text(rows, 0, 3));
    l->fenced = l->fenced || rows_bool(rows, 0, 4);
    l->keeps_timeline = rows_bool(rows, 0, 5);
    l->timeline_kept = rows_u64(rows, 0, 6);
    l->timeline = rows_u64(rows, 0, 7);
    return CUT_EV_OK;
}

/* ---- its databases ---- */

bool
look_has_blue(const struct cutover *c)
{
    return c->looks.of[SIDE_BLUE].answered;
}

bool
look_has_green(const struct cutover *c)
{
    return c->looks.of[SIDE_GREEN].answered;
}

/* A side that cannot say which databases it has is as good as one that does not answer: nobody
 * would know what a flip is about. */
enum cutover_event
look_judge_databases(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (!rows->ok) {
        no_answer(&c->looks.of[at.side], rows);
    } else if (c->config.databases_all && rows->rows > DATABASES_MAX) {
        c->looks.of[at.side].answered = false;
        (void)err_set(&c->looks.of[at.side].err, SQLSTATE_OBJECT_NOT_IN_STATE,
                      "it has %d databases, more than %d", rows->rows, DATABASES_MAX);
    } else {
        databases_see(c, at.side, rows);
    }
    return CUT_EV_OK;
}

enum cutover_event
look_judge_version(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    c->looks.of[at.side].version_num = (int)rows_u64(rows, 0, 0);
    return CUT_EV_OK;
}

/* ---- what follows ---- */

enum cutover_event
look_no_answer(struct cutover *c, enum side side)
{
    const struct look *l = &c->looks.of[side];
    CHECK(!l->answered);
    return report_fail(&c->report, SQLSTATE_CONNECTION_FAILURE, "%s (%s) does not answer: %.300s",
                       side_name(side), c->config.address[side], l->err.text);
}

static enum cutover_kind
kind_of_versions(const struct cutover *c)
{
    return cutover_kind_of_versions(c->looks.of[SIDE_BLUE].version_num,
                                    c->looks.of[SIDE_GREEN].version_num);
}

enum cutover_kind
look_kind(const struct cutover *c, enum side to)
{
    if (c->config.external) {
        return CUTOVER_EXTERNAL;
    }
    return c->looks.of[to].in_recovery ? CUTOVER_PHYSICAL : kind_of_versions(c);
}

bool
look_both_16(const struct cutover *c)
{
    return kind_of_versions(c) == CUTOVER_TWO_WAY;
}
