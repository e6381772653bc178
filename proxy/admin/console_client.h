/* console_client.h — one connection of the console: its socket, its dialog, the command under way.
 *
 * While the dialog is BUSY a command is under way, and ends in answer_done or answer_fail. What
 * answers later finds the client by its number (console_clients_find), for it may have gone. A
 * client that is closed is freed at the end of the loop's turn, because its own callback may be on
 * the stack.
 *
 * A command that waits (PAUSE, WAIT_CLOSE) looks again every few milliseconds, with the timer of
 * its client; the same timer bounds the time until a start-up packet has come. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_CONSOLE_CLIENT_H
#define TEAL_ADMIN_CONSOLE_CLIENT_H

#include <sys/socket.h>

#include "admin/audit.h"
#include "admin/console_ops.h"
#include "admin/dialog.h"
#include "base/list.h"
#include "net/stream.h"

struct console_client;
typedef void console_client_fn(struct console_client *client);

/* All of them, and what they share. */
struct console_clients {
    struct loop *loop;             /* borrowed */
    const struct console_ops *ops; /* borrowed */
    void *owner;                   /* borrowed: the console */
    struct list list;              /* struct console_client, owned */
    size_t count;
    uint64_t last_id;
};

struct console_client {
    struct list node;
    struct console_clients *all; /* borrowed */
    uint64_t id;
    struct stream stream;
    struct dialog dialog;
    struct timer *timer; /* owned: of the login, then of a command that waits */
    bool closed;         /* unlinked; freed at the end of the turn */
    uid_t uid;
    pid_t pid;
    char user_name[COMMAND_NAME_SIZE]; /* of the uid in the system; "" for none */
    uint64_t active_us;                /* when it began, or said something last */

    /* The command under way, or the last one. */
    struct command command; /* its sql is not kept */
    bool describe;          /* it is only asked for its columns */
    struct audit audit;
    console_client_fn *look;     /* of a command that waits: how does it stand? Else NULL */
    console_client_fn *call_off; /* of a command that waits: Ctrl-C */
    uint64_t wait_until_us;
};

void console_clients_init(struct console_clients *all, struct loop *loop,
                          const struct console_ops *ops, void *owner);
/* NULL when it has gone. */
struct console_client *console_clients_find(const struct console_clients *all, uint64_t id);
/* The client whose key a CancelRequest carries; NULL for none. */
struct console_client *console_clients_find_key(const struct console_clients *all, uint32_t pid,
                                                struct slice key);

/* Who is at the other end of the descriptor, without taking it: uid, pid and name are all that is
 * set. False when the kernel does not tell. */
MUST_CHECK bool console_client_identify(struct console_client *client, int fd);
/* A client in the set; takes the descriptor, copies who it is. ops: their ctx is the client. It
 * owns itself from here. */
void console_client_new(struct console_clients *all, int fd, const struct console_client *who,
                        const struct dialog_ops *ops);
/* Closes the socket and leaves the set; harmless when closed. */
void console_client_close(struct console_client *client);
/* Sends what there is, lets the dialog go on, and waits for what comes next. To be called after
 * every answer that is not made within execute. */
void console_client_turn(struct console_client *client);

/* The start-up is over: its time is no longer limited. */
void console_client_logged_in(struct console_client *client);
/* A command has come; describe: only its columns are asked for. */
void console_client_begin(struct console_client *client, struct slice text, bool describe);
/* The command waits: look is called soon, call_off when the operator cancels it. Look waits again,
 * or answers. */
void console_client_wait(struct console_client *client, console_client_fn *look,
                         console_client_fn *call_off);
/* Calls off what it waits for; harmless when it does not. */
void console_client_call_off(struct console_client *client);

#endif
