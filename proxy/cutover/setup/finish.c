/* finish.c — drops streams, slots and publications. See finish.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/setup/finish.h"

#include "cutover/flip/parts.h"
#include "cutover/types/scripts.h"

bool
finish_is_there(const struct cutover *c, struct place at)
{
    const struct look *l = &c->looks.of[at.side];
    return flip_is_own(c) && l->answered && !l->in_recovery && databases_on(c, at)->exists;
}

void
finish_write_drop_stream_to(const struct cutover *c, struct place at, struct buf *sql)
{
    put_drop_subscription(sql, databases_stream(c, at.database, c->flip.to));
}

void
finish_write_drop_stream_from(const struct cutover *c, struct place at, struct buf *sql)
{
    put_drop_subscription(sql, databases_stream(c, at.database, c->flip.from));
}

/* A slot that is still active goes away a moment after its subscription. */
static void
put_drop_slot(struct buf *sql, const char *stream)
{
    buf_printf(sql,
               "SELECT pg_drop_replication_slot(slot_name), active FROM pg_replication_slots WHERE "
               "slot_name = '%s' AND NOT active UNION ALL SELECT NULL, active FROM "
               "pg_replication_slots WHERE slot_name = '%s' AND active",
               stream, stream);
}

void
finish_write_drop_slot_to(const struct cutover *c, struct place at, struct buf *sql)
{
    put_drop_slot(sql, databases_stream(c, at.database, c->flip.to));
}

void
finish_write_drop_slot_from(const struct cutover *c, struct place at, struct buf *sql)
{
    put_drop_slot(sql, databases_stream(c, at.database, c->flip.from));
}

enum cutover_event
finish_judge_dropped(struct cutover *c, struct place at, const struct cutover_rows *rows)
{
    if (rows->rows == 0 || !rows_bool(rows, 0, 1)) {
        return CUT_EV_OK;
    }
    if (!script_waited(&c->machine.script)) {
        return CUT_EV_AGAIN;
    }
    return report_fail(&c->report, SQLSTATE_OBJECT_IN_USE, "the slot on %s is still in use",
                       side_name(at.side));
}

enum cutover_event
finish_call_done(struct cutover *c)
{
    stream_set_way_back(c, CUTOVER_WAY_BACK_MISSING);
    report_detail(&c->report,
                  flip_is_external(c) ? "hook_finish has been run; what %s is now, it knows"
                                      : "there is no way back now; %s stays read-only",
                  side_name(c->flip.to));
    return CUT_EV_OK;
}

enum cutover_event
finish_looked(struct cutover *c)
{
    const enum side from = c->flip.from;
    CHECK(c->command.job == CUTOVER_JOB_FINISH);
    flip_set_kind(c, look_kind(c, c->flip.to));
    if (!c->looks.of[from].answered) {
        return look_no_answer(c, from);
    }
    if (!c->looks.of[c->flip.to].answered) {
        report_line(&c->report, CUTOVER_WARN, "follower",
                    "it does not answer: what Teal made there is left as it is");
    }
    return machine_script(&c->machine, SCRIPT_FINISH);
}

enum cutover_event
finish_begin(struct cutover *c)
{
    CHECK(c->command.job == CUTOVER_JOB_FINISH && c->flip.from != c->flip.to);
    look_at_both(c);
    return machine_script(&c->machine, SCRIPT_FINISH_LOOK);
}
