/* ending.c — the last lines for the operator, and the idle record. See ending.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/ending.h"

#include <inttypes.h>

#include "cutover/flip/parts.h"
#include "cutover/tick.h"

static bool
has_failed(const struct cutover *c)
{
    return err_is_set(&c->machine.failure);
}

void
ending_flip(struct cutover *c)
{
    CHECK(c->machine.state == CUT_IDLE && !c->journal.route.writes_held);
    journal_write_late(c, RECORD_IDLE);
    if (c->command.job == CUTOVER_JOB_FLIP && !has_failed(c)) {
        report_line(&c->report, CUTOVER_SUMMARY, "writes", "writes were held %" PRIu64 " ms; %s",
                    hold_us(c) / 1000,
                    c->flip.dry_run ? "a dry run: nothing was moved" : stream_summary(c));
    }
    command_end(c, !has_failed(c));
}

void
ending_undone(struct cutover *c)
{
    CHECK(!c->commit.done);
    tick_undone(c);
    ending_flip(c);
}

void
ending_after_failed(struct cutover *c)
{
    CHECK(c->commit.done && c->journal.record.phase == RECORD_AFTER);
    stream_set_way_back(c, CUTOVER_WAY_BACK_MISSING);
    report_line(&c->report, CUTOVER_WARN, "after",
                "there is no way back yet: %s; it is tried again", c->report.err.text);
    command_end(c, true);
}

void
ending_undo_after_failed(struct cutover *c)
{
    CHECK(!c->commit.done && c->journal.record.phase == RECORD_UNDONE);
    report_line(&c->report, CUTOVER_WARN, "undo",
                "the stream to %s is not on again yet: %s; it is tried again",
                side_name(c->flip.to), c->report.err.text);
    command_end(c, !has_failed(c));
}

void
ending_recovered(struct cutover *c)
{
    journal_publish(c, false);
    ending_flip(c);
}

void
ending_job(struct cutover *c)
{
    CHECK(c->command.job != CUTOVER_JOB_NONE && c->command.job != CUTOVER_JOB_FLIP);
    command_end(c, true);
}

void
ending_refused(struct cutover *c)
{
    command_end(c, false);
}

/* ---- behind resume_ha ---- */

void
ending_flip_later(struct cutover *c)
{
    ha_set_ending(c, ending_flip);
}

void
ending_undone_later(struct cutover *c)
{
    ha_set_ending(c, ending_undone);
}

void
ending_refused_later(struct cutover *c)
{
    ha_set_ending(c, ending_refused);
}

bool
ending_untouched_later(const struct cutover *c)
{
    return fence_is_untouched(c) && ha_is_paused(c);
}

void
ending_resumed(struct cutover *c)
{
    ending_fn *ending = c->ha.ending;
    ha_set_ending(c, NULL);
    if (ending != NULL) {
        ending(c);
    }
}

void
ending_not_resumed(struct cutover *c)
{
    ha_failed(c);
    report_err_clear(&c->report);
    ending_resumed(c);
}
