/* resolver.c — where host names lead. See resolver.h.
 *
 *     name:  idle --asked--> queued --a thread is free--> looked up --over--> idle, or queued again
 *                                                             `-- found: who has asked is answered
 *
 * A question that comes between found and over is for the next lookup of its name: what was found
 * is already older than the question. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/resolver.h"

#include <stdio.h>

#include "base/list.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/rand.h"
#include "net/lookup.h"
#include "net/loop.h"

enum {
    TTL_UNKNOWN_US = 15 * 1000 * 1000,
    TTL_MIN_US = 1000 * 1000,
    TTL_MAX_US = 60 * 1000 * 1000,
};

struct resolver {
    struct loop *loop;     /* borrowed */
    struct map names;      /* key_of(host, port) -> struct name, owned */
    struct list queue;     /* of struct name: asked about, no thread yet; the oldest first */
    struct list answering; /* of struct resolver_question: told one by one */
    uint32_t lookups_count;
};

struct name {
    struct resolver *resolver; /* borrowed */
    char *host;                /* owned */
    uint16_t port;
    struct list queued;    /* in resolver.queue */
    struct lookup *lookup; /* owned; NULL when none is under way */
    struct list questions; /* of struct resolver_question, not answered yet */
    uint64_t ttl_us;
};

struct resolver_question {
    struct list node; /* in name.questions or resolver.answering */
    struct name *name;
    resolver_done_fn *done;
    void *arg; /* borrowed */
};

/* ---- names ---- */

/* The caller frees it. A host name has no space. */
static char *
key_of(const char *host, uint16_t port)
{
    return xasprintf("%u %s", port, host);
}

static bool
name_is_idle(const struct name *name)
{
    return name->lookup == NULL && list_empty(&name->questions);
}

static void
name_free(struct name *name)
{
    list_remove(&name->queued);
    lookup_cancel(name->lookup);
    mem_free(name->host);
    mem_free(name);
}

/* Names come from configurations, which follow each other without end. */
static void
forget_idle_names(struct resolver *r)
{
    struct map kept;
    size_t at = 0;
    map_init(&kept, rand_u64());
    for (struct name *name = map_next(&r->names, &at); name != NULL;
         name = map_next(&r->names, &at)) {
        if (name_is_idle(name)) {
            name_free(name);
            continue;
        }
        char *key = key_of(name->host, name->port);
        (void)map_put(&kept, slice_of_str(key), name);
        mem_free(key);
    }
    map_fini(&r->names);
    r->names = kept;
}

static struct name *
name_new(struct resolver *r, const char *host, uint16_t port, struct slice key)
{
    if (map_count(&r->names) >= RESOLVER_NAMES_MAX) {
        forget_idle_names(r);
    }
    struct name *name = xcalloc(1, sizeof(*name));
    name->resolver = r;
    name->host = xstrdup(host);
    name->port = port;
    name->ttl_us = TTL_UNKNOWN_US;
    list_init(&name->queued);
    list_init(&name->questions);
    CHECK(map_put(&r->names, key, name) == NULL);
    return name;
}

static struct name *
name_find(const struct resolver *r, const char *host, uint16_t port)
{
    char *key = key_of(host, port);
    struct name *name = map_get(&r->names, slice_of_str(key));
    mem_free(key);
    return name;
}

/* ---- lookups ---- */

static void on_found(void *arg, const struct address_list *addresses, const struct err *err);
static void on_over(void *arg, uint64_t ttl_us);
static const struct lookup_ops lookup_ops = {.found = on_found, .over = on_over};

static void
start_queued(struct resolver *r)
{
    while (!list_empty(&r->queue) && r->lookups_count < RESOLVER_THREADS_MAX) {
        struct name *name = LIST_OBJECT(list_first(&r->queue), struct name, queued);
        list_remove(&name->queued);
        r->lookups_count++;
        name->lookup = lookup_start(r->loop, name->host, name->port, &lookup_ops, name);
    }
}

static void
name_enqueue(struct name *name)
{
    struct resolver *r = name->resolver;
    CHECK(name->lookup == NULL && !list_empty(&name->questions));
    list_remove(&name->queued);
    list_push_back(&r->queue, &name->queued);
    start_queued(r);
}

/* Those who ask again from within are for the next lookup, so they must not be met here. */
static void
on_found(void *arg, const struct address_list *addresses, const struct err *err)
{
    const struct name *name = arg;
    struct resolver *r = name->resolver;
    CHECK(list_empty(&r->answering));
    LIST_EACH(node, &name->questions)
    {
        list_remove(node);
        list_push_back(&r->answering, node);
    }
    while (!list_empty(&r->answering)) {
        struct resolver_question *q =
            LIST_OBJECT(list_first(&r->answering), struct resolver_question, node);
        const struct resolver_question answered = *q;
        resolver_cancel(q);
        answered.done(answered.arg, addresses, err);
    }
}

static void
on_over(void *arg, uint64_t ttl_us)
{
    struct name *name = arg;
    struct resolver *r = name->resolver;
    CHECK(r->lookups_count > 0);
    r->lookups_count--;
    name->lookup = NULL;
    name->ttl_us = ttl_us == 0 ? TTL_UNKNOWN_US : ttl_us;
    name->ttl_us = name->ttl_us < TTL_MIN_US ? TTL_MIN_US : name->ttl_us;
    name->ttl_us = name->ttl_us > TTL_MAX_US ? TTL_MAX_US : name->ttl_us;
    if (!list_empty(&name->questions)) {
        name_enqueue(name);
    }
    start_queued(r);
}

/* ---- verbs ---- */

struct resolver *
resolver_new(struct loop *loop)
{
    struct resolver *r = xcalloc(1, sizeof(*r));
    r->loop = loop;
    map_init(&r->names, rand_u64());
    list_init(&r->queue);
    list_init(&r->answering);
    return r;
}

void
resolver_free(struct resolver *r)
{
    if (r == NULL) {
        return;
    }
    size_t at = 0;
    CHECK(list_empty(&r->answering));
    for (struct name *name = map_next(&r->names, &at); name != NULL;
         name = map_next(&r->names, &at)) {
        CHECK(list_empty(&name->questions));
        name_free(name);
    }
    map_fini(&r->names);
    mem_free(r);
}

struct resolver_question *
resolver_ask(struct resolver *r, const char *host, uint16_t port, resolver_done_fn *done, void *arg)
{
    CHECK(done != NULL && !address_is_fixed(host));
    char *key = key_of(host, port);
    struct name *name = map_get(&r->names, slice_of_str(key));
    name = name == NULL ? name_new(r, host, port, slice_of_str(key)) : name;
    mem_free(key);
    struct resolver_question *q = xcalloc(1, sizeof(*q));
    q->name = name;
    q->done = done;
    q->arg = arg;
    list_init(&q->node);
    list_push_back(&name->questions, &q->node);
    if (name->lookup == NULL && list_empty(&name->queued)) {
        name_enqueue(name);
    }
    return q;
}

/* A lookup that nobody waits for any more goes on, for its thread cannot be stopped and counts. */
void
resolver_cancel(struct resolver_question *q)
{
    if (q == NULL) {
        return;
    }
    list_remove(&q->node);
    if (list_empty(&q->name->questions)) {
        list_remove(&q->name->queued);
    }
    mem_free(q);
}

uint64_t
resolver_ttl_us(const struct resolver *r, const char *host, uint16_t port)
{
    const struct name *name = name_find(r, host, port);
    return name == NULL ? TTL_UNKNOWN_US : name->ttl_us;
}
