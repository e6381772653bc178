/* accept.c — new clients. See accept.h.
 *
 * A few a turn, so that a storm of connects does not starve
 * those that are in. When descriptors run out a reserve is given up for a moment to tell the client
 * so: a client that is told can go elsewhere, one that hangs in the backlog cannot. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/accept.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "net/stream.h"
#include "session/turn.h"
#include "wire/message.h"

enum { ACCEPTS_PER_TURN = 16, PEER_LEN = 64 };

struct arrival {
    struct worker *worker; /* borrowed */
    int fd;                /* owned */
    bool is_local;
    char peer[PEER_LEN];
};

static void
arrive(void *arg)
{
    struct arrival *a = arg;
    session_begin(a->worker, a->fd, a->peer, a->is_local); /* it owns itself from here */
    mem_free(a);
}

static struct worker *
least_busy(struct worker *self)
{
    struct workers *all = self->workers;
    struct worker *least = self;
    unsigned fewest = atomic_load_explicit(&self->gauges.sessions, memory_order_relaxed);
    for (uint32_t i = 0; i < all->count; i++) {
        const unsigned n =
            atomic_load_explicit(&all->items[i].gauges.sessions, memory_order_relaxed);
        if (n < fewest) {
            fewest = n;
            least = &all->items[i];
        }
    }
    return least;
}

static void
format_peer(const struct sockaddr_storage *addr, char out[PEER_LEN])
{
    char host[INET6_ADDRSTRLEN] = "?";
    if (addr->ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, addr, sizeof(in));
        (void)inet_ntop(AF_INET, &in.sin_addr, host, sizeof(host));
        (void)snprintf(out, PEER_LEN, "%s:%u", host, ntohs(in.sin_port));
    } else if (addr->ss_family == AF_INET6) {
        struct sockaddr_in6 in6;
        memcpy(&in6, addr, sizeof(in6));
        (void)inet_ntop(AF_INET6, &in6.sin6_addr, host, sizeof(host));
        (void)snprintf(out, PEER_LEN, "[%s]:%u", host, ntohs(in6.sin6_port));
    } else {
        (void)snprintf(out, PEER_LEN, "unix");
    }
}

/* Level-triggered listeners would spin while nothing can be accepted. */
static void
pause_accepting(struct worker *w)
{
    w->accept_paused = true;
    for (uint32_t i = 0; i < w->listeners_count; i++) {
        watch_set(w->listeners[i], 0);
    }
}

static void
refuse_for_lack_of_descriptors(struct worker *w, int listener)
{
    if (w->reserve_fd == -1) {
        pause_accepting(w);
        return;
    }
    (void)close(w->reserve_fd); /* it was /dev/null */
    const int fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd != -1) {
        struct err err;
        struct buf out;
        buf_init(&out);
        (void)err_set(&err, SQLSTATE_TOO_MANY_CONNECTIONS,
                      "the proxy has run out of file descriptors");
        message_put_error(&out, "FATAL", &err);
        /* One try: a client that does not take it learns the same from the close. */
        (void)send(fd, buf_slice(&out).p, buf_len(&out), MSG_NOSIGNAL);
        (void)shutdown(fd, SHUT_WR);
        (void)close(fd);
        buf_fini(&out);
    }
    w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* Whether another one may be accepted at once. */
static bool
accept_failed(struct worker *w, int listener, int error)
{
    switch (error) {
    case EMFILE:
    case ENFILE:
        refuse_for_lack_of_descriptors(w, listener);
        return false;
    case ENOBUFS:
    case ENOMEM:
        pause_accepting(w);
        return false;
    case EAGAIN:
        return false;
    default:
        return true; /* this client has gone (ECONNABORTED, EPROTO, ..): the next may be there */
    }
}

static bool
accept_one(struct worker *w, int listener)
{
    struct sockaddr_storage addr = {0};
    socklen_t len = sizeof(addr);
    const int fd = accept4(listener, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd == -1) {
        return accept_failed(w, listener, errno);
    }
    char peer[PEER_LEN];
    format_peer(&addr, peer);
    const bool is_local = addr.ss_family == AF_UNIX;
    struct worker *to = least_busy(w);
    if (to == w) {
        session_begin(w, fd, peer, is_local); /* it owns itself from here */
        return true;
    }
    struct arrival *a = xcalloc(1, sizeof(*a));
    a->worker = to;
    a->fd = fd;
    a->is_local = is_local;
    memcpy(a->peer, peer, sizeof(peer));
    mailbox_post(to->mailbox, arrive, a);
    return true;
}

struct listener_watch {
    struct worker *worker; /* borrowed */
    int fd;                /* borrowed */
};

static void
on_listener_ready(void *arg, unsigned ready)
{
    (void)ready;
    struct listener_watch *l = arg;
    for (int i = 0; i < ACCEPTS_PER_TURN && accept_one(l->worker, l->fd); i++) {
    }
}

void
accept_begin(struct worker *w)
{
    const struct workers *all = w->workers;
    CHECK(w->listener_watches == NULL && all->listeners_count <= WORKER_LISTENERS_MAX);
    w->listener_watches = xcalloc(all->listeners_count, sizeof(*w->listener_watches));
    for (uint32_t i = 0; i < all->listeners_count; i++) {
        w->listener_watches[i] = (struct listener_watch){w, all->listeners[i]};
        w->listeners[i] =
            watch_new(w->loop, all->listeners[i], on_listener_ready, &w->listener_watches[i]);
        watch_set(w->listeners[i], WATCH_READ);
    }
    w->listeners_count = all->listeners_count;
}

void
accept_again(struct worker *w)
{
    if (!w->accept_paused) {
        return;
    }
    if (w->reserve_fd == -1) {
        w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    }
    w->accept_paused = false;
    for (uint32_t i = 0; i < w->listeners_count; i++) {
        watch_set(w->listeners[i], WATCH_READ);
    }
}

void
accept_end(struct worker *w)
{
    CHECK(w->listeners_count == 0 || w->listener_watches != NULL);
    for (uint32_t i = 0; i < w->listeners_count; i++) {
        watch_free(w->listeners[i]);
    }
    w->listeners_count = 0;
    mem_free(w->listener_watches);
    w->listener_watches = NULL;
}
