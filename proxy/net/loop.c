/* loop.c — libevent's base with timers, watches, signals and the mailbox. See loop.h.
 *
 * Raw events, no bufferevents: the data path frames bytes in place and a bufferevent would copy
 * them. The cached time of libevent is not used: it is wall-clock adjusted and read through a lock.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/loop.h"

#include <errno.h>
#include <event2/event.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/mem.h"

struct disposal {
    loop_fn *fn;
    void *arg; /* owned by fn */
};

struct loop {
    struct event_base *base; /* owned */
    uint64_t now_us;
    bool now_is_fresh; /* now_us was read in this turn */
    bool stopping;
    struct disposal *disposals; /* owned; a stack, emptied each turn */
    size_t disposals_count;
    size_t disposals_size;
};

static struct loop *
loop_new_with(int flags)
{
    struct loop *loop = xcalloc(1, sizeof(*loop));
    struct event_config *config = event_config_new();
    CHECK(config != NULL);
    /* One owner a base: no locks. */
    (void)event_config_set_flag(config,
                                EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_NO_CACHE_TIME | flags);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    CHECK(loop->base != NULL);
    loop->now_us = clock_now_us();
    return loop;
}

struct loop *
loop_new(void)
{
    return loop_new_with(0);
}

struct loop *
loop_new_precise(void)
{
    return loop_new_with(EVENT_BASE_FLAG_PRECISE_TIMER);
}

static void
loop_run_disposals(struct loop *loop)
{
    /* A disposal may dispose of more: the count is read anew each time. */
    while (loop->disposals_count > 0) {
        const struct disposal d = loop->disposals[--loop->disposals_count];
        d.fn(d.arg);
    }
}

void
loop_free(struct loop *loop)
{
    if (loop == NULL) {
        return;
    }
    loop_run_disposals(loop);
    event_base_free(loop->base);
    mem_free(loop->disposals);
    mem_free(loop);
}

void
loop_run(struct loop *loop)
{
    while (!loop->stopping) {
        const int rc = event_base_loop(loop->base, EVLOOP_ONCE | EVLOOP_NO_EXIT_ON_EMPTY);
        CHECK(rc != -1);
        loop_run_disposals(loop);
        loop->now_is_fresh = false;
    }
}

void
loop_stop(struct loop *loop)
{
    loop->stopping = true;
    (void)event_base_loopbreak(loop->base); /* fails only without a base */
}

struct event_base *
loop_event_base(const struct loop *loop)
{
    return loop->base;
}

void
loop_dispose(struct loop *loop, loop_fn *fn, void *arg)
{
    if (loop->disposals_count == loop->disposals_size) {
        loop->disposals_size = loop->disposals_size == 0 ? 16 : loop->disposals_size * 2;
        loop->disposals =
            xrealloc(loop->disposals, loop->disposals_size * sizeof(*loop->disposals));
    }
    loop->disposals[loop->disposals_count++] = (struct disposal){fn, arg};
}

/* The first callback of a turn reads the clock, the rest share it: event_base_loop gives no hook
 * between epoll_wait and the callbacks, so each callback of ours enters through here. */
static void
loop_enter(struct loop *loop)
{
    if (!loop->now_is_fresh) {
        loop->now_us = clock_now_us();
        loop->now_is_fresh = true;
    }
}

uint64_t
loop_now_us(const struct loop *loop)
{
    return loop->now_us;
}

struct timer {
    struct loop *loop;   /* borrowed */
    struct event *event; /* owned */
    loop_fn *fn;
    void *arg; /* borrowed */
};

static void
timer_fired(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    (void)what;
    struct timer *timer = arg;
    loop_enter(timer->loop);
    timer->fn(timer->arg);
}

struct timer *
timer_new(struct loop *loop, loop_fn *fn, void *arg)
{
    struct timer *timer = xcalloc(1, sizeof(*timer));
    *timer = (struct timer){loop, NULL, fn, arg};
    timer->event = evtimer_new(loop->base, timer_fired, timer);
    CHECK(timer->event != NULL);
    return timer;
}

void
timer_free(struct timer *timer)
{
    if (timer != NULL) {
        event_free(timer->event);
        mem_free(timer);
    }
}

void
timer_start(struct timer *timer, uint64_t delay_us)
{
    const struct timeval tv = {(time_t)(delay_us / 1000000), (suseconds_t)(delay_us % 1000000)};
    const int rc = event_add(timer->event, &tv);
    CHECK(rc == 0);
}

void
timer_stop(struct timer *timer)
{
    (void)event_del(timer->event); /* fails only on an event that was never set up */
}

struct watch {
    struct loop *loop;      /* borrowed */
    struct event *readable; /* owned */
    struct event *writable; /* owned; made when first needed */
    int fd;                 /* borrowed */
    unsigned interest;
    watch_fn *fn;
    void *arg; /* borrowed */
};

static void
watch_fired(evutil_socket_t fd, short what, void *arg)
{
    (void)fd;
    struct watch *watch = arg;
    loop_enter(watch->loop);
    const unsigned ready =
        ((what & EV_READ) != 0 ? WATCH_READ : 0U) | ((what & EV_WRITE) != 0 ? WATCH_WRITE : 0U);
    watch->fn(watch->arg, ready);
}

struct watch *
watch_new(struct loop *loop, int fd, watch_fn *fn, void *arg)
{
    struct watch *watch = xcalloc(1, sizeof(*watch));
    watch->loop = loop;
    watch->fd = fd;
    watch->fn = fn;
    watch->arg = arg;
    watch->readable = event_new(loop->base, fd, EV_READ | EV_PERSIST, watch_fired, watch);
    CHECK(watch->readable != NULL);
    return watch;
}

void
watch_free(struct watch *watch)
{
    if (watch == NULL) {
        return;
    }
    event_free(watch->readable);
    if (watch->writable != NULL) {
        event_free(watch->writable);
    }
    mem_free(watch);
}

static void
watch_switch(struct event *event, bool on)
{
    const int rc = on ? event_add(event, NULL) : event_del(event);
    CHECK(rc == 0);
}

void
watch_set(struct watch *watch, unsigned interest)
{
    const unsigned changed = watch->interest ^ interest;
    if ((changed & WATCH_READ) != 0) {
        watch_switch(watch->readable, (interest & WATCH_READ) != 0);
    }
    if ((changed & WATCH_WRITE) != 0) {
        if (watch->writable == NULL) {
            watch->writable =
                event_new(watch->loop->base, watch->fd, EV_WRITE | EV_PERSIST, watch_fired, watch);
            CHECK(watch->writable != NULL);
        }
        watch_switch(watch->writable, (interest & WATCH_WRITE) != 0);
    }
    watch->interest = interest;
}

void
watch_kick(struct watch *watch)
{
    event_active(watch->readable, EV_READ, 0);
}

struct signal_watch {
    struct loop *loop;   /* borrowed */
    struct event *event; /* owned */
    signal_fn *fn;
    void *arg; /* borrowed */
};

static void
signal_fired(evutil_socket_t signo, short what, void *arg)
{
    (void)what;
    struct signal_watch *watch = arg;
    loop_enter(watch->loop);
    watch->fn(watch->arg, (int)signo);
}

struct signal_watch *
signal_watch_new(struct loop *loop, int signo, signal_fn *fn, void *arg)
{
    struct signal_watch *watch = xcalloc(1, sizeof(*watch));
    *watch = (struct signal_watch){loop, NULL, fn, arg};
    watch->event = evsignal_new(loop->base, signo, signal_fired, watch);
    CHECK(watch->event != NULL);
    const int rc = event_add(watch->event, NULL);
    CHECK(rc == 0);
    return watch;
}

void
signal_watch_free(struct signal_watch *watch)
{
    if (watch != NULL) {
        event_free(watch->event);
        mem_free(watch);
    }
}

struct message {
    loop_fn *fn;
    void *arg; /* owned by fn */
};

struct mailbox {
    struct loop *loop;   /* borrowed */
    struct watch *watch; /* owned */
    int fd;              /* owned: an eventfd */
    pthread_mutex_t lock;
    /* under the lock: */
    struct message *messages; /* owned */
    size_t count;
    size_t size;
};

/* Takes the whole queue under the lock and runs it outside, so that a message may post another. */
static void
mailbox_deliver(void *arg, unsigned ready)
{
    (void)ready;
    struct mailbox *mailbox = arg;
    uint64_t posted;
    const ssize_t n = read(mailbox->fd, &posted, sizeof(posted));
    CHECK(n == (ssize_t)sizeof(posted) || errno == EAGAIN || errno == EINTR);
    (void)pthread_mutex_lock(&mailbox->lock);
    struct message *messages = mailbox->messages;
    const size_t count = mailbox->count;
    mailbox->messages = NULL;
    mailbox->count = mailbox->size = 0;
    (void)pthread_mutex_unlock(&mailbox->lock);
    for (size_t i = 0; i < count; i++) {
        messages[i].fn(messages[i].arg);
    }
    mem_free(messages);
}

struct mailbox *
mailbox_new(struct loop *loop)
{
    struct mailbox *mailbox = xcalloc(1, sizeof(*mailbox));
    mailbox->loop = loop;
    mailbox->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK(mailbox->fd != -1);
    CHECK(pthread_mutex_init(&mailbox->lock, NULL) == 0);
    mailbox->watch = watch_new(loop, mailbox->fd, mailbox_deliver, mailbox);
    watch_set(mailbox->watch, WATCH_READ);
    return mailbox;
}

void
mailbox_free(struct mailbox *mailbox)
{
    if (mailbox == NULL) {
        return;
    }
    watch_free(mailbox->watch);
    (void)close(mailbox->fd); /* an eventfd has nothing to lose */
    (void)pthread_mutex_destroy(&mailbox->lock);
    mem_free(mailbox->messages);
    mem_free(mailbox);
}

void
mailbox_post(struct mailbox *mailbox, loop_fn *fn, void *arg)
{
    (void)pthread_mutex_lock(&mailbox->lock);
    if (mailbox->count == mailbox->size) {
        mailbox->size = mailbox->size == 0 ? 16 : mailbox->size * 2;
        mailbox->messages = xrealloc(mailbox->messages, mailbox->size * sizeof(*mailbox->messages));
    }
    mailbox->messages[mailbox->count++] = (struct message){fn, arg};
    const bool was_empty = mailbox->count == 1;
    (void)pthread_mutex_unlock(&mailbox->lock);
    if (was_empty) {
        const uint64_t one = 1;
        const ssize_t n = write(mailbox->fd, &one, sizeof(one));
        CHECK(n == (ssize_t)sizeof(one));
    }
}
