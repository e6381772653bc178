/* lookup.c — a host name asked of the system's resolver, in a thread of its own. See lookup.h.
 *
 *     thread:  ASKING -> POSTING, post found, -> ASKING -> POSTING, post over, -> OVER
 *              ABANDONED: free it
 *     owner:   cancel:  ASKING -> ABANDONED       OVER: free it
 *
 * The state is under the lock, and nothing else is done under it: the thread posts while it is
 * POSTING, and an owner that comes in between waits for the end of that, some microseconds. The
 * mailbox is the lookup's own, so that a message which was posted and is no longer wanted goes with
 * it. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/lookup.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "net/loop.h"
#include "net/record_ttl.h"

enum lookup_state { ASKING, POSTING, OVER, ABANDONED };

struct lookup {
    struct loop *loop;            /* borrowed; the owner's thread only */
    const struct lookup_ops *ops; /* borrowed */
    void *arg;                    /* borrowed */
    char *host;                   /* owned */
    uint16_t port;
    struct mailbox *mailbox; /* owned by the owner's thread; the other one posts to it */
    /* Written by the thread, each before it posts what tells of it, and read after that. */
    bool is_found;
    struct address_list addresses;
    struct err err;
    uint64_t ttl_us;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t posted;
    enum lookup_state state;
};

static void
lookup_free(void *arg)
{
    struct lookup *l = arg;
    CHECK(l->state == OVER || l->state == ABANDONED);
    CHECK(pthread_cond_destroy(&l->posted) == 0);
    CHECK(pthread_mutex_destroy(&l->lock) == 0);
    mem_free(l->host);
    mem_free(l);
}

static void
lookup_end(void *arg)
{
    struct lookup *l = arg;
    mailbox_free(l->mailbox);
    lookup_free(l);
}

/* By the owner. Once through here the thread is out of the lock, and will only ask. */
static enum lookup_state
lookup_settle(struct lookup *l, bool abandon)
{
    CHECK(pthread_mutex_lock(&l->lock) == 0);
    while (l->state == POSTING) {
        CHECK(pthread_cond_wait(&l->posted, &l->lock) == 0);
    }
    if (l->state == ASKING && abandon) {
        l->state = ABANDONED;
    }
    const enum lookup_state state = l->state;
    CHECK(pthread_mutex_unlock(&l->lock) == 0);
    return state;
}

static void
deliver_found(void *arg)
{
    struct lookup *l = arg;
    l->ops->found(l->arg, l->is_found ? &l->addresses : NULL, l->is_found ? NULL : &l->err);
}

static void
deliver_over(void *arg)
{
    struct lookup *l = arg;
    CHECK(lookup_settle(l, false) == OVER);
    loop_dispose(l->loop, lookup_end, l);
    l->ops->over(l->arg, l->ttl_us);
}

/* By the thread; false when the lookup is abandoned, and stays so. */
static bool
lookup_change(struct lookup *l, enum lookup_state to)
{
    CHECK(pthread_mutex_lock(&l->lock) == 0);
    const bool wanted = l->state != ABANDONED;
    l->state = wanted ? to : ABANDONED;
    CHECK(pthread_cond_signal(&l->posted) == 0);
    CHECK(pthread_mutex_unlock(&l->lock) == 0);
    return wanted;
}

/* False when the lookup was abandoned; it is gone then. After OVER it is the owner's. */
static bool
lookup_post(struct lookup *l, loop_fn *message, enum lookup_state next)
{
    if (!lookup_change(l, POSTING)) {
        lookup_free(l);
        return false;
    }
    mailbox_post(l->mailbox, message, l);
    (void)lookup_change(l, next);
    return true;
}

static void *
lookup_main(void *arg)
{
    struct lookup *l = arg;
    l->is_found = address_resolve(l->host, l->port, &l->addresses, &l->err);
    if (lookup_post(l, deliver_found, ASKING)) {
        l->ttl_us = l->is_found ? record_ttl_ask(l->host, &l->addresses) : 0;
        (void)lookup_post(l, deliver_over, OVER);
    }
    return NULL;
}

/* Signals are the control thread's. */
static bool
start_thread(struct lookup *l)
{
    sigset_t all;
    sigset_t before;
    pthread_t thread;
    (void)sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    const bool started = pthread_create(&thread, NULL, lookup_main, l) == 0;
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    CHECK(!started || pthread_detach(thread) == 0);
    return started;
}

struct lookup *
lookup_start(struct loop *loop, const char *host, uint16_t port, const struct lookup_ops *ops,
             void *arg)
{
    CHECK(host != NULL && ops->found != NULL && ops->over != NULL);
    struct lookup *l = xcalloc(1, sizeof(*l));
    l->loop = loop;
    l->ops = ops;
    l->arg = arg;
    l->host = xstrdup(host);
    l->port = port;
    l->mailbox = mailbox_new(loop);
    CHECK(pthread_mutex_init(&l->lock, NULL) == 0);
    CHECK(pthread_cond_init(&l->posted, NULL) == 0);
    if (!start_thread(l)) {
        (void)err_set(&l->err, SQLSTATE_CONNECTION_FAILURE,
                      "cannot resolve the host name \"%s\": no thread could be started", host);
        (void)lookup_post(l, deliver_found, ASKING);
        (void)lookup_post(l, deliver_over, OVER);
    }
    return l;
}

void
lookup_cancel(struct lookup *lookup)
{
    if (lookup == NULL) {
        return;
    }
    struct mailbox *mailbox = lookup->mailbox;
    const bool is_ours = lookup_settle(lookup, true) == OVER;
    mailbox_free(mailbox); /* a thread that is still asking will find the state and not post */
    if (is_ours) {
        lookup_free(lookup);
    }
}
