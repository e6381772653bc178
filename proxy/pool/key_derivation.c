/* key_derivation.c — keys from passwords, computed in threads of their own. See key_derivation.h.
 *
 *     asker:   request -> its job's requests (a new job: also into the queue)
 *     thread:  job from the queue, derive, each request -> delivered, posted to its asker
 *     asker:   done, request freed
 *
 * A request is in one list at any time and is freed on its asker's thread, or by
 * key_derivation_free. Cancelling leaves it where it is, without a callback. The lock guards the
 * lists and is held for nothing else: never while something is computed or posted to a mailbox. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/key_derivation.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"

enum { THREADS_COUNT = 2, THREAD_NICE = 5 };

struct key_request {
    struct list node;             /* in its job, then in owner->delivered; under the lock */
    struct key_derivation *owner; /* borrowed */
    struct key_asker asker;       /* its done, NULL when cancelled: the asker's thread only */
    bool ok;
    struct scram_keys keys; /* secret */
};

struct job {
    struct list node;     /* in the queue until a thread takes it */
    struct list requests; /* of struct key_request */
    struct buf key;       /* in by_key; empty for a job of its own */
    char *password;       /* owned, secret */
    struct scram_need need;
    struct scram_cache *cache; /* shared (ref); NULL when the keys are for the asker only */
};

struct key_derivation {
    pthread_t threads[THREADS_COUNT];
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    struct list queue;     /* of struct job, the oldest first */
    struct list delivered; /* of struct key_request: posted, not taken yet */
    struct map by_key;     /* -> struct job, queued or being worked on */
    bool ended;
};

static void
lock(struct key_derivation *d)
{
    CHECK(pthread_mutex_lock(&d->lock) == 0);
}

static void
unlock(struct key_derivation *d)
{
    CHECK(pthread_mutex_unlock(&d->lock) == 0);
}

/* ---- requests ---- */

static void
request_free(struct key_request *request)
{
    mem_wipe_free(request, sizeof(*request));
}

/* On the asker's thread. */
static void
request_deliver(void *arg)
{
    struct key_request *request = arg;
    lock(request->owner);
    list_remove(&request->node);
    unlock(request->owner);
    if (request->asker.done != NULL) {
        request->asker.done(request->asker.arg, request->ok ? &request->keys : NULL);
    }
    request_free(request);
}

void
key_derivation_cancel(struct key_request *request)
{
    if (request != NULL) {
        request->asker.done = NULL;
    }
}

/* ---- jobs ---- */

/* What makes two requests one. The cache stands for its user, and lives as long as the job. */
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
    list_init(&job->requests);
    job->key = job_key(need, cache);
    job->password = xstrdup(password);
    job->need = *need;
    job->cache = cache == NULL ? NULL : scram_cache_ref(cache);
    return job;
}

static void
job_free(struct job *job)
{
    CHECK(list_empty(&job->requests));
    scram_cache_unref(job->cache);
    mem_wipe_free(job->password, strlen(job->password));
    buf_fini(&job->key);
    mem_free(job);
}

/* The job of this key that is not over, or the given one, which is then queued. */
static struct job *
job_join_locked(struct key_derivation *d, struct job *fresh)
{
    const struct slice key = buf_slice(&fresh->key);
    struct job *job = key.len == 0 ? NULL : map_get(&d->by_key, key);
    if (job != NULL) {
        return job;
    }
    if (key.len > 0) {
        CHECK(map_put(&d->by_key, key, fresh) == NULL);
    }
    list_push_back(&d->queue, &fresh->node);
    CHECK(pthread_cond_signal(&d->work) == 0);
    return fresh;
}

struct key_request *
key_derivation_ask(struct key_derivation *d, const char *password, const struct scram_need *need,
                   struct scram_cache *cache, const struct key_asker *asker)
{
    CHECK(asker->done != NULL && need->salt_len > 0 && need->iterations > 0);
    struct key_request *request = xcalloc(1, sizeof(*request));
    struct job *fresh = job_new(password, need, cache);
    list_init(&request->node);
    request->owner = d;
    request->asker = *asker;
    lock(d);
    struct job *job = job_join_locked(d, fresh);
    list_push_back(&job->requests, &request->node);
    unlock(d);
    if (job != fresh) {
        job_free(fresh);
    }
    return request;
}

/* ---- a thread ---- */

/* Waits for work; NULL at the end. */
static struct job *
job_take(struct key_derivation *d)
{
    struct job *job = NULL;
    lock(d);
    while (!d->ended && list_empty(&d->queue)) {
        CHECK(pthread_cond_wait(&d->work, &d->lock) == 0);
    }
    if (!d->ended) {
        job = LIST_OBJECT(list_first(&d->queue), struct job, node);
        list_remove(&job->node);
    }
    unlock(d);
    return job;
}

/* From here on nobody joins the job. */
static void
job_close(struct key_derivation *d, struct job *job)
{
    lock(d);
    if (buf_len(&job->key) > 0) {
        CHECK(map_remove(&d->by_key, buf_slice(&job->key)) == job);
    }
    unlock(d);
}

static struct key_request *
request_hand_over(struct key_derivation *d, struct job *job)
{
    struct key_request *request = NULL;
    lock(d);
    if (!list_empty(&job->requests)) {
        request = LIST_OBJECT(list_first(&job->requests), struct key_request, node);
        list_remove(&request->node);
        list_push_back(&d->delivered, &request->node);
    }
    unlock(d);
    return request;
}

static void
job_do(struct key_derivation *d, struct job *job)
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
    job_close(d, job);
    for (struct key_request *request = request_hand_over(d, job); request != NULL;
         request = request_hand_over(d, job)) {
        request->ok = ok;
        request->keys = keys;
        mailbox_post(request->asker.mailbox, request_deliver, request); /* and it is the asker's */
    }
    scram_keys_wipe(&keys);
    job_free(job);
}

static void *
thread_main(void *arg)
{
    struct key_derivation *d = arg;
    /* Of this thread alone, on Linux; without it the burst takes its full share. */
    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), THREAD_NICE);
    for (struct job *job = job_take(d); job != NULL; job = job_take(d)) {
        job_do(d, job);
    }
    return NULL;
}

/* ---- start and end ---- */

/* Signals are the control thread's. */
struct key_derivation *
key_derivation_new(void)
{
    sigset_t all;
    sigset_t before;
    struct key_derivation *d = xcalloc(1, sizeof(*d));
    CHECK(pthread_mutex_init(&d->lock, NULL) == 0);
    CHECK(pthread_cond_init(&d->work, NULL) == 0);
    list_init(&d->queue);
    list_init(&d->delivered);
    map_init(&d->by_key, rand_u64());
    (void)sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    for (size_t i = 0; i < THREADS_COUNT; i++) {
        CHECK(pthread_create(&d->threads[i], NULL, thread_main, d) == 0);
    }
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
    return d;
}

static void
requests_drop(struct list *requests)
{
    LIST_EACH(node, requests)
    {
        list_remove(node);
        request_free(LIST_OBJECT(node, struct key_request, node));
    }
}

void
key_derivation_free(struct key_derivation *d)
{
    if (d == NULL) {
        return;
    }
    lock(d);
    d->ended = true;
    CHECK(pthread_cond_broadcast(&d->work) == 0);
    unlock(d);
    for (size_t i = 0; i < THREADS_COUNT; i++) {
        CHECK(pthread_join(d->threads[i], NULL) == 0);
    }
    LIST_EACH(node, &d->queue)
    {
        struct job *job = LIST_OBJECT(node, struct job, node);
        requests_drop(&job->requests);
        job_free(job);
    }
    requests_drop(&d->delivered);
    map_fini(&d->by_key);
    CHECK(pthread_cond_destroy(&d->work) == 0);
    CHECK(pthread_mutex_destroy(&d->lock) == 0);
    mem_free(d);
}
