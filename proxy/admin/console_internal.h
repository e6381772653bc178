/* console_internal.h — the inside of the console: for console.c and commands.c only.
 *
 * A client is one connection. While its dialog is BUSY a statement is under way, and ends in
 * dialog_complete or client_fail; whoever answers later finds the client by its number, for it may
 * be gone. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_CONSOLE_INTERNAL_H
#define TEAL_ADMIN_CONSOLE_INTERNAL_H

#include <sys/socket.h>

#include "admin/console.h"
#include "admin/dialog.h"
#include "base/list.h"
#include "net/stream.h"

enum { AUDIT_TEXT_MAX = 200 };

/* The long command under way. */
struct run {
    bool active;
    enum command_id id;
    uint64_t client_id; /* who started it; he may be gone */
    struct ucred who;
    uint64_t started_us;
    uint64_t errors_before; /* client errors when it started */
    bool held;              /* writes were held in it */
    char text[AUDIT_TEXT_MAX + 1];
};

struct console {
    struct loop *loop; /* borrowed */
    struct console_ops ops;
    int fd;              /* owned: the listening socket */
    struct watch *watch; /* owned */
    char *path;          /* owned: of the socket file */
    struct list clients; /* struct client, owned */
    size_t clients_count;
    uint64_t last_id;
    struct run run;
};

struct client {
    struct list node;
    struct console *console; /* borrowed */
    uint64_t id;
    struct stream stream;
    struct dialog dialog;
    struct timer *timer; /* owned: of the login, then of a command that waits */
    bool closed;         /* unlinked; freed at the end of the turn */
    uid_t uid;
    pid_t pid;
    char user_name[COMMAND_NAME_SIZE]; /* of the uid in the system; "" for none */
    /* Of the statement under way, for the audit and for an answer that comes later. */
    struct command command; /* sql is not kept */
    bool describe;
    uint64_t started_us;
    uint64_t wait_until_us; /* of WAIT_CLOSE */
    char text[AUDIT_TEXT_MAX + 1];
};

/* A question to the workers; the client may be gone when they answer. */
struct ask {
    struct console *console; /* borrowed: answers come by a mailbox that ends first */
    uint64_t client_id;
};

/* console.c */
struct client *client_find(const struct console *console, uint64_t id);
/* Sends what there is and lets the dialog go on; after every answer that is not made within
 * execute. */
void client_turn(struct client *client);
/* The audit line; err NULL: it went well. Before the dialog is told of the end. */
void client_audit(const struct client *client, const struct err *err);
/* The audit line and the error: the statement ends. */
void client_fail(struct client *client, const struct err *err);
/* The columns of an answer in steps, if they are not out yet; then a row. */
void client_begin_steps(struct client *client);
void client_send_step(struct client *client, const char *result, const char *step,
                      const char *detail, const char *took);

/* commands.c: the commands that answer in steps, but for the long ones. */
typedef void client_act_fn(struct client *client);
/* NULL when the command is none of them. */
client_act_fn *acts_find(enum command_id command);
/* The timer of a command that waits has run out: looks again. */
void acts_wait_on(struct client *client);
/* Ctrl-C: calls off what it waits for; harmless for others. */
void acts_cancel(struct client *client);

#endif
