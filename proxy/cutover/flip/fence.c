/* fence.c — puts the guard on the old side and proves it; takes it off the target. See fence.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/fence.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "cutover/flip/parts.h"
#include "cutover/flip/rights.h"
#include "cutover/flip/roles.h"
#include "cutover/flip/sql.h"

void
fence_clear(struct cutover *c)
{
    /* Unknown until the target is asked: then it is taken off, which does no harm. */
    c->fence = (struct fence){.target_guarded = true};
}

void
fence_touch(struct cutover *c)
{
    c->fence.touched = true;
}

void
fence_choose(struct cutover *c, const struct fence_choice *choice)
{
    CHECK(choice->possible && !c->fence.touched);
    c->fence.database = choice->database;
}

enum cutover_event
fence_see(struct cutover *c, const char *at, const char *starting)
{
    if (strlen(starting) >= sizeof(c->fence.starting)) {
        report_detail(&c->report, "too many clients are just connecting");
        return CUT_EV_AGAIN;
    }
    (void)snprintf(c->fence.seen_at, sizeof(c->fence.seen_at), "%s", at);
    (void)snprintf(c->fence.starting, sizeof(c->fence.starting), "%s", starting);
    return CUT_EV_OK;
}

bool
fence_is_untouched(const struct cutover *c)
{
    return !c->fence.touched;
}

/* ---- the guard ---- */

enum cutover_event
fence_judge_guard_on(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)at;
    if (strcmp(rows_text(rows, 0, 0), "on") != 0) {
        report_detail(&c->report, "default_transaction_read_only is not on yet");
        return CUT_EV_AGAIN;
    }
    return fence_see(c, rows_text(rows, 0, 1), "");
}

enum cutover_event
fence_judge_guard_off(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)at;
    if (strcmp(rows_text(rows, 0, 0), "off") == 0) {
        return CUT_EV_OK;
    }
    return report_again(&c->report, SQLSTATE_READ_ONLY,
                        "default_transaction_read_only is not off yet");
}

bool
fence_is_database(const struct cutover *c)
{
    return c->fence.database && flip_is_own(c);
}

bool
fence_is_system(const struct cutover *c)
{
    return !c->fence.database && flip_is_own(c);
}

enum cutover_event
fence_judge_may_lack(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    (void)at;
    if (!rows->ok && strcmp(rows->err.sqlstate, SQLSTATE_INSUFFICIENT_PRIVILEGE) == 0) {
        return CUT_EV_OK;
    }
    return report_rows(&c->report, rows);
}

/* ---- the old side ---- */

enum cutover_event
fence_call_heartbeat_off(struct cutover *c)
{
    CHECK(c->journal.route.writes_held);
    fence_touch(c);
    c->ops.heartbeat(c->ops.ctx, false);
    return CUT_EV_OK;
}

/* Teal's own go first: idle backends, which the server is about to end, must not be handed out when
 * the flip is undone, and a session that cannot move hears why. */
enum cutover_event
fence_call_leave(struct cutover *c)
{
    CHECK(c->fence.touched && c->journal.route.writes_held);
    c->ops.leave_side(c->ops.ctx, c->flip.from);
    return CUT_EV_OK;
}

/* In a session that was made before the fence, the transaction takes what a new one of this role in
 * this database would begin with: what ALTER ROLE and ALTER DATABASE say, in their order, and then
 * the configuration. */
static void
put_as_new_session(struct buf *sql)
{
    static const char *const values[] = {
        FENCE_VALUE("a.oid", "d.oid"),
        FENCE_VALUE("a.oid", "0"),
        FENCE_VALUE("0", "d.oid"),
        FENCE_VALUE("0", "0"),
    };
    buf_printf(sql, "SELECT set_config('transaction_read_only', coalesce(");
    for (size_t i = 0; i < COUNT_OF(values); i++) {
        buf_printf(sql, "%s, ", values[i]);
    }
    buf_printf(sql, "%s), true) FROM pg_roles a, pg_database d", FENCE_SYSTEM_DEFAULT);
    buf_printf(sql, " WHERE a.rolname = current_user AND d.datname = current_database(); ");
}

bool
fence_probes(const struct cutover *c, struct place at)
{
    return flip_is_own(c) && databases_other(c, at);
}

void
fence_write_probe(const struct cutover *c, struct place at, struct buf *sql)
{
    if (databases_other(c, at)) {
        put_as_new_session(sql);
    }
    buf_printf(sql, "UPDATE teal.marker SET at = at WHERE side = '%s'", side_name(c->flip.from));
}

/* The write must fail, and for the right reason. */
enum cutover_event
fence_judge_probe(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (!rows->ok && strcmp(rows->err.sqlstate, SQLSTATE_READ_ONLY) == 0) {
        return CUT_EV_OK;
    }
    if (!rows->ok) {
        return report_rows(&c->report, rows);
    }
    (void)report_fail(&c->report, SQLSTATE_OBJECT_NOT_IN_STATE,
                      "the fence does not hold: a new session on %s could still write",
                      side_name(at.side));
    if (databases_other(c, at)) {
        return CUT_EV_AGAIN; /* the session may not have read the new configuration yet */
    }
    return report_hint(&c->report, "look for ALTER ROLE or ALTER DATABASE ... SET "
                                   "default_transaction_read_only");
}

/* Ends every client that began before the fence, and tells how many there were; those that began
 * after it are born read-only. Ours are known by user and name; read-only backends by their process
 * ids. A superuser is out of reach of an operator that is none: that one is waited for while it has
 * written something in its transaction, and named if it stays. */
void
fence_write_clear(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    CHECK(c->fence.touched);
    buf_printf(sql,
               "SELECT count(*) FILTER (WHERE reach OR backend_xid IS NOT NULL), count(*) FILTER "
               "(WHERE CASE WHEN reach THEN pg_terminate_backend(pid) END), count(*) FILTER (WHERE "
               "NOT reach) FROM (SELECT *, (SELECT rolsuper FROM pg_roles WHERE rolname = "
               "current_user) OR NOT EXISTS (SELECT FROM pg_roles WHERE oid = usesysid AND "
               "rolsuper) AS reach FROM pg_stat_activity) a WHERE backend_type = 'client backend' "
               "AND pid <> pg_backend_pid() AND datname IS NOT NULL AND backend_start <= ");
    put_literal(sql, c->fence.seen_at);
    buf_printf(
        sql, "::timestamptz AND NOT (usename = current_user AND application_name IN ('%s', '%s'))",
        CUTOVER_APPLICATION_NAME, CUTOVER_MONITOR_APPLICATION_NAME);
    if (flip_is_logical(c) && !fence_is_system(c)) { /* else the whole server is fenced, or moves */
        buf_printf(sql, " AND datname IN (");
        put_database_names(sql, c);
        buf_printf(sql, ")");
    }
    struct buf pids;
    buf_init(&pids);
    if (c->ops.harmless_pids != NULL) {
        c->ops.harmless_pids(c->ops.ctx, c->flip.from, &pids);
    }
    if (buf_len(&pids) > 0) {
        buf_printf(sql, " AND pid NOT IN (%.*s)", (int)buf_len(&pids),
                   (const char *)buf_slice(&pids).p);
    }
    buf_fini(&pids);
}

enum cutover_event
fence_judge_clear(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    const uint64_t left = rows_u64(rows, 0, 0);
    if (left > 0) {
        report_detail(&c->report, "%" PRIu64 " clients are still connected to %s", left,
                      side_name(at.side));
        return CUT_EV_AGAIN;
    }
    if (rows_u64(rows, 0, 2) > 0) {
        report_line(&c->report, CUTOVER_WARN, "fence",
                    "%" PRIu64 " sessions of superusers were not ended on %s: the operator's role "
                    "may not; they could still write",
                    rows_u64(rows, 0, 2), side_name(at.side));
    }
    return CUT_EV_OK;
}

void
fence_write_prepared(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql, "SELECT count(*), min(gid) FROM pg_prepared_xacts WHERE database IN (");
    put_database_names(sql, c);
    buf_printf(sql, ")");
}

enum cutover_event
fence_judge_prepared(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    const uint64_t count = rows_u64(rows, 0, 0);
    if (count == 0) {
        report_detail(&c->report, "%s refuses writes", side_name(at.side));
        return CUT_EV_OK;
    }
    (void)report_fail(&c->report, SQLSTATE_OBJECT_IN_USE,
                      "%" PRIu64 " prepared transactions on %s, one is \"%s\"", count,
                      side_name(at.side), rows_text(rows, 0, 1));
    return report_hint(&c->report, "COMMIT PREPARED or ROLLBACK PREPARED them");
}

/* ---- the target ---- */

enum cutover_event
fence_judge_recovery(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows_bool(rows, 0, 0)) {
        return report_again(&c->report, SQLSTATE_CANNOT_CONNECT_NOW, "%s is still in recovery",
                            side_name(at.side));
    }
    c->fence.target_guarded = strcmp(rows_text(rows, 0, 1), "off") != 0;
    return CUT_EV_OK;
}

bool
fence_is_target_guarded(const struct cutover *c)
{
    return c->fence.target_guarded && flip_is_own(c);
}

bool
fence_wants_epoch(const struct cutover *c, struct place at)
{
    return flip_is_one_way(c) && databases_other(c, at);
}

void
fence_write_open_probe(const struct cutover *c, struct place at, struct buf *sql)
{
    (void)at;
    buf_printf(sql,
               "UPDATE teal.marker SET epoch = %" PRIu64
               ", seq = seq + 1, at = clock_timestamp() WHERE side = '%s' RETURNING 1",
               c->flip.epoch + 1, side_name(c->flip.to));
}

enum cutover_event
fence_judge_open_probe(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (!rows->ok && strcmp(rows->err.sqlstate, SQLSTATE_READ_ONLY) == 0) {
        return report_again(&c->report, SQLSTATE_READ_ONLY, "%s", rows->err.text);
    }
    if (!rows->ok) {
        return report_rows(&c->report, rows);
    }
    report_detail(&c->report, "%s accepts writes", side_name(at.side));
    return CUT_EV_OK;
}
