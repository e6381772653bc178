/* hold.c — the gate, the hold, the drain and both releases. See hold.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/hold.h"

#include <inttypes.h>

#include "cutover/flip/parts.h"

enum { GATE_CLOSE_US = 50 * 1000, GATE_PATIENCE_US = 2000 * 1000 };

void
hold_clear(struct cutover *c)
{
    c->hold = (struct hold){0};
}

uint64_t
hold_us(const struct cutover *c)
{
    const struct hold *h = &c->hold;
    return h->since_us != 0 ? machine_now(&c->machine) - h->since_us : h->took_us;
}

/* ---- gate ---- */

/* Close enough. But what is left is caught up on while writes are held, so wait a little for a
 * better moment. */
static bool
is_worth_waiting(const struct cutover *c, const struct cutover_facts *facts)
{
    return facts->lag_us > GATE_CLOSE_US &&
           machine_now(&c->machine) - c->machine.step_since_us < GATE_PATIENCE_US;
}

enum cutover_event
hold_call_gate(struct cutover *c)
{
    const char *to = side_name(c->flip.to);
    struct cutover_facts facts = {0};
    c->ops.facts(c->ops.ctx, c->flip.to, &facts);
    if (!facts.lag_known) {
        report_detail(&c->report, "the lag of %s is not known", to);
        return CUT_EV_AGAIN;
    }
    report_detail(&c->report, "%s is %" PRIu64 " bytes, %" PRIu64 " ms behind", to, facts.lag_bytes,
                  facts.lag_us / 1000);
    const bool near =
        facts.lag_bytes <= c->config.start_lag_bytes && facts.lag_us <= c->config.start_lag_us;
    return near && !is_worth_waiting(c, &facts) ? CUT_EV_OK : CUT_EV_AGAIN;
}

/* ---- hold ---- */

enum cutover_event
hold_call_publish(struct cutover *c)
{
    CHECK(c->hold.since_us == 0 && !c->journal.route.writes_held);
    journal_flip(c);
    struct err err;
    if (!journal_write(c, RECORD_FLIP, &err)) {
        report_err(&c->report, &err);
        return CUT_EV_FAIL;
    }
    const uint64_t limit =
        flip_is_promoted(c) ? c->config.hold_timeout_physical_us : c->config.hold_timeout_us;
    c->hold.since_us = machine_now(&c->machine);
    c->hold.deadline_us = c->hold.since_us + limit;
    journal_publish(c, true);
    return CUT_EV_OK;
}

enum cutover_event
hold_call_acked(struct cutover *c)
{
    CHECK(c->journal.route.writes_held && c->hold.since_us != 0);
    report_detail(&c->report, "%u sessions", c->ops.sessions(c->ops.ctx));
    return c->ops.view_acked(c->ops.ctx) ? CUT_EV_OK : CUT_EV_AGAIN;
}

/* ---- drain ---- */

enum cutover_event
hold_call_drained(struct cutover *c)
{
    CHECK(c->journal.route.writes_held);
    const char *from = side_name(c->flip.from);
    const uint32_t busy = c->ops.busy(c->ops.ctx, c->flip.from);
    if (busy > 0) {
        report_detail(&c->report, "%u transactions are still open on %s", busy, from);
        return CUT_EV_AGAIN;
    }
    report_detail(&c->report, "no transaction is open on %s", from);
    return CUT_EV_OK;
}

bool
hold_may_push_drain(const struct cutover *c)
{
    return c->flip.drain != DRAIN_ABORT && !c->hold.drain_pushed;
}

void
hold_push_drain(struct cutover *c)
{
    CHECK(hold_may_push_drain(c));
    const bool cancel = c->flip.drain == DRAIN_CANCEL;
    c->hold.drain_pushed = true;
    (cancel ? c->ops.cancel_busy : c->ops.terminate_busy)(c->ops.ctx, c->flip.from);
    report_err_clear(&c->report);
    report_line(&c->report, CUTOVER_WARN, "drain", "%s",
                cancel ? "open transactions were cancelled"
                       : "sessions with open transactions were ended");
    machine_deadline(&c->machine, c->hold.deadline_us);
}

/* ---- release ---- */

static void
let_go(struct cutover *c)
{
    c->hold.took_us = hold_us(c);
    c->hold.since_us = 0;
    journal_publish(c, false);
    c->ops.heartbeat(c->ops.ctx, true);
}

enum cutover_event
hold_call_release(struct cutover *c)
{
    CHECK(c->commit.done && c->journal.route.writes_held);
    const uint32_t waiting = c->ops.waiting(c->ops.ctx);
    journal_writer(c, c->flip.to, c->flip.epoch + 1);
    journal_write_late(c, RECORD_AFTER);
    let_go(c);
    c->ops.leave_side(c->ops.ctx, c->flip.from);
    stream_released(c);
    report_detail(&c->report, "%u waiting transactions", waiting);
    return CUT_EV_OK;
}

enum cutover_event
hold_call_undo_release(struct cutover *c)
{
    CHECK(!c->commit.done);
    journal_writer(c, c->flip.from, c->flip.epoch);
    if (c->fence.touched) {
        journal_write_late(c, RECORD_UNDONE);
    }
    let_go(c);
    report_detail(&c->report, "writes go on at %s", side_name(c->flip.from));
    return CUT_EV_OK;
}
