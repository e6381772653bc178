/* runner.c — the long commands. See runner.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/runner.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/answer.h"
#include "admin/pairs.h"
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
runners_init(struct runners *r, struct console_clients *all)
{
    *r = (struct runners){.all = all};
}

static void
put_runner(const struct runner *r, uint64_t now_us, struct snapshot_pair *out)
{
    const struct audit *a = &r->audit;
    const uint64_t age_us = now_us > a->started_us ? now_us - a->started_us : 0;
    (void)snprintf(out->runner, sizeof(out->runner), "\"%s\", started %s ago by uid %u", a->text,
                   text_duration(age_us).s, (unsigned)a->uid);
}

void
runners_snapshot(const struct runners *r, struct snapshot *out)
{
    const struct console_ops *ops = r->all->ops;
    *out = (struct snapshot){0};
    ops->snapshot(ops->ctx, out);
    CHECK(out->conf != NULL && out->stats != NULL && out->pairs_count <= PAIRS_MAX);
    snapshot_select(out, PAIR_ALL);
    for (uint32_t i = 0; i < out->pairs_count; i++) {
        CHECK(out->pairs[i].view != NULL && out->pairs[i].facts != NULL);
        if (r->of_pair[i].active) {
            put_runner(&r->of_pair[i], out->now_us, &out->pairs[i]);
        }
    }
}

/* Those that clients of the pair were told. */
static uint64_t
client_errors(const struct snapshot *snap, uint32_t pair)
{
    struct pair_traffic traffic;
    pair_traffic(snap, pair, &traffic);
    return snap->pairs_count == 1 ? snap->stats->client_errors : traffic.client_errors;
}

/* Who started it; NULL when it has gone. */
static struct console_client *
runner_client(const struct runners *r, uint32_t pair)
{
    const struct runner *one = &r->of_pair[pair];
    struct console_client *client =
        one->active ? console_clients_find(r->all, one->audit.client_id) : NULL;
    return client != NULL && client->dialog.state == DIALOG_BUSY ? client : NULL;
}

/* ---- the start ---- */

static void
refuse_second(struct console_client *client, const struct snapshot *snap, uint32_t pair)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_OBJECT_IN_USE, "%s is under way, in state %s",
                  snap->pairs[pair].runner, snap->pairs[pair].cutover.state_name);
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
runners_start(struct runners *r, struct console_client *client)
{
    const struct console_ops *ops = r->all->ops;
    const struct job_row *row = &jobs[client->command.id];
    const uint32_t pair = client->command.pair_number;
    CHECK(row->job != CUTOVER_JOB_NONE && pair < PAIRS_MAX);
    struct runner *one = &r->of_pair[pair];
    struct snapshot snap;
    runners_snapshot(r, &snap);
    if (one->active) {
        refuse_second(client, &snap, pair);
        return;
    }
    struct cutover_options options = client->command.options;
    options.to = target_side(row->to, &client->command, snap.pairs[pair].view->writer);
    CHECK(client->audit.client_id == client->id);
    one->active = true;
    one->is_flip = row->job == CUTOVER_JOB_FLIP;
    one->audit = client->audit;
    one->errors_before = client_errors(&snap, pair);
    struct err err;
    err_clear(&err);
    if (!ops->start(ops->ctx, pair, row->job, &options, &err)) {
        /* A refusal is no end: runners_done was not called. */
        CHECK(one->active && err_is_set(&err));
        one->active = false;
        answer_fail(client, &err);
        return;
    }
    /* It may have ended within the call. Else the columns go out now, so that the client need not
     * wait to know that it runs. */
    if (one->active) {
        answer_begin_steps(client);
    }
}

/* ---- rows ---- */

/* The last line of a flip, as the operator wants to read it. */
static void
put_summary(const struct runner *r, const struct snapshot *snap, uint32_t pair, struct buf *out)
{
    const struct cutover_status *c = &snap->pairs[pair].cutover;
    const uint64_t errors = client_errors(snap, pair) - r->errors_before;
    buf_printf(out, "writes were held %s; %" PRIu64 " %s; ", text_duration(c->held_us).s, errors,
               errors == 1 ? "error" : "errors");
    if (c->way_back != CUTOVER_WAY_BACK_OPEN) {
        buf_printf(out, "there is NO way back");
        return;
    }
    const struct node_facts *old = facts_lead(snap->pairs[pair].facts, c->from);
    buf_printf(out, "the way back is open%s%s%s: tealctl %s%s",
               old->lag_known ? " (reverse lag " : "",
               old->lag_known ? text_bytes(old->lag_bytes).s : "", old->lag_known ? ")" : "",
               pair_option(snap, pair).s, c->to == SIDE_GREEN ? "rollback" : "cutover");
}

/* Of a flip that has moved the writes; what a dry run has to say is shown as it is. */
static bool
send_summary(const struct runners *r, uint32_t pair, struct console_client *client)
{
    struct snapshot snap;
    runners_snapshot(r, &snap);
    if (!snap.pairs[pair].cutover.committed) {
        return false;
    }
    struct buf detail;
    buf_init(&detail);
    put_summary(&r->of_pair[pair], &snap, pair, &detail);
    buf_put_u8(&detail, 0);
    answer_step(client, cutover_result_name(CUTOVER_SUMMARY), "",
                (const char *)buf_slice(&detail).p, "");
    buf_fini(&detail);
    return true;
}

void
runners_report(struct runners *r, uint32_t pair, const struct cutover_report *row)
{
    CHECK(pair < PAIRS_MAX);
    struct console_client *client = runner_client(r, pair);
    if (client == NULL) {
        return;
    }
    if (row->result != CUTOVER_SUMMARY || !send_summary(r, pair, client)) {
        answer_step(client, cutover_result_name(row->result), row->step, row->detail,
                    row->took_known ? text_duration(row->took_us).s : "");
    }
    console_client_turn(client);
}

/* ---- the end ---- */

/* Says in the SQLSTATE how a failed flip ended. */
static void
explain_failure(const struct runners *r, uint32_t pair, struct err *err)
{
    struct snapshot snap;
    if (!r->of_pair[pair].is_flip) {
        return;
    }
    runners_snapshot(r, &snap);
    const struct cutover_status *c = &snap.pairs[pair].cutover;
    struct err told = *err;
    if (c->blocked) {
        (void)err_set(&told, SQLSTATE_FLIP_BLOCKED, "the flip cannot be finished: %.400s",
                      err->text);
    } else if (c->held_us > 0 && !c->committed) {
        (void)err_set(&told, SQLSTATE_FLIP_UNDONE,
                      "the flip was undone, writes go on at %s: %.400s",
                      side_name(snap.pairs[pair].view->writer), err->text);
    }
    memcpy(told.hint, err->hint, sizeof(told.hint));
    *err = told;
}

void
runners_done(struct runners *r, uint32_t pair, bool ok, const struct err *err)
{
    CHECK(pair < PAIRS_MAX);
    struct runner *one = &r->of_pair[pair];
    struct err told;
    if (!one->active) {
        return;
    }
    CHECK(ok || err_is_set(err));
    err_clear(&told);
    if (!ok) {
        told = *err;
        explain_failure(r, pair, &told);
    }
    struct console_client *client = runner_client(r, pair);
    one->active = false;
    if (client == NULL) {
        one->audit.operates = true;
        audit_write(&one->audit, ok ? NULL : &told);
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
runners_call_off(struct runners *r, const struct console_client *client)
{
    const struct console_ops *ops = r->all->ops;
    for (uint32_t pair = 0; pair < PAIRS_MAX; pair++) {
        if (runner_client(r, pair) != client) {
            continue;
        }
        const bool taken = ops->abort(ops->ctx, pair);
        log_info(NULL, "the operator calls the command off", "taken=%s text=\"%s\"",
                 taken ? "yes" : "no", r->of_pair[pair].audit.text);
    }
}
