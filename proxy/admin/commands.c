/* commands.c — what each command of the console does. See commands.h.
 *
 * By the reply that its row names: a table made at once, a table that the workers are asked for,
 * a long command (runner.c), or steps. Those that answer in steps are over at once, or wait for a
 * moment and look again every few milliseconds: PAUSE asks the control thread, WAIT_CLOSE the
 * workers. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/commands.h"

#include <inttypes.h>
#include <string.h>

#include "admin/answer.h"
#include "admin/ask.h"
#include "admin/pairs.h"
#include "admin/show.h"
#include "base/clock.h"

static void perform(struct console_client *client);
static void start_kill(struct console_client *client);
static void start_pause(struct console_client *client);
static void start_wait_close(struct console_client *client);
static void refuse_unsupported(struct console_client *client);

/* Those that answer in steps; step names the row of what is over at once. */
static const struct {
    console_client_fn *start;
    const char *step;
} step_commands[COMMANDS_COUNT] = {
    [CMD_READS] = {perform, "reads"},
    [CMD_HOLD] = {perform, "hold"},
    [CMD_RELEASE] = {perform, "release"},
    [CMD_RESUME] = {perform, "resume"},
    [CMD_KILL_ALL] = {perform, "kill"},
    [CMD_RECONNECT] = {perform, "reconnect"},
    [CMD_DISABLE] = {perform, "disable"},
    [CMD_ENABLE] = {perform, "enable"},
    [CMD_SET] = {perform, "set"},
    [CMD_RELOAD] = {perform, "reload"},
    [CMD_SHUTDOWN] = {perform, "shutdown"},
    [CMD_KILL] = {start_kill, "kill"},
    [CMD_PAUSE] = {start_pause, "wait"},
    [CMD_WAIT_CLOSE] = {start_wait_close, "wait"},
    [CMD_SUSPEND] = {refuse_unsupported, ""},
    [CMD_FDS] = {refuse_unsupported, ""},
};

static const enum worker_report worker_reports[COMMANDS_COUNT] = {
    [CMD_CLIENTS] = WORKER_REPORT_CLIENTS, [CMD_SESSIONS] = WORKER_REPORT_CLIENTS,
    [CMD_SERVERS] = WORKER_REPORT_SERVERS, [CMD_POOLS] = WORKER_REPORT_POOLS,
    [CMD_SOCKETS] = WORKER_REPORT_SOCKETS, [CMD_ACTIVE_SOCKETS] = WORKER_REPORT_ACTIVE_SOCKETS,
    [CMD_USERS] = WORKER_REPORT_USERS,     [CMD_ERRORS] = WORKER_REPORT_ERRORS,
};

/* ---- tables ---- */

static void
answer_report(struct console_client *client, struct snapshot *snap)
{
    snapshot_select(snap, client->command.pair_number);
    struct table *t = show_table(&client->command, snap);
    answer_table(client, t);
    table_free(t);
}

static void
on_worker_report(struct console_client *client, const struct table *t)
{
    if (!client->command.pinned) {
        answer_table(client, t);
        return;
    }
    struct table *pinned = show_pinned(t);
    answer_table(client, pinned);
    table_free(pinned);
}

/* ---- which command does what ---- */

static void
start_steps(struct console_client *client)
{
    console_client_fn *const start = step_commands[client->command.id].start;
    CHECK(start != NULL); /* the test goes through the table */
    start(client);
}

/* With several pairs a command that changes one must say which. */
static bool
find_pair(struct console_client *client, const struct snapshot *snap)
{
    struct err err;
    err_clear(&err);
    if (pair_of_command(&client->command, snap, &client->command.pair_number, &err)) {
        return true;
    }
    answer_fail(client, &err);
    return false;
}

void
command_run(struct console_client *client, struct runners *runners)
{
    const struct command *c = &client->command;
    CHECK(c->row != NULL && (size_t)c->id < COMMANDS_COUNT);
    const enum command_reply reply = c->row->reply;
    struct snapshot snap;
    runners_snapshot(runners, &snap);
    if (!find_pair(client, &snap)) {
        return;
    }
    if (client->describe && (reply == REPLY_STEPS || reply == REPLY_LONG)) {
        answer_begin_steps(client);
        return;
    }
    switch (reply) {
    case REPLY_NONE:
        dialog_complete(&client->dialog, "SET");
        return;
    case REPLY_TABLE:
        answer_report(client, &snap);
        return;
    case REPLY_WORKERS:
        ask_workers(client, worker_reports[c->id], on_worker_report);
        return;
    case REPLY_STEPS:
        start_steps(client);
        return;
    case REPLY_LONG:
        runners_start(runners, client);
        return;
    }
    UNREACHABLE();
}

/* ---- over at once ---- */

/* Has the control thread do it; when that refuses, the command ends with the error. */
static bool
perform_or_fail(struct console_client *client, struct buf *detail)
{
    const struct console_ops *ops = client->all->ops;
    struct err err;
    err_clear(&err);
    const bool ok = ops->perform(ops->ctx, &client->command, detail, &err);
    CHECK(ok || err_is_set(&err));
    if (!ok) {
        answer_fail(client, &err);
    }
    return ok;
}

/* One row with what came of it. */
static void
end_well(struct console_client *client, const struct buf *detail)
{
    answer_ok(client, step_commands[client->command.id].step, detail);
    answer_done(client);
}

static void
perform(struct console_client *client)
{
    struct buf detail;
    buf_init(&detail);
    if (perform_or_fail(client, &detail)) {
        end_well(client, &detail);
    }
    buf_fini(&detail);
}

static bool
has_client(const struct table *clients, uint64_t id)
{
    const size_t column = table_column(clients, "id");
    for (size_t row = 0; row < table_rows(clients); row++) {
        if (table_number(clients, row, column) == id) {
            return true;
        }
    }
    return false;
}

static void
on_clients_to_kill(struct console_client *client, const struct table *clients)
{
    const uint64_t id = client->command.number;
    if (has_client(clients, id)) {
        perform(client);
        return;
    }
    struct err err;
    (void)err_set(&err, SQLSTATE_UNDEFINED_OBJECT, "there is no client %" PRIu64, id);
    (void)err_hint(&err, "SHOW CLIENTS has them in its column id.");
    answer_fail(client, &err);
}

static void
start_kill(struct console_client *client)
{
    ask_workers(client, WORKER_REPORT_CLIENTS, on_clients_to_kill);
}

/* SUSPEND and SHOW FDS are the two halves of PgBouncer's restart by handing sockets over. */
static void
refuse_unsupported(struct console_client *client)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                  "%s is not supported: sockets are not handed over to another process",
                  client->command.row->words);
    (void)err_hint(&err, "PAUSE lets everything wait; HOLD lets writes wait.");
    answer_fail(client, &err);
}

/* ---- commands that wait ---- */

/* The client learns that its command runs, and waits. */
static void
begin_wait(struct console_client *client, console_client_fn *look, console_client_fn *call_off)
{
    struct buf detail;
    buf_init(&detail);
    const bool ok = perform_or_fail(client, &detail);
    buf_fini(&detail); /* the answer comes with the end of the wait */
    if (ok) {
        answer_begin_steps(client);
        console_client_wait(client, look, call_off);
    }
}

/* Its answer comes with the next look at the pause. */
static void
call_off_pause(struct console_client *client)
{
    const struct console_ops *ops = client->all->ops;
    ops->pause_cancel(ops->ctx, &client->command);
}

static void
look_at_pause(struct console_client *client)
{
    const struct console_ops *ops = client->all->ops;
    struct buf detail;
    struct err err;
    err_clear(&err);
    buf_init(&detail);
    switch (ops->pause_state(ops->ctx, &client->command, &detail, &err)) {
    case CONSOLE_WAITS:
        console_client_wait(client, look_at_pause, call_off_pause);
        break;
    case CONSOLE_WAIT_OVER:
        end_well(client, &detail);
        break;
    case CONSOLE_WAIT_FAILED:
        answer_fail(client, &err);
        break;
    }
    buf_fini(&detail);
}

static void
start_pause(struct console_client *client)
{
    begin_wait(client, look_at_pause, call_off_pause);
}

/* How many server connections wait to be closed, of the database or of all. */
static uint64_t
closing_count(const struct table *servers, const char *database)
{
    const size_t column = table_column(servers, "close_needed");
    uint64_t count = 0;
    for (size_t row = 0; row < table_rows(servers); row++) {
        const bool meant =
            database[0] == '\0' ||
            strcmp(table_text(servers, row, table_column(servers, "database")), database) == 0;
        count += meant ? table_number(servers, row, column) : 0;
    }
    return count;
}

static void look_at_servers(struct console_client *client);

/* The next look finds that its time is over. */
static void
call_off_wait_close(struct console_client *client)
{
    client->wait_until_us = 0;
}

static void
on_servers(struct console_client *client, const struct table *servers)
{
    const uint64_t count = closing_count(servers, client->command.database);
    if (count == 0) {
        struct buf detail;
        buf_init(&detail);
        buf_printf(&detail, "no server connection waits to be closed");
        end_well(client, &detail);
        buf_fini(&detail);
    } else if (clock_now_us() < client->wait_until_us) {
        console_client_wait(client, look_at_servers, call_off_wait_close);
    } else {
        struct err err;
        (void)err_set(&err, SQLSTATE_OBJECT_IN_USE,
                      "%" PRIu64 " server connections that RECONNECT meant are still in use",
                      count);
        (void)err_hint(&err, "They are closed when they are released: SHOW SERVERS has them.");
        answer_fail(client, &err);
    }
}

static void
look_at_servers(struct console_client *client)
{
    ask_workers(client, WORKER_REPORT_SERVERS, on_servers);
}

static void
start_wait_close(struct console_client *client)
{
    const struct console_ops *ops = client->all->ops;
    const struct command *c = &client->command;
    struct snapshot snap = {0};
    ops->snapshot(ops->ctx, &snap);
    client->wait_until_us =
        clock_now_us() + (c->timeout_set ? c->timeout_us : snap.conf->pause_timeout_us);
    begin_wait(client, look_at_servers, call_off_wait_close);
}
