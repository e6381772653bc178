/* runner.c — the one long command. See runner.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/runner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/answer.h"
#include "admin/text.h"
#include "base/log.h"

/* Which job a command is, and the side that is to become the writer by it. */
enum target { TO_FOLLOWER, TO_BLUE, TO_GREEN, TO_NAMED };

static const struct job_row {
    enum cutover_job job;
    enum target to;
} jobs[COMMANDS_COUNT] = {
    [CMD_CHECK] = {CUTOVER_JOB_CHECK, TO_FOLLOWER},
    [CMD_PREPARE] = {CUTOVER_JOB_PREPARE, TO_FOLLOWER},
    [CMD_FINISH] = {CUTOVER_JOB_FINISH, TO_FOLLOWER},
    [CMD_CUTOVER] = {CUTOVER_JOB_FLIP, TO_GREEN},
    [CMD_ROLLBACK] = {CUTOVER_JOB_FLIP, TO_BLUE},
    [CMD_WRITES] = {CUTOVER_JOB_FLIP, TO_NAMED},
};

void
runner_init(struct runner *r, struct console_clients *all)
{
    *r = (struct runner){.all = all};
}

void
runner_snapshot(const struct runner *r, struct snapshot *out)
{
    const struct console_ops *ops = r->all->ops;
    *out = (struct snapshot){0};
    ops->snapshot(ops->ctx, out);
    CHECK(out->conf != NULL && out->view != NULL && out->facts != NULL && out->stats != NULL);
    if (r->active) {
        const struct audit *a = &r->audit;
        const uint64_t age_us = out->now_us > a->started_us ? out->now_us - a->started_us : 0;
        (void)snprintf(out->runner, sizeof(out->runner), "\"%s\", started %s ago by uid %u",
                       a->text, text_duration(age_us).s, (unsigned)a->uid);
    }
}

/* Who started it; NULL when it has gone. */
static struct console_client *
runner_client(const struct runner *r)
{
    struct console_client *client =
        r->active ? console_clients_find(r->all, r->audit.client_id) : NULL;
    return client != NULL && client->dialog.state == DIALOG_BUSY ? client : NULL;
}

/* ---- the start ---- */

static void
refuse_second(struct console_client *client, const struct snapshot *snap)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_OBJECT_IN_USE, "%s is under way, in state %s", snap->runner,
                  snap->cutover.state_name);
    (void)err_hint(&err, "SHOW CUTOVER tells how far it has come.");
    answer_fail(client, &err);
}

static enum side
target_side(enum target to, const struct command *c, enum side writer)
{
    switch (to) {
    case TO_FOLLOWER:
        return side_other(writer);
    case TO_BLUE:
        return SIDE_BLUE;
    case TO_GREEN:
        return SIDE_GREEN;
    case TO_NAMED:
        return c->side;
    }
    UNREACHABLE();
}

void
runner_start(struct runner *r, struct console_client *client)
{
    const struct console_ops *ops = r->all->ops;
    const struct job_row *row = &jobs[client->command.id];
    struct snapshot snap;
    CHECK(row->job != CUTOVER_JOB_NONE);
    runner_snapshot(r, &snap);
    if (r->active) {
        refuse_second(client, &snap);
        return;
    }
    struct cutover_options options = client->command.options;
    options.to = target_side(row->to, &client->command, snap.view->writer);
    CHECK(client->audit.client_id == client->id);
    r->active = true;
    r->is_flip = row->job == CUTOVER_JOB_FLIP;
    r->audit = client->audit;
    r->errors_before = snap.stats->client_errors;
    struct err err;
    err_clear(&err);
    if (!ops->start(ops->ctx, row->job, &options, &err)) {
        CHECK(r->active && err_is_set(&err)); /* a refusal is no end: runner_done was not called */
        r->active = false;
        answer_fail(client, &err);
        return;
    }
    /* It may have ended within the call. Else the columns go out now, so that the client need not
     * wait to know that it runs. */
    if (r->active) {
        answer_begin_steps(client);
    }
}

/* ---- rows ---- */

/* The last line of a flip, as the operator wants to read it. */
static void
put_summary(const struct runner *r, const struct snapshot *snap, struct buf *out)
{
    const struct cutover_status *c = &snap->cutover;
    const uint64_t errors = snap->stats->client_errors - r->errors_before;
    buf_printf(out, "writes were held %s; %" PRIu64 " %s; ", text_duration(c->held_us).s, errors,
               errors == 1 ? "error" : "errors");
    if (c->way_back != CUTOVER_WAY_BACK_OPEN) {
        buf_printf(out, "there is NO way back");
        return;
    }
    const struct node_facts *old = facts_lead(snap->facts, c->from);
    buf_printf(out, "the way back is open%s%s%s: tealctl %s",
               old->lag_known ? " (reverse lag " : "",
               old->lag_known ? text_bytes(old->lag_bytes).s : "", old->lag_known ? ")" : "",
               c->to == SIDE_GREEN ? "rollback" : "cutover");
}

/* Of a flip that has moved the writes; what a dry run has to say is shown as it is. */
static bool
send_summary(const struct runner *r, struct console_client *client)
{
    struct snapshot snap;
    runner_snapshot(r, &snap);
    if (!snap.cutover.committed) {
        return false;
    }
    struct buf detail;
    buf_init(&detail);
    put_summary(r, &snap, &detail);
    buf_put_u8(&detail, 0);
    answer_step(client, cutover_result_name(CUTOVER_SUMMARY), "",
                (const char *)buf_slice(&detail).p, "");
    buf_fini(&detail);
    return true;
}

void
runner_report(struct runner *r, const struct cutover_report *row)
{
    struct console_client *client = runner_client(r);
    if (client == NULL) {
        return;
    }
    if (row->result != CUTOVER_SUMMARY || !send_summary(r, client)) {
        answer_step(client, cutover_result_name(row->result), row->step, row->detail,
                    row->took_known ? text_duration(row->took_us).s : "");
    }
    console_client_turn(client);
}

/* ---- the end ---- */

/* Says in the SQLSTATE how a failed flip ended. */
static void
explain_failure(const struct runner *r, struct err *err)
{
    struct snapshot snap;
    if (!r->is_flip) {
        return;
    }
    runner_snapshot(r, &snap);
    const struct cutover_status *c = &snap.cutover;
    struct err told = *err;
    if (c->blocked) {
        (void)err_set(&told, SQLSTATE_FLIP_BLOCKED, "the flip cannot be finished: %.400s",
                      err->text);
    } else if (c->held_us > 0 && !c->committed) {
        (void)err_set(&told, SQLSTATE_FLIP_UNDONE,
                      "the flip was undone, writes go on at %s: %.400s",
                      side_name(snap.view->writer), err->text);
    }
    memcpy(told.hint, err->hint, sizeof(told.hint));
    *err = told;
}

void
runner_done(struct runner *r, bool ok, const struct err *err)
{
    struct err told;
    if (!r->active) {
        return;
    }
    CHECK(ok || err_is_set(err));
    err_clear(&told);
    if (!ok) {
        told = *err;
        explain_failure(r, &told);
    }
    struct console_client *client = runner_client(r);
    r->active = false;
    if (client == NULL) {
        r->audit.operates = true;
        audit_write(&r->audit, ok ? NULL : &told);
        return;
    }
    if (ok) {
        answer_begin_steps(client);
        answer_done(client);
    } else {
        answer_fail(client, &told);
    }
    console_client_turn(client);
}

void
runner_call_off(struct runner *r, const struct console_client *client)
{
    const struct console_ops *ops = r->all->ops;
    if (client != runner_client(r)) {
        return;
    }
    const bool taken = ops->abort(ops->ctx);
    log_info(NULL, "the operator calls the command off", "taken=%s text=\"%s\"",
             taken ? "yes" : "no", r->audit.text);
}
