/* commands.c — the commands of the console that are over at once, and those that wait for a moment.
 * See console_internal.h; the long ones, which move writes, are in console.c.
 *
 * A command that waits looks again every few milliseconds, with the timer of its client: PAUSE asks
 * the control thread, WAIT_CLOSE the workers. */
/* SPDX-License-Identifier: PostgreSQL */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "admin/console_internal.h"
#include "admin/text.h"
#include "base/clock.h"
#include "base/mem.h"

enum { WAIT_POLL_US = 10 * 1000 };

/* ---- acts ---- */

/* An act that is over at once: one row. */
typedef bool act_fn(void *ctx, const struct command *s, struct buf *detail, struct err *err);

static void
client_run_act(struct client *client, const char *step, act_fn *act)
{
    struct buf detail;
    struct err err;
    err_clear(&err);
    buf_init(&detail);
    const bool ok = act(client->console->ops.ctx, &client->command, &detail, &err);
    CHECK(ok || err_is_set(&err));
    if (ok) {
        buf_put_u8(&detail, 0);
        client_send_step(client, "ok", step, (const char *)buf_slice(&detail).p,
                         text_duration(clock_now_us() - client->started_us).s);
        client_audit(client, NULL);
        dialog_complete(&client->dialog, client->command.row->words);
    } else {
        client_fail(client, &err);
    }
    buf_fini(&detail);
}

static void
run_reads(struct client *client)
{
    client_run_act(client, "reads", client->console->ops.reads);
}

static void
run_hold(struct client *client)
{
    client_run_act(client, "hold", client->console->ops.hold);
}

static void
run_release(struct client *client)
{
    client_run_act(client, "release", client->console->ops.release);
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
on_clients_to_kill(void *arg, struct table *clients)
{
    struct ask *ask = arg;
    struct client *client = client_find(ask->console, ask->client_id);
    mem_free(ask);
    if (client != NULL && client->dialog.state == DIALOG_BUSY) {
        const uint64_t id = client->command.number;
        if (has_client(clients, id)) {
            client_run_act(client, "kill", client->console->ops.kill);
        } else {
            struct err err;
            (void)err_set(&err, SQLSTATE_UNDEFINED_OBJECT, "there is no client %" PRIu64, id);
            (void)err_hint(&err, "SHOW CLIENTS has them in its column id.");
            client_fail(client, &err);
        }
        client_turn(client);
    }
    table_free(clients);
}

static void
run_kill(struct client *client)
{
    struct console *console = client->console;
    struct ask *ask = xcalloc(1, sizeof(*ask));
    *ask = (struct ask){console, client->id};
    console->ops.report(console->ops.ctx, WORKER_REPORT_CLIENTS, on_clients_to_kill, ask);
}

static void
run_resume(struct client *client)
{
    client_run_act(client, "resume", client->console->ops.resume);
}

static void
run_kill_all(struct client *client)
{
    client_run_act(client, "kill", client->console->ops.kill_all);
}

static void
run_reconnect(struct client *client)
{
    client_run_act(client, "reconnect", client->console->ops.reconnect);
}

static void
run_disable(struct client *client)
{
    client_run_act(client, "disable", client->console->ops.disable);
}

static void
run_enable(struct client *client)
{
    client_run_act(client, "enable", client->console->ops.enable);
}

/* SUSPEND and SHOW FDS are the two halves of PgBouncer's restart by handing sockets over. */
static void
run_unsupported(struct client *client)
{
    struct err err;
    (void)err_set(&err, SQLSTATE_FEATURE_NOT_SUPPORTED,
                  "%s is not supported: sockets are not handed over to another process",
                  client->command.row->words);
    (void)err_hint(&err, "PAUSE lets everything wait; HOLD lets writes wait.");
    client_fail(client, &err);
}

static void
run_set(struct client *client)
{
    client_run_act(client, "set", client->console->ops.set);
}

static void
run_reload(struct client *client)
{
    client_run_act(client, "reload", client->console->ops.reload);
}

static void
run_shutdown(struct client *client)
{
    client_run_act(client, "shutdown", client->console->ops.shutdown);
}

/* ---- commands that wait ---- */

static void
client_wait_end(struct client *client, enum console_wait state, const struct buf *detail,
                const struct err *err)
{
    if (state == CONSOLE_WAITS) {
        timer_start(client->timer, WAIT_POLL_US);
        return;
    }
    if (state == CONSOLE_WAIT_FAILED) {
        client_fail(client, err);
        return;
    }
    char text[AUDIT_TEXT_MAX];
    const struct slice said = buf_slice(detail);
    (void)snprintf(text, sizeof(text), "%.*s", (int)said.len, (const char *)said.p);
    client_send_step(client, "ok", "wait", text,
                     text_duration(clock_now_us() - client->started_us).s);
    client_audit(client, NULL);
    dialog_complete(&client->dialog, client->command.row->words);
}

static void
on_pause_poll(struct client *client)
{
    struct buf detail;
    struct err err;
    err_clear(&err);
    buf_init(&detail);
    const struct console_ops *ops = &client->console->ops;
    client_wait_end(client, ops->paused(ops->ctx, &detail, &err), &detail, &err);
    buf_fini(&detail);
}

/* How many server connections wait to be closed. */
static size_t
closing_count(const struct table *servers)
{
    const size_t column = table_column(servers, "close_needed");
    size_t count = 0;
    for (size_t row = 0; row < table_rows(servers); row++) {
        count += table_number(servers, row, column);
    }
    return count;
}

static void
on_closing_table(void *arg, struct table *servers)
{
    struct ask *ask = arg;
    struct client *client = client_find(ask->console, ask->client_id);
    const size_t count = closing_count(servers);
    mem_free(ask);
    table_free(servers);
    if (client == NULL || client->dialog.state != DIALOG_BUSY) {
        return;
    }
    struct buf detail;
    struct err err;
    enum console_wait state = count == 0 ? CONSOLE_WAIT_OVER : CONSOLE_WAITS;
    buf_init(&detail);
    buf_printf(&detail, "no server connection waits to be closed");
    if (count > 0 && clock_now_us() >= client->wait_until_us) {
        state = CONSOLE_WAIT_FAILED;
        (void)err_set(&err, SQLSTATE_OBJECT_IN_USE,
                      "%zu server connections that RECONNECT meant are still in use", count);
        (void)err_hint(&err, "They are closed when they are released: SHOW SERVERS has them.");
    }
    client_wait_end(client, state, &detail, &err);
    buf_fini(&detail);
    client_turn(client);
}

void
acts_wait_on(struct client *client)
{
    struct console *console = client->console;
    if (client->command.id == CMD_PAUSE) {
        on_pause_poll(client);
        client_turn(client);
        return;
    }
    CHECK(client->command.id == CMD_WAIT_CLOSE);
    struct ask *ask = xcalloc(1, sizeof(*ask));
    *ask = (struct ask){console, client->id};
    console->ops.report(console->ops.ctx, WORKER_REPORT_SERVERS, on_closing_table, ask);
}

static void
client_wait(struct client *client, act_fn *act)
{
    struct buf detail;
    struct err err;
    err_clear(&err);
    buf_init(&detail);
    const bool ok = act(client->console->ops.ctx, &client->command, &detail, &err);
    buf_fini(&detail);
    if (!ok) {
        client_fail(client, &err);
        return;
    }
    client_begin_steps(client);
    timer_start(client->timer, WAIT_POLL_US);
}

static void
run_pause(struct client *client)
{
    client_wait(client, client->console->ops.pause);
}

static void
run_wait_close(struct client *client)
{
    struct snapshot snap = {0};
    client->console->ops.snapshot(client->console->ops.ctx, &snap);
    const struct command *s = &client->command;
    client->wait_until_us =
        clock_now_us() + (s->timeout_set ? s->timeout_us : snap.conf->pause_timeout_us);
    client_wait(client, client->console->ops.wait_close);
}

void
acts_cancel(struct client *client)
{
    const struct console_ops *ops = &client->console->ops;
    struct buf detail;
    struct err err;
    client->wait_until_us = 0; /* of WAIT_CLOSE */
    if (client->command.id == CMD_PAUSE) {
        buf_init(&detail);
        err_clear(&err);
        (void)ops->resume(ops->ctx, &client->command, &detail, &err);
        buf_fini(&detail); /* its answer comes with the next look at the pause */
    }
}

/* ---- which command does what ---- */

static client_act_fn *const acts[COMMANDS_COUNT] = {
    [CMD_READS] = run_reads,
    [CMD_HOLD] = run_hold,
    [CMD_RELEASE] = run_release,
    [CMD_PAUSE] = run_pause,
    [CMD_RESUME] = run_resume,
    [CMD_KILL_ALL] = run_kill_all,
    [CMD_SET] = run_set,
    [CMD_RECONNECT] = run_reconnect,
    [CMD_WAIT_CLOSE] = run_wait_close,
    [CMD_DISABLE] = run_disable,
    [CMD_ENABLE] = run_enable,
    [CMD_SUSPEND] = run_unsupported,
    [CMD_FDS] = run_unsupported,
    [CMD_KILL] = run_kill,
    [CMD_RELOAD] = run_reload,
    [CMD_SHUTDOWN] = run_shutdown,
};

client_act_fn *
acts_find(enum command_id command)
{
    CHECK((size_t)command < COMMANDS_COUNT);
    return acts[command];
}
