/* ha.c — pause_ha and resume_ha. See ha.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/ha.h"

#include "base/log.h"
#include "cutover/flip/parts.h"

enum { AGAIN_US = 10 * 1000 * 1000 };

void
ha_set_ending(struct cutover *c, void (*ending)(struct cutover *c))
{
    c->ha.ending = ending;
}

void
ha_failed(struct cutover *c)
{
    c->ha.again_at_us = machine_now(&c->machine) + AGAIN_US;
    report_line(&c->report, CUTOVER_WARN, "resume-ha",
                "failover is still paused: %s; it is tried again", c->report.err.text);
    log_warn(NULL, "failover is still paused: hook_resume_ha failed", "error=\"%s\"",
             c->report.err.text);
}

bool
ha_is_paused(const struct cutover *c)
{
    return c->journal.record.ha_paused;
}

bool
ha_is_due(const struct cutover *c)
{
    return ha_is_paused(c) && machine_now(&c->machine) >= c->ha.again_at_us;
}

bool
ha_wants_pause(const struct cutover *c)
{
    return !c->flip.dry_run && cutover_config_has_hook(&c->config, HOOK_PAUSE_HA);
}

/* The record alone is changed, not how far a flip has come. */
static enum cutover_event
record_paused(struct cutover *c, bool paused)
{
    struct err err;
    const bool before = c->journal.record.ha_paused;
    journal_ha_paused(c, paused);
    if (journal_write(c, c->journal.record.phase, &err)) {
        return CUT_EV_OK;
    }
    journal_ha_paused(c, before);
    report_err(&c->report, &err);
    return CUT_EV_FAIL;
}

enum cutover_event
ha_call_paused(struct cutover *c)
{
    CHECK(!c->journal.route.writes_held);
    return record_paused(c, true);
}

enum cutover_event
ha_judge_pause(struct cutover *c, const struct hook_answer *answer)
{
    c->ha.doubt = !answer->ok && answer->unknown;
    return report_answer(&c->report, answer);
}

enum cutover_event
ha_call_resumed(struct cutover *c)
{
    if (c->ha.doubt) {
        c->ha.doubt = false;
        c->ha.again_at_us = machine_now(&c->machine) + AGAIN_US;
        return CUT_EV_OK;
    }
    return record_paused(c, false);
}

enum cutover_event
ha_judge_resume(struct cutover *c, const struct hook_answer *answer)
{
    report_detail(&c->report, "%s",
                  answer->message[0] != '\0' ? answer->message : "failover goes on");
    return CUT_EV_OK;
}
