/* console_client.c — one connection of the console. See console_client.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/console_client.h"

#include <pwd.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"

enum { RECV_SIZE = 16 * 1024, LOGIN_TIMEOUT_US = 5 * 1000 * 1000, WAIT_POLL_US = 10 * 1000 };

static void console_client_ready(void *arg, unsigned ready);
static void console_client_on_timer(void *arg);

/* ---- the set ---- */

void
console_clients_init(struct console_clients *all, struct loop *loop, const struct console_ops *ops,
                     void *owner)
{
    *all = (struct console_clients){.loop = loop, .ops = ops, .owner = owner};
    list_init(&all->list);
}

struct console_client *
console_clients_find(const struct console_clients *all, uint64_t id)
{
    LIST_EACH(node, &all->list)
    {
        struct console_client *client = LIST_OBJECT(node, struct console_client, node);
        if (client->id == id) {
            return client;
        }
    }
    return NULL;
}

struct console_client *
console_clients_find_key(const struct console_clients *all, uint32_t pid, struct slice key)
{
    LIST_EACH(node, &all->list)
    {
        struct console_client *client = LIST_OBJECT(node, struct console_client, node);
        const struct slice own = slice_of(client->dialog.key, sizeof(client->dialog.key));
        if (client->dialog.pid == pid && slice_equal(key, own)) {
            return client;
        }
    }
    return NULL;
}

/* ---- life ---- */

bool
console_client_identify(struct console_client *client, int fd)
{
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t len = sizeof(peer);
    char space[4096];
    struct passwd entry;
    struct passwd *found = NULL;
    *client = (struct console_client){0};
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == -1) {
        return false;
    }
    client->uid = peer.uid;
    client->pid = peer.pid;
    if (getpwuid_r(peer.uid, &entry, space, sizeof(space), &found) == 0 && found != NULL) {
        (void)snprintf(client->user_name, sizeof(client->user_name), "%s", found->pw_name);
    }
    return true;
}

void
console_client_new(struct console_clients *all, int fd, const struct console_client *who,
                   const struct dialog_ops *ops)
{
    struct console_client *client = xcalloc(1, sizeof(*client));
    struct dialog_ops own = *ops;
    uint8_t key[4];
    CHECK(fd != -1 && ops->begin != NULL && ops->execute != NULL && ops->cancel != NULL);
    *client = *who;
    client->all = all;
    client->id = ++all->last_id;
    client->audit = (struct audit){.client_id = client->id, .uid = client->uid, .pid = client->pid};
    rand_bytes(key, sizeof(key));
    own.ctx = client;
    dialog_init(&client->dialog, &own, (uint32_t)client->id, key);
    stream_init(&client->stream, all->loop, fd, console_client_ready, client);
    client->timer = timer_new(all->loop, console_client_on_timer, client);
    timer_start(client->timer, LOGIN_TIMEOUT_US);
    list_init(&client->node);
    list_push_back(&all->list, &client->node);
    all->count++;
    console_client_turn(client);
}

static void
console_client_free(void *arg)
{
    struct console_client *client = arg;
    dialog_fini(&client->dialog);
    timer_free(client->timer);
    mem_free(client);
}

void
console_client_close(struct console_client *client)
{
    if (client->closed) {
        return;
    }
    client->closed = true;
    CHECK(client->all->count > 0 && !list_empty(&client->node));
    client->all->count--;
    list_remove(&client->node);
    CHECK((client->all->count == 0) == list_empty(&client->all->list));
    stream_close(&client->stream);
    timer_stop(client->timer);
    loop_dispose(client->all->loop, console_client_free, client);
}

/* ---- bytes ---- */

void
console_client_turn(struct console_client *client)
{
    while (!client->closed && buf_len(&client->dialog.out) > 0) {
        const enum stream_status status = stream_flush(&client->stream, &client->dialog.out);
        if (status == STREAM_CLOSED) {
            console_client_close(client);
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
        console_client_close(client);
        return;
    }
    buf_shrink(&client->dialog.out);
    const unsigned reads = dialog_wants(&client->dialog) ? WATCH_READ : 0;
    const unsigned writes = buf_len(&client->dialog.out) > 0 ? WATCH_WRITE : 0;
    stream_want(&client->stream, reads | writes);
}

static void
console_client_ready(void *arg, unsigned ready)
{
    struct console_client *client = arg;
    if ((ready & WATCH_READ) != 0) {
        uint8_t bytes[RECV_SIZE];
        size_t n = 0;
        const enum stream_status status = stream_recv(&client->stream, bytes, sizeof(bytes), &n);
        if (status == STREAM_CLOSED) {
            console_client_close(client);
            return;
        }
        if (status == STREAM_OK) {
            dialog_feed(&client->dialog, slice_of(bytes, n));
        }
    }
    console_client_turn(client);
}

/* ---- commands ---- */

void
console_client_logged_in(struct console_client *client)
{
    CHECK(client->dialog.state == DIALOG_STARTUP);
    client->active_us = clock_now_us();
    timer_stop(client->timer);
}

void
console_client_begin(struct console_client *client, struct slice text, bool describe)
{
    CHECK(client->dialog.state == DIALOG_BUSY && !client->closed);
    audit_begin(&client->audit, text);
    client->active_us = client->audit.started_us;
    client->describe = describe;
    client->look = NULL;
    client->call_off = NULL;
}

void
console_client_wait(struct console_client *client, console_client_fn *look,
                    console_client_fn *call_off)
{
    CHECK(client->dialog.state == DIALOG_BUSY && look != NULL && call_off != NULL);
    client->look = look;
    client->call_off = call_off;
    timer_start(client->timer, WAIT_POLL_US);
}

void
console_client_call_off(struct console_client *client)
{
    if (client->dialog.state == DIALOG_BUSY && client->call_off != NULL) {
        client->call_off(client);
    }
}

static void
console_client_on_timer(void *arg)
{
    struct console_client *client = arg;
    if (client->dialog.state == DIALOG_STARTUP) {
        console_client_close(client);
    } else if (client->dialog.state == DIALOG_BUSY && client->look != NULL) {
        client->look(client);
        console_client_turn(client);
    }
}
