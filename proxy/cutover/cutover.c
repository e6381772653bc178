/* cutover.c — the public verbs: makes the parts, gives the machine its tables, fires the events
 * that come from outside. See cutover.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/cutover.h"

#include <inttypes.h>

#include "base/mem.h"
#include "cutover/flip/begin.h"
#include "cutover/flip/parts.h"
#include "cutover/preflight/preflight.h"
#include "cutover/recover.h"
#include "cutover/setup/prepare.h"
#include "cutover/tables.h"
#include "cutover/tick.h"

/* ---- life ---- */

/* But for those that are optional. The engine looks after its own. */
static void
check_ops(const struct cutover_config *config, const struct cutover_ops *ops)
{
    CHECK(config->hooks == 0 || (ops->hook != NULL && config->hook_timeout_us > 0));
    CHECK(ops->record_write != NULL && ops->publish != NULL && ops->view_acked != NULL);
    CHECK(ops->busy != NULL && ops->waiting != NULL && ops->sessions != NULL &&
          ops->pinned != NULL);
    CHECK(ops->cancel_busy != NULL && ops->terminate_busy != NULL && ops->leave_side != NULL);
    CHECK(ops->heartbeat != NULL && ops->facts != NULL && ops->done != NULL);
}

struct cutover *
cutover_new(const struct cutover_config *config, const struct cutover_ops *ops)
{
    check_ops(config, ops);
    struct cutover *c = xcalloc(1, sizeof(*c));
    cutover_config_copy(&c->config, config);
    c->ops = *ops;
    calls_init(&c->calls, &c->ops);
    report_init(&c->report, &c->ops);
    machine_init(&c->machine, cutover_tables(), c, &c->calls, &c->report);
    journal_init(c);
    databases_init(c);
    c->preflight = preflight_new();
    c->prepare = prepare_new();
    c->recover = recover_new();
    c->tick = tick_new();
    return c;
}

void
cutover_free(struct cutover *c)
{
    if (c == NULL) {
        return;
    }
    tick_free(c->tick);
    recover_free(c->recover);
    prepare_free(c->prepare);
    preflight_free(c->preflight);
    catchup_fini(c);
    databases_fini(c);
    calls_fini(&c->calls);
    cutover_config_fini(&c->config);
    mem_free(c);
}

bool
cutover_reconfigure(struct cutover *c, const struct cutover_config *config)
{
    if (!cutover_is_idle(c)) {
        return false;
    }
    cutover_config_fini(&c->config);
    cutover_config_copy(&c->config, config);
    tick_reconfigured(c);
    return true;
}

/* ---- verbs ---- */

bool
cutover_is_ready(const struct cutover *c)
{
    return c->journal.route.writes_known;
}

bool
cutover_is_idle(const struct cutover *c)
{
    return c->machine.state == CUT_IDLE && cutover_is_ready(c);
}

void
cutover_recover(struct cutover *c, struct slice record)
{
    CHECK(c->machine.state == CUT_IDLE && !cutover_is_ready(c));
    journal_read(c, record);
    journal_publish(c, true);
    machine_fire(&c->machine, CUT_EV_RECOVER);
}

static bool
start_refused(const struct cutover *c, enum cutover_job job, const struct cutover_options *options,
              struct err *err)
{
    if (!cutover_is_ready(c)) {
        (void)err_set(err, SQLSTATE_CANNOT_CONNECT_NOW, "the writer is not known yet");
        return !err_hint(err, "see SHOW STATUS and the log: start-up is asking the sides");
    }
    if (!cutover_is_idle(c)) {
        (void)err_set(err, SQLSTATE_OBJECT_IN_USE,
                      "%s is under way in state %s since %" PRIu64 " ms",
                      cutover_job_name(c->command.job), cutover_state_name(c->machine.state),
                      (machine_now(&c->machine) - c->machine.state_since_us) / 1000);
        return !err_hint(err, "see SHOW CUTOVER");
    }
    if (job == CUTOVER_JOB_FLIP && options->to == c->journal.route.writer) {
        (void)err_set(err, SQLSTATE_OBJECT_NOT_IN_STATE, "%s is already the writer",
                      side_name(options->to));
        return !err_hint(err, "CUTOVER goes from blue to green, ROLLBACK from green to blue");
    }
    return false;
}

bool
cutover_start(struct cutover *c, enum cutover_job job, const struct cutover_options *options,
              struct err *err)
{
    if (start_refused(c, job, options, err)) {
        return false;
    }
    command_begin(c, job);
    machine_clear(&c->machine);
    flip_begin(c, side_other(c->journal.route.writer));
    flip_set_options(c, options);
    machine_fire(&c->machine, job == CUTOVER_JOB_FLIP ? CUT_EV_FLIP : CUT_EV_JOB);
    return true;
}

bool
cutover_abort(struct cutover *c)
{
    if (!machine_takes(&c->machine, CUT_EV_ABORT)) {
        return false;
    }
    machine_fire(&c->machine, CUT_EV_ABORT);
    return true;
}

void
cutover_progress(struct cutover *c)
{
    if (c->machine.state == CUT_HOLD || c->machine.state == CUT_DRAIN) {
        script_nudge(&c->machine.script);
    }
}

void
cutover_tick(struct cutover *c)
{
    if (cutover_is_idle(c)) {
        tick_run(c);
    }
}

/* ---- what it can tell ---- */

const struct cutover_route *
cutover_route(const struct cutover *c)
{
    return &c->journal.route;
}

void
cutover_status(const struct cutover *c, struct cutover_status *out)
{
    const enum cutover_state state = c->machine.state;
    const struct flip *f = &c->flip;
    *out = (struct cutover_status){
        .state = state,
        .state_name = cutover_state_name(state),
        .step_name = cutover_step_name(cutover_state_step(state)),
        .job = c->command.job,
        .job_name = cutover_job_name(c->command.job),
        .state_since_us = c->machine.state_since_us,
        .route = c->journal.route,
        .flip_known = f->known,
        .from = f->from,
        .to = f->to,
        .kind = f->kind,
        .kind_name = cutover_kind_name(f->kind),
        .flip_id = f->id,
        .committed = c->commit.done,
        .blocked = c->effort.blocked && state != CUT_IDLE,
        .held_us = hold_us(c),
        .failure = c->machine.failure,
        .way_back = c->stream.way_back,
    };
}

void
cutover_print_fsm(struct buf *out)
{
    machine_print(cutover_tables(), out);
}
