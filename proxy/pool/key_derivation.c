/* keysmith.c — keys from passwords, computed in threads of their own. See keysmith.h.
 *
 *     asker:   order -> its job's orders (a new job: also into the queue)
 *     thread:  job from the queue, derive, each order -> delivered, posted to its asker
 *     asker:   done, order freed
 *
 * An order is in one list at any time and is freed on its asker's thread, or by keysmith_free. Who
 * cancels leaves it where it is, without a callback. The lock guards the lists and is held for
 * nothing else, least of all the posting to a mailbox. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/keysmith.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

enum { SMITHS_COUNT = 2, SMITH_NICE = 5 };

struct keysmith_order {
    struct list node;          /* in its job, then in keysmith->delivered; under the lock */
    struct keysmith *keysmith; /* borrowed */
    struct mailbox *mailbox;   /* borrowed */
    keysmith_done_fn *done;    /* NULL when cancelled; the asker's thread only */
    void *arg;                 /* borrowed */
    bool ok;
    struct scram_keys keys; /* secret */
};

struct job {
    struct list node;   /* in the queue until a thread takes it */
    struct list orders; /* of struct keysmith_order */
    struct buf key;     /* in by_key; empty for a job of its own */
    char *password;     /* owned, secret */
    struct scram_need need;
    struct scram_cache *cache; /* shared (ref); NULL when the keys are for the asker only */
};

struct keysmith {
    pthread_t threads[SMITHS_COUNT];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    struct list queue;     /* of struct job, the oldest first */
    struct list delivered; /* of struct keysmith_order: posted, not taken yet */
    struct map by_key;     /* -> struct job, queued or being worked on */
    bool ended;
};

static void
lock(struct keysmith *k)
{
    CHECK(pthread_mutex_lock(&k->lock) == 0);
}

static void
unlock(struct keysmith *k)
{
    CHECK(pthread_mutex_unlock(&k->lock) == 0);
}

/* ---- orders ---- */

static void
order_free(struct keysmith_order *order)
{
    mem_wipe_free(order, sizeof(*order));
}

/* On the asker's thread. */
static void
order_deliver(void *arg)
{
    struct keysmith_order *order = arg;
    lock(order->keysmith);
    list_remove(&order->node);
    unlock(order->keysmith);
    if (order->done != NULL) {
        order->done(order->arg, order->ok ? &order->keys : NULL);
    }
    order_free(order);
}

void
keysmith_cancel(struct keysmith_order *order)
{
    if (order != NULL) {
        order->done = NULL;
    }
}

/* ---- jobs ---- */

/* What makes two orders one. The cache stands for its user, and lives as long as the job. */
static struct buf
job_key(const struct scram_need *need, const struct scram_cache *cache)
{
    struct buf key;
    buf_init(&key);
    if (cache != NULL) {
        buf_put(&key, &cache, sizeof(cache));
        buf_put_u32(&key, need->iterations);
        buf_put(&key, need->salt, need->salt_len);
    }
    return key;
}

static struct job *
job_new(const char *password, const struct scram_need *need, struct scram_cache *cache)
{
    struct job *job = xcalloc(1, sizeof(*job));
    list_init(&job->node);
    list_init(&job->orders);
    job->key = job_key(need, cache);
    job->password = xstrdup(password);
    job->need = *need;
    job->cache = cache == NULL ? NULL : scram_cache_ref(cache);
    return job;
}

static void
job_free(struct job *job)
{
    CHECK(list_empty(&job->orders));
    scram_cache_unref(job->cache);
    mem_wipe_free(job->password, strlen(job->password));
    buf_fini(&job->key);
    mem_free(job);
}

/* The job of this key that is not over, or the given one, which is then queued. */
static struct job *
job_join_locked(struct keysmith *k, struct job *fresh)
{
    const struct slice key = buf_slice(&fresh->key);
    struct job *job = key.len == 0 ? NULL : map_get(&k->by_key, key);
    if (job != NULL) {
        return job;
    }
    if (key.len > 0) {
        CHECK(map_put(&k->by_key, key, fresh) == NULL);
    }
    list_push_back(&k->queue, &fresh->node);
    CHECK(pthread_cond_signal(&k->work) == 0);
    return fresh;
}

struct keysmith_order *
keysmith_ask(struct keysmith *k, struct mailbox *mailbox, const char *password,
             const struct scram_need *need, struct scram_cache *cache, keysmith_done_fn *done,
             void *arg)
{
    CHECK(done != NULL && need->salt_len > 0 && need->iterations > 0);
    struct keysmith_order *order = xcalloc(1, sizeof(*order));
    struct job *fresh = job_new(password, need, cache);
    list_init(&order->node);
    order->keysmith = k;
    order->mailbox = mailbox;
    order->done = done;
    order->arg = arg;
    lock(k);
    struct job *job = job_join_locked(k, fresh);
    list_push_back(&job->orders, &order->node);
    unlock(k);
    if (job != fresh) {
        job_free(fresh);
    }
    return order;
}

/* ---- a thread ---- */

/* Waits for work; NULL at the end. */
static struct job *
job_take(struct keysmith *k)
{
    struct job *job = NULL;
    lock(k);
    while (!k->ended && list_empty(&k->queue)) {
        CHECK(pthread_cond_wait(&k->work, &k->lock) == 0);
    }
    if (!k->ended) {
        job = LIST_OBJECT(list_first(&k->queue), struct job, node);
        list_remove(&job->node);
    }
    unlock(k);
    return job;
}

/* From here on nobody joins the job. */
static void
job_close(struct keysmith *k, struct job *job)
{
    lock(k);
    if (buf_len(&job->key) > 0) {
        CHECK(map_remove(&k->by_key, buf_slice(&job->key)) == job);
    }
    unlock(k);
}

static struct keysmith_order *
order_hand_over(struct keysmith *k, struct job *job)
{
    struct keysmith_order *order = NULL;
    lock(k);
    if (!list_empty(&job->orders)) {
        order = LIST_OBJECT(list_first(&job->orders), struct keysmith_order, node);
        list_remove(&order->node);
        list_push_back(&k->delivered, &order->node);
    }
    unlock(k);
    return order;
}

static void
job_do(struct keysmith *k, struct job *job)
{
    struct scram_keys keys;
    const struct slice salt = slice_of(job->need.salt, job->need.salt_len);
    const uint32_t rounds = job->need.iterations;
    bool ok = scram_cache_get(job->cache, salt, rounds, &keys);
    if (!ok) {
        ok = scram_keys_derive(&keys, job->password, salt, rounds);
        if (ok) {
            scram_cache_put(job->cache, &keys);
        }
    }
    job_close(k, job);
    for (struct keysmith_order *order = order_hand_over(k, job); order != NULL;
         order = order_hand_over(k, job)) {
        order->ok = ok;
        order->keys = keys;
        mailbox_post(order->mailbox, order_deliver, order); /* and it is the asker's */
    }
    scram_keys_wipe(&keys);
    job_free(job);
}

static void *
smith_main(void *arg)
{
    struct keysmith *k = arg;
    /* Of this thread alone, on Linux; without it the burst takes its full share. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), SMITH_NICE);
    for (struct job *job = job_take(k); job != NULL; job = job_take(k)) {
        job_do(k, job);
    }
    return NULL;
}

/* ---- start and end ---- */

/* Signals are the control thread's. */
struct keysmith *
keysmith_new(void)
{
    sigset_t all;
    sigset_t before;
    struct keysmith *k = xcalloc(1, sizeof(*k));
    CHECK(pthread_mutex_init(&k->lock, NULL) == 0);
    CHECK(pthread_cond_init(&k->work, NULL) == 0);
    list_init(&k->queue);
    list_init(&k->delivered);
    map_init(&k->by_key, rand_u64());
    (void)sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    for (size_t i = 0; i < SMITHS_COUNT; i++) {
        CHECK(pthread_create(&k->threads[i], NULL, smith_main, k) == 0);
    }
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return k;
}

static void
orders_drop(struct list *orders)
{
    LIST_EACH(node, orders)
    {
        list_remove(node);
        order_free(LIST_OBJECT(node, struct keysmith_order, node));
    }
}

void
keysmith_free(struct keysmith *k)
{
    if (k == NULL) {
        return;
    }
    lock(k);
    k->ended = true;
    CHECK(pthread_cond_broadcast(&k->work) == 0);
    unlock(k);
    for (size_t i = 0; i < SMITHS_COUNT; i++) {
        CHECK(pthread_join(k->threads[i], NULL) == 0);
    }
    LIST_EACH(node, &k->queue)
    {
        struct job *job = LIST_OBJECT(node, struct job, node);
        orders_drop(&job->orders);
        job_free(job);
    }
    orders_drop(&k->delivered);
    map_fini(&k->by_key);
    CHECK(pthread_cond_destroy(&k->work) == 0);
    CHECK(pthread_mutex_destroy(&k->lock) == 0);
    mem_free(k);
}
