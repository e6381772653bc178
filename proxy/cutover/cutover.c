/* cutover.c — the public verbs of the machine, and the small acts that all its parts share.
 *
 * The data and its life are here; what happens when is in machine.c. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/cutover.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cutover/cutover_internal.h"
#include "cutover/objects.h"

/* An undone flip whose last statements were lost may leave the fence behind; within this time it is
 * ours. */
enum { HEAL_WITHIN_S = 300 };

static const char *const result_names[] = {
    [CUTOVER_OK] = "ok",     [CUTOVER_WARN] = "warn", [CUTOVER_FAIL] = "fail",
    [CUTOVER_SKIP] = "skip", [CUTOVER_INFO] = "info", [CUTOVER_SUMMARY] = "info",
};

static const char *const job_names[] = {
    [CUTOVER_JOB_NONE] = "none", [CUTOVER_JOB_CHECK] = "check",   [CUTOVER_JOB_PREPARE] = "prepare",
    [CUTOVER_JOB_FLIP] = "flip", [CUTOVER_JOB_FINISH] = "finish",
};

const char *
cutover_result_name(enum cutover_result result)
{
    CHECK((unsigned)result < COUNT_OF(result_names));
    return result_names[result];
}

const char *
cutover_job_name(enum cutover_job job)
{
    CHECK((unsigned)job < COUNT_OF(job_names));
    return job_names[job];
}

const char *
cutover_connection_setup(void)
{
    /* One statement each, so that a server that refuses one refuses it alone. */
    return "SET default_transaction_read_only = off; SET lock_timeout = '500ms'; "
           "SET synchronous_commit = on; SET client_min_messages = error; "
           "SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0; "
           "SET search_path = pg_catalog";
}

/* ---- life ---- */

static void
config_copy(struct cutover_config *to, const struct cutover_config *from)
{
    *to = *from;
    to->pair = xstrdup(from->pair);
    to->database = xstrdup(from->database);
    for (int s = 0; s < SIDES_COUNT; s++) {
        to->replication_conninfo[s] = xstrdup(from->replication_conninfo[s]);
        to->address[s] = xstrdup(from->address[s]);
    }
}

/* The copies are ours; const is for the readers of the struct. */
static void
text_free(const char *text)
{
    void *p = NULL;
    memcpy(&p, &text, sizeof(p));
    mem_free(p);
}

static void
config_fini(struct cutover_config *k)
{
    text_free(k->pair);
    text_free(k->database);
    for (int s = 0; s < SIDES_COUNT; s++) {
        text_free(k->replication_conninfo[s]);
        text_free(k->address[s]);
    }
}

struct cutover *
cutover_new(const struct cutover_config *config, const struct cutover_ops *ops)
{
    CHECK(ops->sql != NULL && ops->sql_fresh != NULL && ops->timer != NULL && ops->now_us != NULL);
    struct cutover *c = xcalloc(1, sizeof(*c));
    config_copy(&c->config, config);
    c->ops = *ops;
    list_init(&c->calls);
    buf_init(&c->flip.sequences);
    c->state = CUT_IDLE;
    c->state_since_us = cutover_now(c);
    c->route.writer = config->initial_writer;
    c->route.writes_held = true;
    return c;
}

void
cutover_free(struct cutover *c)
{
    if (c == NULL) {
        return;
    }
    calls_free(c);
    buf_fini(&c->flip.sequences);
    for (int s = 0; s < SIDES_COUNT; s++) {
        mem_free(c->check_value[s].text);
    }
    config_fini(&c->config);
    mem_free(c);
}

bool
cutover_reconfigure(struct cutover *c, const struct cutover_config *config)
{
    if (!cutover_is_idle(c)) {
        return false;
    }
    config_fini(&c->config);
    config_copy(&c->config, config);
    return true;
}

/* ---- what all parts use ---- */

uint64_t
cutover_now(const struct cutover *c)
{
    return c->ops.now_us(c->ops.ctx);
}

void
cutover_detail(struct cutover *c, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(c->detail, sizeof(c->detail), fmt, args);
    va_end(args);
}

static void
report(struct cutover *c, const struct cutover_report *row)
{
    const enum log_level level = row->result == CUTOVER_FAIL   ? LOG_LEVEL_WARN
                                 : row->result == CUTOVER_WARN ? LOG_LEVEL_WARN
                                                               : LOG_LEVEL_DEBUG;
    log_line(level, NULL, "cutover step", "result=%s step=\"%s\" took_us=%" PRIu64 " detail=\"%s\"",
             cutover_result_name(row->result), row->step, row->took_us, row->detail);
    c->ops.report(c->ops.ctx, row);
}

void
cutover_report(struct cutover *c, enum cutover_result result, const char *step, const char *detail)
{
    report(c, &(struct cutover_report){.result = result, .step = step, .detail = detail});
}

void
cutover_report_took(struct cutover *c, enum cutover_result result, const char *step,
                    const char *detail, uint64_t took_us)
{
    report(c, &(struct cutover_report){.result = result,
                                       .step = step,
                                       .detail = detail,
                                       .took_us = took_us,
                                       .took_known = true});
}

bool
cutover_record(struct cutover *c, enum record_phase phase, struct err *err)
{
    err_clear(err);
    c->record.phase = phase;
    CHECK(c->record.epoch > 0);
    struct buf text;
    buf_init(&text);
    record_encode(&c->record, &text);
    const bool ok = c->ops.record_write(c->ops.ctx, buf_slice(&text), err);
    buf_fini(&text);
    if (!ok && !err_is_set(err)) {
        err_set(err, SQLSTATE_IO_ERROR, "the state file could not be written");
    }
    return ok;
}

void
cutover_publish(struct cutover *c, bool held)
{
    struct flip *f = &c->flip;
    if (c->route.writes_held && !held && f->held_since_us != 0) {
        f->held_us = cutover_now(c) - f->held_since_us;
        f->held_since_us = 0;
    }
    c->route.writes_known = c->route.writes_known || !held;
    c->route.writes_held = held;
    CHECK(c->route.epoch > 0);
    c->ops.publish(c->ops.ctx, &c->route);
}

void
cutover_end_job(struct cutover *c, bool ok)
{
    if (c->job == CUTOVER_JOB_NONE) {
        return;
    }
    c->job = CUTOVER_JOB_NONE;
    struct err err = err_is_set(&c->failure) ? c->failure : c->err;
    if (!ok && !err_is_set(&err)) {
        err_set(&err, SQLSTATE_INTERNAL, "it failed without saying why");
    }
    c->ops.done(c->ops.ctx, ok, ok ? NULL : &err);
}

/* ---- verbs ---- */

bool
cutover_is_idle(const struct cutover *c)
{
    return c->state == CUT_IDLE && c->recovered;
}

bool
cutover_is_ready(const struct cutover *c)
{
    return c->route.writes_known;
}

void
cutover_recover(struct cutover *c, struct slice record)
{
    CHECK(c->state == CUT_IDLE && !c->recovered);
    const enum record_result result = record_decode(record, &c->record);
    if (result == RECORD_CORRUPT) {
        log_error(NULL, "the state file is corrupt: asking the databases", "bytes=%zu", record.len);
    }
    if (result != RECORD_OK) {
        /* Epoch 0 says that there is none; the first decision gives it one. */
        memset(&c->record, 0, sizeof(c->record));
        c->record.writer = c->config.initial_writer;
    }
    c->route.epoch = c->record.epoch > 0 ? c->record.epoch : 1;
    c->route.writer = c->record.writer;
    cutover_publish(c, true);
    cutover_fire(c, CUT_EV_RECOVER);
}

static bool
start_refused(const struct cutover *c, enum cutover_job job, const struct cutover_options *options,
              struct err *err)
{
    if (!cutover_is_ready(c)) {
        err_set(err, SQLSTATE_CANNOT_CONNECT_NOW, "the writer is not known yet");
        return !err_hint(err, "see SHOW STATUS and the log: start-up is asking the sides");
    }
    if (!cutover_is_idle(c)) {
        err_set(err, SQLSTATE_OBJECT_IN_USE, "%s is under way in state %s since %" PRIu64 " ms",
                cutover_job_name(c->job), cutover_state_name(c->state),
                (cutover_now(c) - c->state_since_us) / 1000);
        return !err_hint(err, "see SHOW CUTOVER");
    }
    if (job == CUTOVER_JOB_FLIP && options->to == c->route.writer) {
        err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "%s is already the writer",
                side_name(options->to));
        return !err_hint(err, "CUTOVER goes from blue to green, ROLLBACK from green to blue");
    }
    return false;
}

bool
cutover_start(struct cutover *c, enum cutover_job job, const struct cutover_options *options,
              struct err *err)
{
    CHECK(job != CUTOVER_JOB_NONE);
    if (start_refused(c, job, options, err)) {
        return false;
    }
    c->job = job;
    c->options = *options;
    c->job_since_us = cutover_now(c);
    err_clear(&c->err);
    err_clear(&c->failure);
    c->detail[0] = '\0';
    flip_begin(c, side_other(c->route.writer));
    if (options->no_way_back) {
        c->flip.way_back_wanted = false;
    }
    if (options->drain_set) {
        c->flip.drain = options->drain;
    }
    c->flip.dry_run = options->dry_run;
    cutover_fire(c, job == CUTOVER_JOB_FLIP ? CUT_EV_FLIP : CUT_EV_JOB);
    return true;
}

bool
cutover_abort(struct cutover *c)
{
    if (!cutover_takes(c, CUT_EV_ABORT)) {
        return false;
    }
    cutover_fire(c, CUT_EV_ABORT);
    return true;
}

void
cutover_progress(struct cutover *c)
{
    if (c->state == CUT_HOLD || c->state == CUT_DRAIN) {
        script_nudge(c);
    }
}

/* ---- the tick ---- */

/* Both rows of the answer are hints; an error is one too: the side may be down, and the monitor
 * says so. */
static void
on_tick_kept(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    (void)side;
    c->tick_pending = false;
    if (!rows->ok) {
        log_debug(NULL, "the idle slot was not advanced", "error=\"%s\"", rows->err.text);
    }
}

/* The slot of the direction that is off would keep WAL for ever: it follows the tip while nothing
 * is under way. The statement may run late, behind a flip: then the slot belongs to what the
 * clients write there, and the side's own row says so. */
static void
tick_keep_slot(struct cutover *c)
{
    const enum side follower = side_other(c->route.writer);
    struct cutover_facts facts[SIDES_COUNT];
    memset(facts, 0, sizeof(facts));
    c->ops.facts(c->ops.ctx, follower, &facts[follower]);
    c->ops.facts(c->ops.ctx, c->route.writer, &facts[c->route.writer]);
    const int follower_version = facts[follower].version_num;
    const int writer_version = facts[c->route.writer].version_num;
    const bool both_16 = follower_version >= 160000 && writer_version >= 160000;
    if (!facts[follower].up || facts[follower].in_recovery || follower_version == 0 ||
        writer_version == 0 || both_16 || c->tick_pending) {
        return;
    }
    char sql[512];
    (void)snprintf(
        sql, sizeof(sql),
        "/* teal tick-keep */ SELECT pg_replication_slot_advance(slot_name, "
        "pg_current_wal_flush_lsn()) FROM pg_replication_slots WHERE slot_name = "
        "'" TEAL_STREAM_PREFIX "%s' AND database = current_database() AND NOT active "
        "AND NOT EXISTS (SELECT FROM teal.local_state WHERE side = '%s' AND writer = side)",
        side_name(c->route.writer), side_name(follower));
    c->tick_pending = true;
    call_sql(c, follower, sql, SQL_TIMEOUT_US, on_tick_kept);
}

static void
on_tick_fence(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (!rows->ok || !cutover_is_idle(c) || side != c->route.writer || !rows_bool(rows, 0, 0)) {
        return;
    }
    log_warn(NULL, "the writer is still fenced or marked after an undone flip: undoing it again",
             "side=%s", side_name(side));
    flip_begin(c, side_other(side));
    c->flip.fence_touched = true;
    c->flip.kind = c->record.kind;
    c->record.flip_id = c->flip.flip_id;
    c->record.from = c->flip.from;
    c->record.to = c->flip.to;
    err_clear(&c->failure);
    cutover_fire(c, CUT_EV_UNDO);
}

/* A statement of an undone flip may have run late, in a backend that had lost its connection: the
 * fence is then up, or stands in the file and would be up after the next reload, or the writer's
 * row says that it is being left. */
static void
tick_watch_fence(struct cutover *c)
{
    const uint64_t now = cutover_now(c);
    if (c->undone_at_us == 0 || now - c->undone_at_us > (uint64_t)HEAL_WITHIN_S * 1000 * 1000) {
        return;
    }
    char sql[512];
    (void)snprintf(
        sql, sizeof(sql),
        "/* teal tick-fence */ SELECT reset_val = 'on' OR EXISTS (SELECT FROM pg_file_settings "
        "WHERE name = 'default_transaction_read_only' AND setting = 'on') OR EXISTS (SELECT FROM "
        "teal.local_state WHERE side = '%s' AND phase LIKE 'leaving%%') FROM pg_settings WHERE "
        "name = 'default_transaction_read_only'",
        side_name(c->route.writer));
    call_sql(c, c->route.writer, sql, SQL_TIMEOUT_US, on_tick_fence);
}

static void
on_tick_way_back(struct cutover *c, enum side side, const struct cutover_rows *rows)
{
    if (!cutover_is_idle(c) || side != c->route.writer) {
        return;
    }
    c->way_back = !rows->ok                  ? CUTOVER_WAY_BACK_UNKNOWN
                  : rows_u64(rows, 0, 0) > 0 ? CUTOVER_WAY_BACK_OPEN
                                             : CUTOVER_WAY_BACK_MISSING;
}

/* The follower receives what the writer writes: then a flip to it loses nothing. */
static void
tick_look_back(struct cutover *c)
{
    char sql[512];
    (void)snprintf(
        sql, sizeof(sql),
        "/* teal tick-way-back */ SELECT count(*) FROM pg_replication_slots WHERE slot_name "
        "= '" TEAL_STREAM_PREFIX "%s' AND database = current_database() AND active",
        side_name(side_other(c->route.writer)));
    call_sql(c, c->route.writer, sql, SQL_TIMEOUT_US, on_tick_way_back);
}

/* The flip that the record has not ended: a command since then, CHECK for one, has put its own in
 * its place. */
static void
tick_take_flip(struct cutover *c)
{
    const struct record *r = &c->record;
    struct flip *f = &c->flip;
    if (f->flip_id != r->flip_id) {
        const bool after = r->phase == RECORD_AFTER;
        flip_begin(c, r->to);
        f->flip_id = r->flip_id;
        f->kind = r->kind;
        f->strict = r->fence_strict;
        f->fence_touched = true;
        f->committed = after;
        f->way_back_missing = after && c->way_back_given_up;
        f->epoch = after ? r->epoch - 1 : r->epoch;
    }
    f->after_tries = AFTER_TRIES_MAX;
}

void
cutover_tick(struct cutover *c)
{
    if (!cutover_is_idle(c)) {
        return;
    }
    if (c->record.phase == RECORD_AFTER || c->record.phase == RECORD_UNDONE) {
        tick_take_flip(c);
        cutover_fire(c, c->record.phase == RECORD_AFTER ? CUT_EV_AFTER : CUT_EV_UNDO_AFTER);
        return;
    }
    tick_keep_slot(c);
    tick_watch_fence(c);
    tick_look_back(c);
}

/* ---- what it can tell ---- */

const struct cutover_route *
cutover_route(const struct cutover *c)
{
    return &c->route;
}

static const char *
state_step(enum cutover_state state)
{
    static const enum cutover_step steps[CUTOVER_STATES_COUNT] = {
#define CUTOVER_STATE(id, name, step, sentence) [id] = step,
#include "cutover/states.def"
    };
    return cutover_step_name(steps[state]);
}

void
cutover_status(const struct cutover *c, struct cutover_status *out)
{
    memset(out, 0, sizeof(*out));
    const struct flip *f = &c->flip;
    out->state = c->state;
    out->state_name = cutover_state_name(c->state);
    out->step_name = state_step(c->state);
    out->job = c->job;
    out->job_name = cutover_job_name(c->job);
    out->state_since_us = c->state_since_us;
    out->route = c->route;
    out->flip_known = c->flip_known;
    out->from = f->from;
    out->to = f->to;
    out->kind = f->kind;
    out->kind_name = cutover_kind_name(f->kind);
    out->flip_id = f->flip_id;
    out->committed = f->committed;
    out->blocked = f->blocked && c->state != CUT_IDLE;
    out->held_us = f->held_since_us != 0 ? cutover_now(c) - f->held_since_us : f->held_us;
    out->failure = c->failure;
    out->way_back = c->way_back;
}
