/* tick.c — the work of an idle cutover. See tick.h.
 *
 * Its statements run outside of any script: their answers come whatever state the machine is in by
 * then, and each looks whether it still means anything. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/tick.h"

#include "base/log.h"
#include "base/mem.h"
#include "cutover/flip/begin.h"
#include "cutover/flip/fence_database.h"
#include "cutover/flip/parts.h"
#include "cutover/flip/roles.h"
#include "cutover/flip/sql.h"

enum {
    STATEMENT_US = 2000 * 1000,
    /* Of the other databases so many a tick, those first that are furthest behind, and none that is
     * near: each needs a connection of its own, and hundreds of them are not to stand for this. */
    BEHIND_MAX = 4,
    BEHIND_BYTES = 16 * 1024 * 1024,
    /* An undone flip whose last statements were lost may leave the fence behind; within this time
     * it is ours. */
    WATCH_US = 300 * 1000 * 1000,
};

struct tick {
    uint64_t undone_at_us; /* when the last undo ended; 0 never */
    uint32_t keep_pending; /* statements about idle slots that are under way */
    bool relaxed;          /* no strict fence is left on the follower that is not wanted */
    bool guard_pending;    /* the follower's guard is being put on again */
};

struct tick *
tick_new(void)
{
    return xcalloc(1, sizeof(struct tick));
}

void
tick_free(struct tick *t)
{
    mem_free(t);
}

void
tick_undone(struct cutover *c)
{
    c->tick->undone_at_us = machine_now(&c->machine);
}

static void
ask_in(struct cutover *c, struct place at, struct buf *sql, call_rows_fn *on_rows)
{
    buf_put_u8(sql, '\0');
    const struct call call = {.arg = c, .at = at, .on_rows = on_rows};
    calls_sql(&c->calls, &call, databases_name(c, at.database), (const char *)buf_slice(sql).p,
              STATEMENT_US, false);
    buf_fini(sql);
}

/* Asks in the home database, and frees the statement. */
static void
ask(struct cutover *c, enum side side, struct buf *sql, call_rows_fn *on_rows)
{
    ask_in(c, (struct place){.side = side, .database = DATABASE_HOME}, sql, on_rows);
}

static enum side
writer_of(const struct cutover *c)
{
    return c->journal.route.writer;
}

/* The answer came while nothing else had begun, and from the side that is the writer still. */
static bool
is_of_now(const struct cutover *c, enum side side)
{
    return c->machine.state == CUT_IDLE && side == writer_of(c);
}

/* ---- the slot of the direction that is off ---- */

static void
on_kept(const struct call *call, const struct cutover_rows *rows)
{
    struct cutover *c = call->arg;
    CHECK(c->tick->keep_pending > 0);
    c->tick->keep_pending--;
    if (!rows->ok) {
        /* A hint: the side may be down, and the monitor says so. */
        log_debug(NULL, "the idle slot was not advanced", "side=%s error=\"%s\"",
                  side_name(call->at.side), rows->err.text);
    }
}

static void
keep_slot_in(struct cutover *c, struct place at)
{
    struct buf sql;
    buf_init(&sql);
    buf_printf(&sql, "/* teal tick-keep */ ");
    put_advance_slot(&sql, databases_stream(c, at.database, side_other(at.side)), at.side,
                     c->journal.route.epoch);
    c->tick->keep_pending++;
    ask_in(c, at, &sql, on_kept);
}

/* The databases, home excepted, whose idle slots are far behind. */
static void
on_behind(const struct call *call, const struct cutover_rows *rows)
{
    struct cutover *c = call->arg;
    on_kept(call, rows);
    if (!rows->ok || !is_of_now(c, side_other(call->at.side))) {
        return;
    }
    for (int row = 0; row < rows->rows; row++) {
        struct place at = {.side = call->at.side};
        if (databases_find(c, rows_text(rows, row, 0), &at.database)) {
            keep_slot_in(c, at);
        }
    }
}

static void
look_for_behind(struct cutover *c, enum side follower)
{
    struct buf sql;
    buf_init(&sql);
    buf_printf(
        &sql, "/* teal tick-behind */ SELECT database FROM pg_replication_slots WHERE slot_name IN "
              "(");
    put_stream_names(&sql, c, side_other(follower));
    buf_printf(&sql,
               ") AND database <> current_database() AND NOT active AND wal_status IN ('reserved', "
               "'extended') AND pg_current_wal_flush_lsn() - confirmed_flush_lsn > %d ORDER BY "
               "confirmed_flush_lsn LIMIT %d",
               BEHIND_BYTES, BEHIND_MAX);
    c->tick->keep_pending++;
    ask(c, follower, &sql, on_behind);
}

static bool
has_idle_slot(const struct cutover *c)
{
    struct cutover_facts writer = {0};
    struct cutover_facts follower = {0};
    c->ops.facts(c->ops.ctx, side_other(writer_of(c)), &follower);
    c->ops.facts(c->ops.ctx, writer_of(c), &writer);
    return follower.up && !follower.in_recovery && follower.version_num != 0 &&
           writer.version_num != 0 &&
           cutover_kind_of_versions(follower.version_num, writer.version_num) == CUTOVER_ONE_WAY;
}

/* It would keep WAL for ever: it follows the tip while nothing is under way. The statement may run
 * late, behind a flip: then the slot belongs to what the clients write there, and the side's
 * marker says so. */
static void
keep_slot(struct cutover *c)
{
    if (!has_idle_slot(c) || c->tick->keep_pending > 0) {
        return;
    }
    const enum side follower = side_other(writer_of(c));
    keep_slot_in(c, (struct place){.side = follower, .database = DATABASE_HOME});
    if (databases_count(c) > 1) {
        look_for_behind(c, follower);
    }
}

/* ---- the fence of an undone flip ---- */

static void
on_fence(const struct call *call, const struct cutover_rows *rows)
{
    struct cutover *c = call->arg;
    if (!rows->ok || !is_of_now(c, call->at.side) || !rows_bool(rows, 0, 0)) {
        return;
    }
    log_warn(NULL, "the writer is still fenced or marked after an undone flip: undoing it again",
             "side=%s", side_name(call->at.side));
    flip_begin(c, side_other(call->at.side));
    flip_set_kind(c, c->journal.record.kind);
    fence_touch(c);
    journal_flip(c);
    machine_clear(&c->machine);
    machine_fire(&c->machine, CUT_EV_UNDO);
}

/* A statement of an undone flip may have run late, in a backend that had lost its connection: the
 * fence is then up, or stands in the file and would be up after the next reload, or the writer's
 * row says that it is being left. */
static void
watch_fence(struct cutover *c)
{
    const uint64_t undone_at = c->tick->undone_at_us;
    if (undone_at == 0 || machine_now(&c->machine) - undone_at > WATCH_US) {
        return;
    }
    struct buf sql;
    buf_init(&sql);
    /* The file is for superusers to see. */
    const bool file = c->rights.of[writer_of(c)].superuser;
    buf_printf(&sql,
               "/* teal tick-fence */ SELECT " FENCE_SYSTEM_DEFAULT
               " = 'on' OR " FENCE_SQL_DATABASE_ON "%s OR EXISTS (SELECT FROM teal.local_state t "
               "WHERE side = '%s' AND (phase LIKE 'leaving%%' OR " FENCE_SQL_KEPT "))",
               file ? " OR EXISTS (SELECT FROM pg_file_settings WHERE name = "
                      "'default_transaction_read_only' AND setting = 'on')"
                    : "",
               side_name(writer_of(c)));
    ask(c, writer_of(c), &sql, on_fence);
}

/* ---- the guard of a follower ---- */

static void
on_guard_reloaded(const struct call *call, const struct cutover_rows *rows)
{
    struct cutover *c = call->arg;
    (void)rows; /* the monitor sees what came of it */
    c->tick->guard_pending = false;
}

static void
on_guard_set(const struct call *call, const struct cutover_rows *rows)
{
    struct cutover *c = call->arg;
    if (!rows->ok || c->machine.state != CUT_IDLE || call->at.side == writer_of(c)) {
        c->tick->guard_pending = false;
        return;
    }
    struct buf sql;
    buf_init(&sql);
    buf_printf(&sql, "/* teal tick-guard-reload */ " SQL_RELOAD);
    ask(c, call->at.side, &sql, on_guard_reloaded);
}

/* ALTER SYSTEM stands in the files of one server. When the side of the follower fails over, its new
 * primary takes writes of others: the guard is put on again. One by ALTER DATABASE goes along. */
static void
guard_follower(struct cutover *c)
{
    const enum side side = side_other(writer_of(c));
    struct cutover_facts facts = {0};
    c->ops.facts(c->ops.ctx, side, &facts);
    if (!facts.up || !facts.is_unguarded || c->tick->guard_pending) {
        return;
    }
    log_warn(NULL, "the follower takes writes of others: its guard is put on again", "side=%s",
             side_name(side));
    struct buf sql;
    buf_init(&sql);
    buf_printf(&sql, "/* teal tick-guard-set */ " SQL_GUARD_ON);
    c->tick->guard_pending = true;
    ask(c, side, &sql, on_guard_set);
}

/* ---- a strict fence that is not wanted any more ---- */

/* A server that refuses has nothing to relax, or never will: a standby. */
static void
on_relaxed(const struct call *call, const struct cutover_rows *rows)
{
    struct cutover *c = call->arg;
    c->tick->relaxed = rows->ok || !rows->unknown;
    if (!rows->ok) {
        log_debug(NULL, "the strict fence was not relaxed", "side=%s error=\"%s\"",
                  side_name(call->at.side), rows->err.text);
    }
}

/* With fence = strict the follower takes no application. When the configuration says so no more,
 * it is to serve reads again. */
static void
relax_follower(struct cutover *c)
{
    struct cutover_facts follower = {0};
    const enum side side = side_other(writer_of(c));
    c->ops.facts(c->ops.ctx, side, &follower);
    if (c->tick->relaxed || c->config.fence == FENCE_STRICT || !follower.up ||
        follower.in_recovery) {
        return;
    }
    struct buf sql;
    buf_init(&sql);
    buf_printf(&sql, "/* teal tick-relax */ ");
    put_relax(c, side, &sql);
    c->tick->relaxed = true;
    ask(c, side, &sql, on_relaxed);
}

void
tick_reconfigured(struct cutover *c)
{
    c->tick->relaxed = false;
}

/* ---- the way back ---- */

static void
on_way_back(const struct call *call, const struct cutover_rows *rows)
{
    struct cutover *c = call->arg;
    if (is_of_now(c, call->at.side)) {
        stream_set_way_back(c, !rows->ok                  ? CUTOVER_WAY_BACK_UNKNOWN
                               : rows_u64(rows, 0, 0) > 0 ? CUTOVER_WAY_BACK_OPEN
                                                          : CUTOVER_WAY_BACK_MISSING);
    }
}

/* The follower receives what the writer writes, in every database that has a stream: then a flip to
 * it loses nothing. One that has none yet is found by the checks. */
static void
look_for_way_back(struct cutover *c)
{
    struct buf sql;
    buf_init(&sql);
    buf_printf(&sql,
               "/* teal tick-way-back */ SELECT count(*) FROM pg_replication_slots WHERE slot_name "
               "= '" TEAL_STREAM_PREFIX "%s' AND active AND NOT EXISTS (SELECT FROM "
               "pg_replication_slots WHERE slot_name IN (",
               side_name(side_other(writer_of(c))));
    put_stream_names(&sql, c, side_other(writer_of(c)));
    buf_printf(&sql, ") AND NOT active)");
    ask(c, writer_of(c), &sql, on_way_back);
}

/* ---- what a flip has left ---- */

/* The flip that the record has not ended. A command since then, CHECK for one, has put its own in
 * its place. */
static void
resume_flip(struct cutover *c)
{
    const struct record r = c->journal.record;
    const bool after = r.phase == RECORD_AFTER;
    if (c->flip.id != r.flip_id) {
        flip_begin_again(c, &r, after ? r.epoch - 1 : r.epoch);
        if (after) {
            commit_done(c);
            stream_clear_after(c);
        }
    }
    effort_last(c);
    machine_fire(&c->machine, after ? CUT_EV_AFTER : CUT_EV_UNDO_AFTER);
}

void
tick_run(struct cutover *c)
{
    CHECK(c->machine.state == CUT_IDLE && c->journal.route.writes_known);
    if (ha_is_due(c)) {
        ha_set_ending(c, NULL);
        machine_clear(&c->machine);
        machine_fire(&c->machine, CUT_EV_RESUME_HA);
        return;
    }
    if (c->journal.record.phase == RECORD_AFTER || c->journal.record.phase == RECORD_UNDONE) {
        resume_flip(c);
        return;
    }
    watch_fence(c);
    if (!c->config.external) {
        keep_slot(c);
        guard_follower(c);
        relax_follower(c);
        look_for_way_back(c);
    }
}
