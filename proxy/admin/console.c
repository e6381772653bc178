/* console.c — the admin socket, and who may do what on it. See console.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/console.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/answer.h"
#include "admin/commands.h"
#include "admin/console_client.h"
#include "admin/rights.h"
#include "admin/runner.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/listener.h"

enum { IDLE_EVICT_US = 60 * 1000 * 1000, BACKLOG = 16 };

struct console {
    struct loop *loop; /* borrowed */
    struct console_ops ops;
    int fd;              /* owned: the listening socket */
    struct watch *watch; /* owned */
    char *path;          /* owned: of the socket file */
    struct console_clients clients;
    struct runners runners;
};

static void console_accept(void *arg, unsigned ready);
static bool on_begin(void *ctx, const char *user, const char *database, struct err *err);
static void on_execute(void *ctx, struct slice text, bool describe);
static void on_cancel(void *ctx, uint32_t pid, struct slice key);

/* ---- life ---- */

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
    console_clients_init(&console->clients, loop, &console->ops, console);
    runners_init(&console->runners, &console->clients);
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
    LIST_EACH(node, &console->clients.list)
    {
        struct console_client *client = LIST_OBJECT(node, struct console_client, node);
        if (client->dialog.state != DIALOG_STARTUP) {
            dialog_fatal(&client->dialog, &err);
        }
        (void)stream_flush(&client->stream, &client->dialog.out); /* a goodbye, if it fits */
        console_client_close(client);
    }
    CHECK(console->clients.count == 0);
    watch_free(console->watch);
    (void)close(console->fd);    /* no client is left on it */
    (void)unlink(console->path); /* a leftover is replaced at the next start */
    mem_free(console->path);
    mem_free(console);
}

void
console_report(struct console *console, uint32_t pair, const struct cutover_report *row)
{
    runners_report(&console->runners, pair, row);
}

void
console_done(struct console *console, uint32_t pair, bool ok, const struct err *err)
{
    runners_done(&console->runners, pair, ok, err);
}

/* ---- rights ---- */

/* By the configuration of now: a RELOAD takes effect on clients that are connected. */
static enum right
right_of_client(const struct console *console, const struct console_client *client)
{
    struct snapshot snap;
    runners_snapshot(&console->runners, &snap);
    return right_of(snap.conf, client->uid, geteuid(), client->user_name);
}

static bool
may_run(const struct console *console, const struct console_client *client, struct err *err)
{
    const struct command_row *row = client->command.row;
    if (right_suffices(right_of_client(console, client), row == NULL ? NEEDS_VIEW : row->needs)) {
        return true;
    }
    (void)err_set(err, SQLSTATE_INSUFFICIENT_PRIVILEGE, "permission denied for %s",
                  row == NULL ? "the console" : row->words);
    return err_hint(err, "It is for the user that runs teal, for root and for admin_users.");
}

/* ---- a new connection ---- */

/* One that would only be told that it may do nothing must not take the place of those who may. */
static bool
is_one_stranger_too_many(const struct console *console, const struct console_client *who)
{
    return console->clients.count >= CONSOLE_STRANGERS_MAX &&
           right_of_client(console, who) == RIGHT_NONE;
}

static void
console_accept(void *arg, unsigned ready)
{
    static const struct dialog_ops ops = {
        .begin = on_begin, .execute = on_execute, .cancel = on_cancel};
    struct console *console = arg;
    struct console_client who;
    (void)ready;
    const int fd = accept4(console->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == -1) {
        return; /* taken back by the peer, or no descriptor: the next turn tries again */
    }
    if (console->clients.count >= CONSOLE_SOCKETS_MAX) {
        (void)close(fd); /* not even a start-up packet can be read for so many */
        return;
    }
    if (!console_client_identify(&who, fd)) {
        log_warn(NULL, "console connection dropped", "error=\"%s\"", strerror(errno));
        (void)close(fd); /* nothing was said on it */
        return;
    }
    if (is_one_stranger_too_many(console, &who)) {
        log_warn(NULL, "console connection dropped", "uid=%u pid=%d", (unsigned)who.uid,
                 (int)who.pid);
        (void)close(fd); /* nothing was said on it */
        return;
    }
    console_client_new(&console->clients, fd, &who, &ops);
}

/* ---- what a dialog calls; ctx is its client ---- */

static struct console *
console_of(const struct console_client *client)
{
    struct console *console = client->all->owner;
    CHECK(client->all == &console->clients);
    return console;
}

static bool
is_session(const struct console_client *client)
{
    return client->dialog.state == DIALOG_READY || client->dialog.state == DIALOG_BUSY;
}

/* A place for one more session: a free one, or that of the session that has been idle for longest.
 */
static bool
make_room(struct console *console)
{
    struct console_client *idlest = NULL;
    size_t count = 0;
    const uint64_t now = loop_now_us(console->loop);
    LIST_EACH(node, &console->clients.list)
    {
        struct console_client *client = LIST_OBJECT(node, struct console_client, node);
        count += is_session(client) ? 1 : 0;
        const bool idle =
            client->dialog.state == DIALOG_READY && now > client->active_us + IDLE_EVICT_US;
        if (idle && (idlest == NULL || client->active_us < idlest->active_us)) {
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
    console_client_turn(idlest);
    return true;
}

static bool
on_begin(void *ctx, const char *user, const char *database, struct err *err)
{
    struct console_client *client = ctx;
    struct console *console = console_of(client);
    (void)user; /* the kernel tells who it is */
    if (right_of_client(console, client) == RIGHT_NONE) {
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
    if (!make_room(console)) {
        return err_set(err, SQLSTATE_TOO_MANY_CONNECTIONS,
                       "the console has its %d sessions, and none of them is idle",
                       CONSOLE_SESSIONS_MAX);
    }
    console_client_logged_in(client);
    return true;
}

static void
on_execute(void *ctx, struct slice text, bool describe)
{
    struct console_client *client = ctx;
    struct console *console = console_of(client);
    struct err err;
    console_client_begin(client, text, describe);
    if (!command_parse(text, &client->command, &err) || !may_run(console, client, &err)) {
        answer_fail(client, &err);
        return;
    }
    if (client->command.row == NULL) {
        dialog_complete_empty(&client->dialog);
        return;
    }
    client->audit.operates = client->command.row->needs == NEEDS_OPERATE;
    command_run(client, &console->runners);
}

/* Ctrl-C in psql or tealctl, on a connection of its own: ctx is not the one that is meant. */
static void
on_cancel(void *ctx, uint32_t pid, struct slice key)
{
    struct console *console = console_of(ctx);
    struct console_client *client = console_clients_find_key(&console->clients, pid, key);
    const bool may = right_suffices(right_of_client(console, ctx), NEEDS_OPERATE);
    if (!may || client == NULL || client->dialog.state != DIALOG_BUSY) {
        return;
    }
    console_client_call_off(client);
    runners_call_off(&console->runners, client);
}
