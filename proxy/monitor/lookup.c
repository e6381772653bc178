/* lookup.c — a host name asked of the resolver in a thread of its own. See lookup.h.
 *
 *     thread:  RESOLVING -> POSTING, post, -> POSTED          ABANDONED: free it
 *     owner:   cancel:  RESOLVING -> ABANDONED                POSTED: free it
 *
 * The state is under the lock, and nothing else is done under it: the thread posts while it is
 * POSTING, and an owner that comes in between waits for the end of that, some microseconds. The
 * mailbox is the lookup's own, so that a message which was posted and is no longer wanted goes with
 * it. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/lookup.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "net/loop.h"

enum lookup_state { RESOLVING, POSTING, POSTED, ABANDONED };

struct lookup {
    struct loop *loop; /* borrowed; the owner's thread only */
    lookup_done_fn *done;
    void *arg;  /* borrowed */
    char *host; /* owned */
    uint16_t port;
    struct mailbox *mailbox; /* owned by the owner's thread; the other one posts to it */
    bool found; /* with what follows, written by the thread and read after it has posted */
    struct address_list addresses;
    struct err err;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t posted;
    enum lookup_state state;
};

static void
lookup_free(void *arg)
{
    struct lookup *l = arg;
    CHECK(l->state == POSTED || l->state == ABANDONED);
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

/* By the owner. Once through here the thread is out of the lock, and will only resolve. */
static enum lookup_state
lookup_settle(struct lookup *l, bool abandon)
{
    CHECK(pthread_mutex_lock(&l->lock) == 0);
    while (l->state == POSTING) {
        CHECK(pthread_cond_wait(&l->posted, &l->lock) == 0);
    }
    if (l->state == RESOLVING && abandon) {
        l->state = ABANDONED;
    }
    const enum lookup_state state = l->state;
    CHECK(pthread_mutex_unlock(&l->lock) == 0);
    return state;
}

static void
lookup_deliver(void *arg)
{
    struct lookup *l = arg;
    CHECK(lookup_settle(l, false) == POSTED);
    loop_dispose(l->loop, lookup_end, l);
    l->done(l->arg, l->found ? &l->addresses : NULL, l->found ? NULL : &l->err);
}

/* By the thread; the state that it has found. */
static enum lookup_state
lookup_change(struct lookup *l, enum lookup_state to)
{
    CHECK(pthread_mutex_lock(&l->lock) == 0);
    const enum lookup_state before = l->state;
    l->state = before == ABANDONED ? ABANDONED : to;
    CHECK(pthread_cond_signal(&l->posted) == 0);
    CHECK(pthread_mutex_unlock(&l->lock) == 0);
    return before;
}

static void
lookup_post(struct lookup *l)
{
    if (lookup_change(l, POSTING) == ABANDONED) {
        lookup_free(l);
        return;
    }
    mailbox_post(l->mailbox, lookup_deliver, l);
    (void)lookup_change(l, POSTED); /* and it is the owner's */
}

static void *
lookup_main(void *arg)
{
    struct lookup *l = arg;
    l->found = address_resolve(l->host, l->port, &l->addresses, &l->err);
    lookup_post(l);
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
lookup_start(struct loop *loop, const char *host, uint16_t port, lookup_done_fn *done, void *arg)
{
    CHECK(host != NULL && done != NULL);
    struct lookup *l = xcalloc(1, sizeof(*l));
    l->loop = loop;
    l->done = done;
    l->arg = arg;
    l->host = xstrdup(host);
    l->port = port;
    l->mailbox = mailbox_new(loop);
    CHECK(pthread_mutex_init(&l->lock, NULL) == 0);
    CHECK(pthread_cond_init(&l->posted, NULL) == 0);
    if (!start_thread(l)) {
        (void)err_set(&l->err, SQLSTATE_CONNECTION_FAILURE,
                      "cannot resolve the host name \"%s\": no thread could be started", host);
        lookup_post(l);
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
    const bool is_ours = lookup_settle(lookup, true) == POSTED;
    mailbox_free(mailbox); /* a thread that still resolves will find the state and not post */
    if (is_ours) {
        lookup_free(lookup);
    }
}
