/* console.c — the admin socket. See console.h.
 *
 * Three parts: sessions (sockets in and out of a dialog), answers in tables, and the one long
 * command with its runner; the other commands stand in commands.c. A session that is closed is
 * freed at the end of the turn, because its own callback may be on the stack; the long command
 * knows its runner by number, so that a dead one is simply not found. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/console.h"

#include <errno.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/console_internal.h"
#include "admin/rights.h"
#include "admin/show.h"
#include "admin/text.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/listener.h"
#include "net/stream.h"

enum {
    RECV_SIZE = 16 * 1024,
    RUNNER_SIZE = 320,
    LOGIN_TIMEOUT_US = 5 * 1000 * 1000,
    IDLE_EVICT_US = 60 * 1000 * 1000,
    BACKLOG = 16,
};

static const char *const step_columns[] = {"result", "step", "detail", "took"};

/* ---- sessions ---- */

static void
client_free(void *arg)
{
    struct client *client = arg;
    dialog_fini(&client->dialog);
    timer_free(client->timer);
    mem_free(client);
}

static void
client_close(struct client *client)
{
    if (client->closed) {
        return;
    }
    client->closed = true;
    list_remove(&client->node);
    client->console->clients_count--;
    stream_close(&client->stream);
    timer_stop(client->timer);
    loop_dispose(client->console->loop, client_free, client);
}

/* Sends what there is, lets the dialog go on, and settles what is waited for next. */
void
client_turn(struct client *client)
{
    while (!client->closed && buf_len(&client->dialog.out) > 0) {
        const enum stream_status status = stream_flush(&client->stream, &client->dialog.out);
        if (status == STREAM_CLOSED) {
            client_close(client);
            return;
        }
        if (status == STREAM_AGAIN) {
            break;
        }
        dialog_sent(&client->dialog);
    }
    if (client->closed) {
        return;
    }
    if (client->dialog.state == DIALOG_CLOSED && buf_len(&client->dialog.out) == 0) {
        client_close(client);
        return;
    }
    buf_shrink(&client->dialog.out);
    const unsigned reads = dialog_wants(&client->dialog) ? WATCH_READ : 0;
    const unsigned writes = buf_len(&client->dialog.out) > 0 ? WATCH_WRITE : 0;
    stream_want(&client->stream, reads | writes);
}

static void
client_ready(void *arg, unsigned ready)
{
    struct client *client = arg;
    if ((ready & WATCH_READ) != 0) {
        uint8_t bytes[RECV_SIZE];
        size_t n = 0;
        const enum stream_status status = stream_recv(&client->stream, bytes, sizeof(bytes), &n);
        if (status == STREAM_CLOSED) {
            client_close(client);
            return;
        }
        if (status == STREAM_OK) {
            dialog_feed(&client->dialog, slice_of(bytes, n));
        }
    }
    client_turn(client);
}

struct client *
client_find(const struct console *console, uint64_t id)
{
    LIST_EACH(node, &console->clients)
    {
        struct client *client = LIST_OBJECT(node, struct client, node);
        if (client->id == id) {
            return client;
        }
    }
    return NULL;
}

static void
client_on_timer(void *arg)
{
    struct client *client = arg;
    if (client->dialog.state == DIALOG_STARTUP) {
        client_close(client);
    } else if (client->dialog.state == DIALOG_BUSY) {
        acts_wait_on(client);
    }
}

static bool
is_session(const struct client *client)
{
    return client->dialog.state == DIALOG_READY || client->dialog.state == DIALOG_BUSY;
}

/* A place for one more session: a free one, or that of the session that has been idle for longest.
 */
static bool
make_room(struct console *console)
{
    struct client *idlest = NULL;
    size_t count = 0;
    const uint64_t now = loop_now_us(console->loop);
    LIST_EACH(node, &console->clients)
    {
        struct client *client = LIST_OBJECT(node, struct client, node);
        count += is_session(client) ? 1 : 0;
        const bool idle =
            client->dialog.state == DIALOG_READY && now > client->started_us + IDLE_EVICT_US;
        if (idle && (idlest == NULL || client->started_us < idlest->started_us)) {
            idlest = client;
        }
    }
    if (count < CONSOLE_SESSIONS_MAX) {
        return true;
    }
    if (idlest == NULL) {
        return false;
    }
    struct err err;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN,
                  "this idle console session makes room for another");
    dialog_fatal(&idlest->dialog, &err);
    client_turn(idlest);
    return true;
}

/* By the configuration of now: a RELOAD takes effect on who is connected. */
static enum right
client_right(const struct client *client)
{
    struct snapshot snap = {0};
    client->console->ops.snapshot(client->console->ops.ctx, &snap);
    return right_of(snap.conf, client->uid, geteuid(), client->user_name);
}

/* ops->begin of the dialog. */
static bool
client_begin(void *ctx, const char *user, const char *database, struct err *err)
{
    struct client *client = ctx;
    (void)user; /* the kernel tells who it is */
    if (client_right(client) == RIGHT_NONE) {
        log_warn(NULL, "console connection refused", "uid=%u pid=%d", (unsigned)client->uid,
                 (int)client->pid);
        (void)err_set(err, SQLSTATE_INVALID_AUTHORIZATION,
                      "the console is for the user that runs teal, and for root");
        return err_hint(err, "admin_users and stats_users name others.");
    }
    if (strcmp(database, "teal") != 0 && strcmp(database, "pgbouncer") != 0) {
        (void)err_set(err, SQLSTATE_INVALID_DATABASE, "database \"%s\" does not exist", database);
        return err_hint(err, "The console is the database \"teal\".");
    }
    if (!make_room(client->console)) {
        return err_set(err, SQLSTATE_TOO_MANY_CONNECTIONS,
                       "the console has its %d sessions, and none of them is idle",
                       CONSOLE_SESSIONS_MAX);
    }
    client->started_us = loop_now_us(client->console->loop);
    timer_stop(client->timer);
    return true;
}

/* ---- audit ---- */

/* The start of the statement in one line, with quotes that do not break the log's. */
static void
audit_text(char *out, struct slice text)
{
    const size_t len = text.len < AUDIT_TEXT_MAX ? text.len : AUDIT_TEXT_MAX;
    for (size_t i = 0; i < len; i++) {
        const char c = (char)text.p[i];
        out[i] = c == '"' ? '\'' : c == '\n' || c == '\t' ? ' ' : c;
    }
    out[len] = '\0';
    if (strcasestr(out, "password") != NULL) {
        out[strcspn(out, "=")] = '\0'; /* of a SET: the value is a secret */
    }
}

static void
audit(uint64_t id, const struct ucred *who, const char *text, uint64_t started_us, bool operates,
      const struct err *err)
{
    const struct log_ctx log = {.kind = "console", .id = id};
    const uint64_t took_us = clock_now_us() - started_us;
    if (err != NULL) {
        log_info(&log, "console command failed",
                 "uid=%u pid=%d took_ms=%" PRIu64 " text=\"%s\" sqlstate=%s error=\"%s\"",
                 (unsigned)who->uid, (int)who->pid, took_us / 1000, text, err->sqlstate, err->text);
        return;
    }
    log_line(operates ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG, &log, "console command",
             "uid=%u pid=%d took_ms=%" PRIu64 " text=\"%s\"", (unsigned)who->uid, (int)who->pid,
             took_us / 1000, text);
}

void
client_audit(const struct client *client, const struct err *err)
{
    const struct command_row *row = client->command.row;
    const struct ucred who = {.uid = client->uid, .pid = client->pid};
    if (!client->describe) {
        audit(client->id, &who, client->text, client->started_us,
              row != NULL && row->needs == NEEDS_OPERATE, err);
    }
}

void
client_fail(struct client *client, const struct err *err)
{
    client_audit(client, err);
    dialog_error(&client->dialog, err);
}

/* ---- answers in tables ---- */

static void
client_send_table(struct client *client, const struct table *t)
{
    /* The end of a Describe lets the dialog go on at once: an Execute behind it would be of now. */
    const bool describe = client->describe;
    dialog_columns(&client->dialog, t->columns, t->columns_count);
    if (describe) {
        return;
    }
    const char *cells[TABLE_COLUMNS_MAX];
    char space[TABLE_COLUMNS_MAX][CELL_TEXT_SIZE];
    for (size_t row = 0; row < table_rows(t); row++) {
        for (size_t column = 0; column < t->columns_count; column++) {
            cells[column] = cell_print(table_cell(t, row, column), space[column]);
        }
        dialog_row(&client->dialog, cells, t->columns_count);
    }
    client_audit(client, NULL);
    dialog_complete(&client->dialog, NULL);
}

static void
run_describe(const struct console *console, uint64_t now_us, char *out, size_t size)
{
    const struct run *run = &console->run;
    const uint64_t age_us = now_us > run->started_us ? now_us - run->started_us : 0;
    (void)snprintf(out, size, "\"%s\", started %s ago by uid %u", run->text,
                   text_duration(age_us).s, (unsigned)run->who.uid);
}

static void
console_snapshot(struct console *console, struct snapshot *out, char *runner, size_t size)
{
    *out = (struct snapshot){0};
    console->ops.snapshot(console->ops.ctx, out);
    CHECK(out->conf != NULL && out->view != NULL && out->facts != NULL && out->stats != NULL);
    if (console->run.active) {
        run_describe(console, out->now_us, runner, size);
        out->runner = runner;
    }
}

static void
client_run_table(struct client *client)
{
    char runner[RUNNER_SIZE];
    struct snapshot snap;
    console_snapshot(client->console, &snap, runner, sizeof(runner));
    struct table *t = show_table(&client->command, &snap);
    client_send_table(client, t);
    table_free(t);
}

static void
on_workers_table(void *arg, struct table *table)
{
    struct ask *ask = arg;
    struct client *client = client_find(ask->console, ask->client_id);
    mem_free(ask);
    if (client == NULL || client->dialog.state != DIALOG_BUSY) {
        table_free(table);
        return;
    }
    if (client->command.pinned) {
        table = show_pinned(table);
    }
    client_send_table(client, table);
    table_free(table);
    client_turn(client);
}

static void
client_run_workers(struct client *client)
{
    struct console *console = client->console;
    static const enum worker_report reports[COMMANDS_COUNT] = {
        [CMD_CLIENTS] = WORKER_REPORT_CLIENTS, [CMD_SESSIONS] = WORKER_REPORT_CLIENTS,
        [CMD_SERVERS] = WORKER_REPORT_SERVERS, [CMD_POOLS] = WORKER_REPORT_POOLS,
        [CMD_SOCKETS] = WORKER_REPORT_SOCKETS, [CMD_ACTIVE_SOCKETS] = WORKER_REPORT_ACTIVE_SOCKETS,
        [CMD_USERS] = WORKER_REPORT_USERS,     [CMD_ERRORS] = WORKER_REPORT_ERRORS,
    };
    const enum worker_report what = reports[client->command.id];
    struct ask *ask = xcalloc(1, sizeof(*ask));
    *ask = (struct ask){console, client->id};
    console->ops.report(console->ops.ctx, what, on_workers_table, ask);
}

/* ---- answers in steps ---- */

void
client_begin_steps(struct client *client)
{
    if (!client->dialog.columns_sent) {
        dialog_columns(&client->dialog, step_columns, COUNT_OF(step_columns));
    }
}

void
client_send_step(struct client *client, const char *result, const char *step, const char *detail,
                 const char *took)
{
    const char *const cells[] = {result, step, detail, took};
    client_begin_steps(client);
    dialog_row(&client->dialog, cells, COUNT_OF(cells));
}

/* ---- the long command ---- */

static struct client *
runner_find(const struct console *console)
{
    struct client *client =
        console->run.active ? client_find(console, console->run.client_id) : NULL;
    return client != NULL && client->dialog.state == DIALOG_BUSY ? client : NULL;
}

static bool
run_is_flip(const struct run *run)
{
    return run->id == CMD_CUTOVER || run->id == CMD_ROLLBACK || run->id == CMD_WRITES;
}

/* A second operator learns who is at it, since when, and how far it has come. */
static bool
refuse_second(struct client *client)
{
    struct console *console = client->console;
    if (!console->run.active) {
        return false;
    }
    char runner[RUNNER_SIZE];
    struct snapshot snap;
    struct err err;
    console_snapshot(console, &snap, runner, sizeof(runner));
    (void)err_set(&err, SQLSTATE_OBJECT_IN_USE, "%s is under way, in state %s", runner,
                  snap.cutover.state_name);
    (void)err_hint(&err, "SHOW CUTOVER tells how far it has come.");
    client_fail(client, &err);
    return true;
}

static void
client_run_job(struct client *client, enum cutover_job job, enum side to)
{
    struct console *console = client->console;
    if (refuse_second(client)) {
        return;
    }
    char runner[RUNNER_SIZE];
    struct snapshot snap;
    console_snapshot(console, &snap, runner, sizeof(runner));
    struct cutover_options options = client->command.options;
    options.to = to;
    console->run = (struct run){.active = true,
                                .id = client->command.id,
                                .client_id = client->id,
                                .who = {.uid = client->uid, .pid = client->pid},
                                .started_us = client->started_us,
                                .errors_before = snap.stats->client_errors};
    memcpy(console->run.text, client->text, sizeof(console->run.text));
    struct err err;
    err_clear(&err);
    if (!console->ops.start(console->ops.ctx, job, &options, &err)) {
        console->run.active = false;
        client_fail(client, &err);
        return;
    }
    /* It may have ended within the call. Else the columns go out now, so that the client need not
     * wait to know that it runs. */
    if (console->run.active && !client->dialog.columns_sent) {
        dialog_columns(&client->dialog, step_columns, COUNT_OF(step_columns));
    }
}

static enum side
other_side(const struct client *client)
{
    char runner[RUNNER_SIZE];
    struct snapshot snap;
    console_snapshot(client->console, &snap, runner, sizeof(runner));
    return side_other(snap.view->writer);
}

static void
run_check(struct client *client)
{
    client_run_job(client, CUTOVER_JOB_CHECK, other_side(client));
}

static void
run_prepare(struct client *client)
{
    client_run_job(client, CUTOVER_JOB_PREPARE, other_side(client));
}

static void
run_finish(struct client *client)
{
    client_run_job(client, CUTOVER_JOB_FINISH, other_side(client));
}

static void
run_cutover(struct client *client)
{
    client_run_job(client, CUTOVER_JOB_FLIP, SIDE_GREEN);
}

static void
run_rollback(struct client *client)
{
    client_run_job(client, CUTOVER_JOB_FLIP, SIDE_BLUE);
}

static void
run_writes(struct client *client)
{
    client_run_job(client, CUTOVER_JOB_FLIP, client->command.side);
}

/* The last line of a flip, as the operator wants to read it. */
static void
put_summary(struct console *console, struct buf *out)
{
    char runner[RUNNER_SIZE];
    struct snapshot snap;
    console_snapshot(console, &snap, runner, sizeof(runner));
    const struct cutover_status *c = &snap.cutover;
    const uint64_t errors = snap.stats->client_errors - console->run.errors_before;
    buf_printf(out, "writes were held %s; %" PRIu64 " %s; ", text_duration(c->held_us).s, errors,
               errors == 1 ? "error" : "errors");
    const bool forth = c->to == SIDE_GREEN;
    if (c->way_back != CUTOVER_WAY_BACK_OPEN) {
        buf_printf(out, "there is NO way back");
        return;
    }
    const struct node_facts *old = &snap.facts->node[c->from];
    buf_printf(out, "the way back is open%s%s%s: tealctl %s",
               old->lag_known ? " (reverse lag " : "",
               old->lag_known ? text_bytes(old->lag_bytes).s : "", old->lag_known ? ")" : "",
               forth ? "rollback" : "cutover");
}

static bool
is_summary(const struct console *console, const struct cutover_report *row)
{
    struct snapshot snap = {0};
    if (!run_is_flip(&console->run) || row->result != CUTOVER_INFO ||
        strcmp(row->step, "writes") != 0) {
        return false;
    }
    console->ops.snapshot(console->ops.ctx, &snap);
    return snap.cutover.committed;
}

void
console_report(struct console *console, const struct cutover_report *row)
{
    if (!console->run.active) {
        return;
    }
    console->run.held |= strcmp(row->step, cutover_step_name(CUT_STEP_HOLD)) == 0;
    struct client *client = runner_find(console);
    if (client == NULL) {
        return;
    }
    const struct text took = text_duration(row->took_us);
    if (is_summary(console, row)) {
        struct buf detail;
        buf_init(&detail);
        put_summary(console, &detail);
        buf_put_u8(&detail, 0);
        client_send_step(client, "info", "", (const char *)buf_slice(&detail).p, "");
        buf_fini(&detail);
    } else {
        client_send_step(client, cutover_result_name(row->result), row->step, row->detail,
                         row->took_known ? took.s : "");
    }
    client_turn(client);
}

/* Says in the SQLSTATE how a failed flip ended. */
static void
explain_failure(const struct console *console, struct err *err)
{
    struct snapshot snap = {0};
    if (!run_is_flip(&console->run)) {
        return;
    }
    console->ops.snapshot(console->ops.ctx, &snap);
    struct err told = *err;
    if (snap.cutover.blocked) {
        (void)err_set(&told, SQLSTATE_FLIP_BLOCKED, "the flip cannot be finished: %.400s",
                      err->text);
    } else if (console->run.held && !snap.cutover.committed) {
        (void)err_set(&told, SQLSTATE_FLIP_UNDONE,
                      "the flip was undone, writes go on at %s: %.400s",
                      side_name(snap.view->writer), err->text);
    }
    memcpy(told.hint, err->hint, sizeof(told.hint));
    *err = told;
}

void
console_done(struct console *console, bool ok, const struct err *err)
{
    if (!console->run.active) {
        return;
    }
    struct err told;
    err_clear(&told);
    if (!ok) {
        told = *err;
        explain_failure(console, &told);
    }
    struct client *client = runner_find(console);
    console->run.active = false;
    if (client == NULL) {
        audit(console->run.client_id, &console->run.who, console->run.text, console->run.started_us,
              true, ok ? NULL : &told);
        return;
    }
    if (ok && !client->dialog.columns_sent) {
        dialog_columns(&client->dialog, step_columns, COUNT_OF(step_columns));
    }
    if (ok) {
        client_audit(client, NULL);
        dialog_complete(&client->dialog, client->command.row->words);
    } else {
        client_fail(client, &told);
    }
    client_turn(client);
}

static struct client *
client_of_key(const struct console *console, uint32_t pid, struct slice key)
{
    LIST_EACH(node, &console->clients)
    {
        struct client *client = LIST_OBJECT(node, struct client, node);
        if (client->dialog.pid == pid &&
            slice_equal(key, slice_of(client->dialog.key, sizeof(client->dialog.key)))) {
            return client;
        }
    }
    return NULL;
}

/* ops->cancel of the dialog: Ctrl-C in psql or tealctl. */
static void
client_cancel(void *ctx, uint32_t pid, struct slice key)
{
    struct console *console = ((struct client *)ctx)->console;
    struct client *client = client_of_key(console, pid, key);
    const bool may = right_suffices(client_right(ctx), NEEDS_OPERATE);
    if (!may || client == NULL || client->dialog.state != DIALOG_BUSY) {
        return;
    }
    acts_cancel(client);
    if (client != runner_find(console)) {
        return;
    }
    const bool taken = console->ops.abort(console->ops.ctx);
    log_info(NULL, "the operator calls the command off", "taken=%s text=\"%s\"",
             taken ? "yes" : "no", console->run.text);
}

/* ---- which command does what ---- */

static client_act_fn *const long_commands[COMMANDS_COUNT] = {
    [CMD_CHECK] = run_check,     [CMD_PREPARE] = run_prepare,   [CMD_WRITES] = run_writes,
    [CMD_CUTOVER] = run_cutover, [CMD_ROLLBACK] = run_rollback, [CMD_FINISH] = run_finish,
};

static void
client_run_steps(struct client *client)
{
    if (client->describe) {
        client_begin_steps(client);
        return;
    }
    const enum command_id command = client->command.id;
    client_act_fn *const fn =
        long_commands[command] != NULL ? long_commands[command] : acts_find(command);
    CHECK(fn != NULL); /* the test goes through the table */
    fn(client);
}

static bool
client_may(const struct client *client, struct err *err)
{
    const struct command_row *row = client->command.row;
    if (right_suffices(client_right(client), row == NULL ? NEEDS_VIEW : row->needs)) {
        return true;
    }
    (void)err_set(err, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for %s",
                  row == NULL ? "the console" : row->words);
    return err_hint(err, "It is for the user that runs teal, for root and for admin_users.");
}

/* ops->execute of the dialog. */
static void
client_execute(void *ctx, struct slice text, bool describe)
{
    struct client *client = ctx;
    struct err err;
    client->started_us = clock_now_us();
    client->describe = describe;
    audit_text(client->text, text);
    if (!command_parse(text, &client->command, &err)) {
        client_fail(client, &err);
        return;
    }
    if (!client_may(client, &err)) {
        client_fail(client, &err);
        return;
    }
    if (client->command.row == NULL) {
        dialog_complete_empty(&client->dialog);
        return;
    }
    switch (client->command.row->reply) {
    case REPLY_NONE:
        dialog_complete(&client->dialog, "SET");
        break;
    case REPLY_TABLE:
        client_run_table(client);
        break;
    case REPLY_WORKERS:
        client_run_workers(client);
        break;
    case REPLY_STEPS:
        client_run_steps(client);
        break;
    }
}

/* ---- the socket ---- */

static void
find_user_name(struct client *client)
{
    char space[4096];
    struct passwd entry;
    struct passwd *found = NULL;
    if (getpwuid_r(client->uid, &entry, space, sizeof(space), &found) == 0 && found != NULL) {
        (void)snprintf(client->user_name, sizeof(client->user_name), "%s", found->pw_name);
    }
}

static void
client_new(struct console *console, int fd)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof(peer);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1) {
        log_warn(NULL, "console connection dropped", "error=\"%s\"", strerror(errno));
        (void)close(fd); /* nothing was said on it */
        return;
    }
    struct client *client = xcalloc(1, sizeof(*client));
    client->console = console;
    client->id = ++console->last_id;
    client->uid = peer.uid;
    client->pid = peer.pid;
    find_user_name(client);
    if (client_right(client) == RIGHT_NONE && console->clients_count >= CONSOLE_STRANGERS_MAX) {
        /* He would only be told so: he must not take the place of those who may. */
        log_warn(NULL, "console connection dropped", "uid=%u pid=%d", (unsigned)peer.uid,
                 (int)peer.pid);
        mem_free(client);
        (void)close(fd); /* nothing was said on it */
        return;
    }
    uint8_t key[4];
    rand_bytes(key, sizeof(key));
    const struct dialog_ops ops = {client, client_begin, client_execute, client_cancel};
    dialog_init(&client->dialog, &ops, (uint32_t)client->id, key);
    stream_init(&client->stream, console->loop, fd, client_ready, client);
    client->timer = timer_new(console->loop, client_on_timer, client);
    timer_start(client->timer, LOGIN_TIMEOUT_US);
    list_init(&client->node);
    list_push_back(&console->clients, &client->node);
    console->clients_count++;
    client_turn(client);
}

static void
console_accept(void *arg, unsigned ready)
{
    struct console *console = arg;
    (void)ready;
    const int fd = accept4(console->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == -1) {
        return; /* taken back by the peer, or no descriptor: the next turn tries again */
    }
    if (console->clients_count >= CONSOLE_SOCKETS_MAX) {
        (void)close(fd); /* not even a start-up packet can be read for so many */
        return;
    }
    client_new(console, fd);
}

static bool
make_directory(const char *dir, uint32_t socket_mode, struct err *err)
{
    const bool for_others = (socket_mode & (S_IRWXG | S_IRWXO)) != 0;
    if (mkdir(dir, for_others ? 0755 : 0700) == 0 || errno == EEXIST) {
        return true;
    }
    (void)err_set_errno(err, SQLSTATE_IO_ERROR,
                        "could not make the directory \"%s\" of the admin socket", dir);
    return err_hint(err, "Set admin_socket_dir to a directory that the user of teal may write.");
}

struct console *
console_new(struct loop *loop, const struct conf *conf, const struct console_ops *ops,
            struct err *err)
{
    const char *dir = conf->admin_socket_dir;
    const uint16_t port = conf->admin_socket_port;
    if (!make_directory(dir, conf->admin_socket_mode, err)) {
        return NULL;
    }
    const int fd = listener_open_unix(dir, port, conf->admin_socket_mode, BACKLOG, err);
    if (fd == -1) {
        return NULL;
    }
    struct console *console = xcalloc(1, sizeof(*console));
    console->loop = loop;
    console->ops = *ops;
    console->fd = fd;
    console->path = xasprintf("%s/.s.PGSQL.%u", dir, port);
    list_init(&console->clients);
    console->watch = watch_new(loop, fd, console_accept, console);
    watch_set(console->watch, WATCH_READ);
    return console;
}

void
console_free(struct console *console)
{
    if (console == NULL) {
        return;
    }
    struct err err;
    (void)err_set(&err, SQLSTATE_ADMIN_SHUTDOWN, "teal is shutting down");
    LIST_EACH(node, &console->clients)
    {
        struct client *client = LIST_OBJECT(node, struct client, node);
        if (client->dialog.state != DIALOG_STARTUP) {
            dialog_fatal(&client->dialog, &err);
        }
        (void)stream_flush(&client->stream, &client->dialog.out); /* a goodbye, if it fits */
        client_close(client);
    }
    watch_free(console->watch);
    (void)close(console->fd);    /* no client is left on it */
    (void)unlink(console->path); /* a leftover is replaced at the next start */
    mem_free(console->path);
    mem_free(console);
}
