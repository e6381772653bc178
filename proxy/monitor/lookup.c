/* lookup.c — a host name asked of the resolver in a thread of its own. See lookup.h.
 *
 *     thread:  resolve, then under the lock:  abandoned?  free it : post it
 *     owner:   cancel, under the lock:        posted?     free it : abandon it
 *
 * Whoever comes second under the lock frees. The mailbox is the lookup's own, so that a message
 * which was posted and is no longer wanted goes with it. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/lookup.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "net/loop.h"

struct lookup {
    struct loop *loop; /* borrowed; the owner's thread only */
    lookup_done_fn *done;
    void *arg;  /* borrowed */
    char *host; /* owned */
    uint16_t port;
    struct mailbox *mailbox; /* owned by the owner's thread; the other one posts before abandoned */
    bool found; /* with what follows, written by the thread and read after it has posted */
    struct address_list addresses;
    struct err err;
    pthread_mutex_t lock;
    bool posted;    /* under the lock */
    bool abandoned; /* under the lock; the mailbox is gone */
};

static void
lookup_free(void *arg)
{
    struct lookup *l = arg;
    CHECK(l->posted || l->abandoned);
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

static void
lookup_deliver(void *arg)
{
    struct lookup *l = arg;
    /* Once through the lock, so that the thread is out of it before it is destroyed. */
    CHECK(pthread_mutex_lock(&l->lock) == 0);
    CHECK(l->posted && !l->abandoned);
    CHECK(pthread_mutex_unlock(&l->lock) == 0);
    loop_dispose(l->loop, lookup_end, l);
    l->done(l->arg, l->found ? &l->addresses : NULL, l->found ? NULL : &l->err);
}

/* True when the owner will not take it. */
static bool
lookup_post(struct lookup *l)
{
    CHECK(pthread_mutex_lock(&l->lock) == 0);
    const bool abandoned = l->abandoned;
    if (!abandoned) {
        l->posted = true;
        mailbox_post(l->mailbox, lookup_deliver, l);
    }
    CHECK(pthread_mutex_unlock(&l->lock) == 0);
    return abandoned;
}

static void *
lookup_main(void *arg)
{
    struct lookup *l = arg;
    l->found = address_resolve(l->host, l->port, &l->addresses, &l->err);
    if (lookup_post(l)) {
        lookup_free(l);
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
    if (!start_thread(l)) {
        (void)err_set(&l->err, SQLSTATE_CONNECTION_FAILURE,
                      "cannot resolve the host name \"%s\": no thread could be started", host);
        CHECK(!lookup_post(l));
    }
    return l;
}

void
lookup_cancel(struct lookup *lookup)
{
    if (lookup == NULL) {
        return;
    }
    CHECK(pthread_mutex_lock(&lookup->lock) == 0);
    const bool posted = lookup->posted;
    lookup->abandoned = true;
    struct mailbox *mailbox = lookup->mailbox;
    CHECK(pthread_mutex_unlock(&lookup->lock) == 0);
    mailbox_free(mailbox); /* the thread looks at abandoned before it posts */
    if (posted) {
        lookup_free(lookup);
    }
}
