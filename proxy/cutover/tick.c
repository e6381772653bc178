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
    /* An undone flip whose last statements were lost may leave the fence behind; within this time
     * it is ours. */
    WATCH_US = 300 * 1000 * 1000,
};

struct tick {
    uint64_t undone_at_us; /* when the last undo ended; 0 never */
    bool keep_pending;     /* the slot is being advanced */
    bool relaxed;          /* no strict fence is left on the follower that is not wanted */
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

/* Asks, and frees the statement. */
static void
ask(struct cutover *c, enum side side, struct buf *sql, call_rows_fn *on_rows)
{
    buf_put_u8(sql, '\0');
    const struct call call = {.arg = c, .side = side, .on_rows = on_rows};
    calls_sql(&c->calls, &call, (const char *)buf_slice(sql).p, STATEMENT_US, false);
    buf_fini(sql);
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
    c->tick->keep_pending = false;
    if (!rows->ok) {
        /* A hint: the side may be down, and the monitor says so. */
        log_debug(NULL, "the idle slot was not advanced", "side=%s error=\"%s\"",
                  side_name(call->side), rows->err.text);
    }
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
 * late, behind a flip: then the slot belongs to what the clients write there, and the side's own
 * row says so. */
static void
keep_slot(struct cutover *c)
{
    if (!has_idle_slot(c) || c->tick->keep_pending) {
        return;
    }
    const enum side follower = side_other(writer_of(c));
    struct buf sql;
    buf_init(&sql);
    buf_printf(&sql,
               "/* teal tick-keep */ SELECT pg_replication_slot_advance(slot_name, "
               "pg_current_wal_flush_lsn()) FROM pg_replication_slots WHERE slot_name = "
               "'" TEAL_STREAM_PREFIX "%s' AND database = current_database() AND NOT active "
               "AND NOT EXISTS (SELECT FROM teal.local_state WHERE side = '%s' AND writer = side)",
               side_name(writer_of(c)), side_name(follower));
    c->tick->keep_pending = true;
    ask(c, follower, &sql, on_kept);
}

/* ---- the fence of an undone flip ---- */

static void
on_fence(const struct call *call, const struct cutover_rows *rows)
{
    struct cutover *c = call->arg;
    if (!rows->ok || !is_of_now(c, call->side) || !rows_bool(rows, 0, 0)) {
        return;
    }
    log_warn(NULL, "the writer is still fenced or marked after an undone flip: undoing it again",
             "side=%s", side_name(call->side));
    flip_begin(c, side_other(call->side));
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

/* ---- a strict fence that is not wanted any more ---- */

/* A server that refuses has nothing to relax, or never will: a standby. */
static void
on_relaxed(const struct call *call, const struct cutover_rows *rows)
{
    struct cutover *c = call->arg;
    c->tick->relaxed = rows->ok || !rows->unknown;
    if (!rows->ok) {
        log_debug(NULL, "the strict fence was not relaxed", "side=%s error=\"%s\"",
                  side_name(call->side), rows->err.text);
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
    if (is_of_now(c, call->side)) {
        stream_set_way_back(c, !rows->ok                  ? CUTOVER_WAY_BACK_UNKNOWN
                               : rows_u64(rows, 0, 0) > 0 ? CUTOVER_WAY_BACK_OPEN
                                                          : CUTOVER_WAY_BACK_MISSING);
    }
}

/* The follower receives what the writer writes: then a flip to it loses nothing. */
static void
look_for_way_back(struct cutover *c)
{
    struct buf sql;
    buf_init(&sql);
    buf_printf(&sql,
               "/* teal tick-way-back */ SELECT count(*) FROM pg_replication_slots WHERE slot_name "
               "= '" TEAL_STREAM_PREFIX "%s' AND database = current_database() AND active",
               side_name(side_other(writer_of(c))));
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
    if (c->journal.record.phase == RECORD_AFTER || c->journal.record.phase == RECORD_UNDONE) {
        resume_flip(c);
        return;
    }
    keep_slot(c);
    watch_fence(c);
    relax_follower(c);
    look_for_way_back(c);
}
