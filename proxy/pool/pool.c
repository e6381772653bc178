/* pool.c — who gets which backend. See pool.h.
 *
 * The decisions are few and each is one function: pool_acquire (idle, open, or wait), pool_place
 * (where a backend that became free goes), pool_open_more (whether to connect). Everything else is
 * bookkeeping of three lists. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/pool.h"

#include <string.h>

#include "base/clock.h"
#include "base/mem.h"
#include "base/rand.h"
#include "pool/key_derivation.h"
#include "pool/pool_internal.h"
#include "wire/message.h"

/* A worker with waiters of its own gives a backend away only to one that has waited longer by this
 * much: a backend that moves costs a message and two system calls, so fairness between workers is
 * kept coarse. */
enum { FAIRNESS_US = 50 * 1000 };

static void pool_open_more(struct pool *pool);

static uint64_t
pool_now_us(const struct pool *pool)
{
    return loop_now_us(pool->pools->config.loop);
}

/* ---- who waits ---- */

static struct pool_waiter *
first_waiter(const struct pool *pool)
{
    struct list *node = list_first(&pool->waiters);
    return node == NULL ? NULL : LIST_OBJECT(node, struct pool_waiter, node);
}

static void
publish_wait(struct pool *pool)
{
    const struct pool_waiter *first = first_waiter(pool);
    pool_share_wait(pool->share, pool->pools->config.worker, first == NULL ? 0 : first->since_us);
}

void
pool_cancel_wait(struct pool_waiter *waiter)
{
    struct pool *pool = waiter->pool;
    if (pool == NULL) {
        return;
    }
    list_remove(&waiter->node);
    waiter->pool = NULL;
    pool->waiting_count--;
    publish_wait(pool);
    if (waiter->own != NULL) {
        backend_close(waiter->own); /* nobody else has a use for it */
    }
}

static void
refuse_waiter(struct pool_waiter *waiter, const struct err *err)
{
    pool_cancel_wait(waiter);
    waiter->done(waiter, NULL, err);
}

/* ---- moving a backend between the lists ---- */

static uint32_t *
list_count_of(struct backend *b)
{
    switch (b->state) {
    case BACKEND_CONNECTING:
    case BACKEND_NEGOTIATING:
    case BACKEND_LOGIN:
        return &b->pool->opening_count;
    case BACKEND_IDLE:
        return &b->pool->idle_count;
    case BACKEND_ACTIVE:
        return &b->pool->active_count;
    case BACKEND_CLOSED:
        break;
    }
    UNREACHABLE();
}

static void
backend_unlist(struct backend *b)
{
    uint32_t *count = list_count_of(b);
    CHECK(*count > 0);
    (*count)--;
    list_remove(&b->node);
}

static void
backend_make_idle(struct backend *b)
{
    CHECK(flow_empty(&b->flow) && b->flow.txn == 'I' && b->owner == NULL);
    CHECK(buf_len(&b->in) == 0 && buf_len(&b->out) == 0);
    b->state = BACKEND_IDLE;
    b->idle_since_us = pool_now_us(b->pool);
    list_push_front(&b->pool->idle, &b->node);
    b->pool->idle_count++;
}

static void
backend_link(struct backend *b, void *owner)
{
    b->state = BACKEND_ACTIVE;
    b->owner = owner;
    b->request_us = pool_now_us(b->pool);
    list_push_back(&b->pool->active, &b->node);
    b->pool->active_count++;
}

static void
backend_free(void *arg)
{
    struct backend *b = arg;
    settings_unref(b->pool->pools->config.settings, b->settings);
    params_unref(b->params);
    backend_forget_all_statements(b);
    map_fini(&b->prepared);
    flow_fini(&b->flow);
    buf_fini(&b->in);
    buf_fini(&b->out);
    scram_client_fini(&b->scram);
    explicit_bzero(b->key, sizeof(b->key));
    mem_free(b);
}

/* Takes the walsender and its waiter apart. */
static void
backend_unreserve(struct backend *b)
{
    if (b->reserved != NULL) {
        CHECK(b->reserved->own == b);
        b->reserved->own = NULL;
        b->reserved = NULL;
    }
}

void
backend_close(struct backend *b)
{
    CHECK(b->state != BACKEND_CLOSED);
    backend_unlist(b);
    if (b->state == BACKEND_IDLE && stream_is_open(&b->stream)) {
        static const uint8_t terminate[] = {'X', 0, 0, 0, 4};
        size_t n;
        /* A courtesy: without it the server logs a lost connection. */
        (void)stream_send(&b->stream, terminate, sizeof(terminate), &n);
    }
    b->state = BACKEND_CLOSED;
    key_derivation_cancel(b->keys);
    b->owner = NULL;
    backend_unreserve(b);
    stream_close(&b->stream);
    if (b->cancels > 0) {
        cancels_forget(b->pool->pools, b);
    }
    pool_share_close(b->pool->share);
    if (b->pool->key.read_only && b->pid != 0) {
        pool_registry_remove_reader(b->pool->pools->config.registry, b->pool->key.side, b->pid);
    }
    loop_dispose(b->pool->pools->config.loop, backend_free, b);
}

/* ---- moving a backend to another worker ---- */

struct transfer {
    struct backend *backend; /* owned */
    char *settings_text;     /* owned */
    size_t settings_len;
};

static void pool_place(struct backend *b);

static void
transfer_arrive(struct pools *pools, void *arg)
{
    struct transfer *t = arg;
    struct backend *b = t->backend;
    b->pool = pools_get(pools, &b->pool->key);
    b->settings =
        settings_intern(pools->config.settings, slice_of(t->settings_text, t->settings_len));
    stream_attach(&b->stream, pools->config.loop, backend_stream_ready, b);
    stream_want(&b->stream, WATCH_READ);
    mem_free(t->settings_text);
    mem_free(t);
    pool_place(b);
}

/* What belongs to this worker alone (the watch, the interned settings, the shared parameters) is
 * taken off. */
static void
backend_give_to(struct backend *b, uint32_t worker)
{
    struct pools *pools = b->pool->pools;
    struct transfer *t = xcalloc(1, sizeof(*t));
    t->backend = b;
    t->settings_text = xstrndup(b->settings->text, b->settings->text_len);
    t->settings_len = b->settings->text_len;
    stream_detach(&b->stream);
    settings_unref(pools->config.settings, b->settings);
    b->settings = NULL;
    struct params *copy = params_copy(b->params);
    params_unref(b->params);
    b->params = copy;
    pool_registry_post(pools->config.registry, worker, transfer_arrive, t);
}

struct lend_request {
    struct pool_key key; /* texts borrowed from a pool, which lives as long as the workers */
    uint32_t to;
};

static void
lend(struct pools *pools, void *arg)
{
    struct lend_request *request = arg;
    struct pool *pool = pools_get(pools, &request->key);
    struct list *node = list_first(&pool->idle);
    if (node != NULL && pool->waiting_count == 0) {
        struct backend *b = LIST_OBJECT(node, struct backend, node);
        backend_unlist(b);
        backend_give_to(b, request->to);
    }
    mem_free(request);
}

static void
ask_other_workers(struct pool *pool)
{
    const struct pools_config *config = &pool->pools->config;
    for (uint32_t i = 0; i < pool_registry_workers(config->registry); i++) {
        if (i == config->worker) {
            continue;
        }
        struct lend_request *request = xcalloc(1, sizeof(*request));
        *request = (struct lend_request){pool->key, config->worker};
        pool_registry_post(config->registry, i, lend, request);
    }
}

/* ---- decisions ---- */

/* The reserve opens when somebody has waited too long. */
static struct pool_caps
caps_of(const struct pool *pool)
{
    const struct conf *conf = pool->pools->conf;
    const struct pool_waiter *first = first_waiter(pool);
    const bool late =
        first != NULL && pool_now_us(pool) - first->since_us >= conf->reserve_pool_timeout_us;
    return (struct pool_caps){
        .of_pool = conf->default_pool_size + (late ? conf->reserve_pool_size : 0),
        .of_side = conf->max_db_connections,
        .of_user = conf->max_user_connections,
    };
}

static bool
backend_is_over(const struct backend *b)
{
    const struct pools *pools = b->pool->pools;
    const uint64_t age = pool_now_us(b->pool) - b->connected_us;
    /* Spread by 10 %, so that those opened together do not all end together. */
    const uint64_t spread = 900 + b->id * 79 % 201;
    const uint64_t lifetime_us = pools->conf->server_lifetime_us / 1000 * spread;
    const struct pool_caps caps = caps_of(b->pool);
    return b->close_when_idle || pool_share_is_over(b->pool->share, &caps) ||
           b->incarnation != pools->nodes[b->pool->key.side].incarnation ||
           (lifetime_us > 0 && age > lifetime_us);
}

/* A walsender goes to the one it was opened for. */
static void
place_reserved(struct backend *b)
{
    struct pool_waiter *waiter = b->reserved;
    backend_unreserve(b);
    pool_cancel_wait(waiter);
    backend_link(b, waiter->owner);
    waiter->done(waiter, b, NULL);
}

/* Where a backend that is in no list goes: to a worker that waits (much) longer, to our oldest
 * waiter, or idle. */
static void
pool_place(struct backend *b)
{
    struct pool *pool = b->pool;
    const struct pools_config *config = &pool->pools->config;
    struct pool_waiter *waiter = first_waiter(pool);
    if (b->reserved != NULL) {
        place_reserved(b);
        return;
    }
    const uint64_t than_us = waiter == NULL                   ? 0
                             : waiter->since_us > FAIRNESS_US ? waiter->since_us - FAIRNESS_US
                                                              : 1;
    const int other = pool_share_hungriest(pool->share, config->worker,
                                           pool_registry_workers(config->registry), than_us);
    if (other >= 0) {
        backend_give_to(b, (uint32_t)other);
        return;
    }
    if (waiter == NULL) {
        backend_make_idle(b);
        return;
    }
    pool_cancel_wait(waiter);
    backend_link(b, waiter->owner);
    waiter->done(waiter, b, NULL);
}

/* The backend that has been idle for longest in another pool of the side; NULL when there is none.
 */
static struct backend *
idle_of_others(const struct pools *pools, const struct pool_key *key, bool by_user)
{
    struct backend *oldest = NULL;
    size_t at = 0;
    for (struct pool *p = pools_next(pools, &at); p != NULL; p = pools_next(pools, &at)) {
        const bool same_user = strcmp(p->key.user, key->user) == 0;
        const bool same = same_user && p->key.read_only == key->read_only && p->key.use == key->use;
        if (p->key.side != key->side || same || (by_user && !same_user) || list_empty(&p->idle)) {
            continue;
        }
        struct backend *b = LIST_OBJECT(p->idle.prev, struct backend, node);
        if (oldest == NULL || b->idle_since_us < oldest->idle_since_us) {
            oldest = b;
        }
    }
    return oldest;
}

struct room_request {
    struct pool_key key; /* texts borrowed from a pool, which lives as long as the workers */
    bool by_user;
};

static void
give_room(struct pools *pools, void *arg)
{
    struct room_request *request = arg;
    struct backend *b = idle_of_others(pools, &request->key, request->by_user);
    if (b != NULL) {
        backend_close(b);
    }
    mem_free(request);
}

/* At a cap over several pools an idle backend of another pool gives way: true when one of this
 * worker did. Else the other workers are asked, and the next tick looks again. */
static bool
make_room(struct pool *pool, const struct pool_caps *caps)
{
    const struct pools_config *config = &pool->pools->config;
    bool by_user;
    if (!pool_share_is_crowded(pool->share, caps, &by_user)) {
        return false;
    }
    struct backend *b = idle_of_others(pool->pools, &pool->key, by_user);
    if (b != NULL) {
        backend_close(b);
        return true;
    }
    for (uint32_t i = 0; i < pool_registry_workers(config->registry); i++) {
        if (i == config->worker) {
            continue;
        }
        struct room_request *request = xcalloc(1, sizeof(*request));
        *request = (struct room_request){pool->key, by_user};
        pool_registry_post(config->registry, i, give_room, request);
    }
    return false;
}

/* A walsender for each waiter that has none on its way, within the limit. */
static void
open_walsenders(struct pool *pool)
{
    const struct pool_caps caps = caps_of(pool);
    LIST_EACH(node, &pool->waiters)
    {
        struct pool_waiter *waiter = LIST_OBJECT(node, struct pool_waiter, node);
        if (waiter->own != NULL) {
            continue;
        }
        if (pool_now_us(pool) < pool->retry_at_us || !pool_share_open(pool->share, &caps)) {
            return;
        }
        backend_open(pool, waiter);
    }
}

/* One connect for each waiter that has none on its way, within the limit. */
static void
pool_open_more(struct pool *pool)
{
    if (pool->key.use != POOL_SESSIONS) {
        open_walsenders(pool);
        return;
    }
    while (pool->opening_count < pool->waiting_count && pool_now_us(pool) >= pool->retry_at_us) {
        const struct pool_caps caps = caps_of(pool);
        if (pool_share_open(pool->share, &caps)) {
            backend_open(pool, NULL);
            continue;
        }
        if (make_room(pool, &caps)) {
            continue;
        }
        if (pool->opening_count == 0) {
            ask_other_workers(pool);
        }
        return;
    }
}

struct backend *
pool_acquire(struct pool *pool, void *owner, struct pool_waiter *waiter)
{
    CHECK(waiter->pool == NULL);
    struct list *node = list_first(&pool->idle);
    if (node != NULL && pool->waiting_count == 0) {
        struct backend *b = LIST_OBJECT(node, struct backend, node);
        backend_unlist(b);
        backend_link(b, owner);
        return b;
    }
    list_init(&waiter->node);
    waiter->pool = pool;
    waiter->owner = owner;
    waiter->since_us = pool_now_us(pool);
    list_push_back(&pool->waiters, &waiter->node);
    pool->waiting_count++;
    publish_wait(pool);
    pool_open_more(pool);
    return NULL;
}

void
pool_release(struct backend **bp)
{
    struct backend *b = *bp;
    *bp = NULL;
    CHECK(b->state == BACKEND_ACTIVE);
    CHECK(flow_empty(&b->flow) && b->flow.txn == 'I');
    b->owner = NULL;
    stream_want(&b->stream, WATCH_READ); /* whatever its session waited for: now only its end */
    if (b->cancels > 0) {
        b->release_pending = true;
        return;
    }
    if (backend_is_over(b)) {
        struct pool *pool = b->pool;
        backend_close(b);
        pool_open_more(pool);
        return;
    }
    buf_shrink(&b->in);
    buf_shrink(&b->out);
    backend_unlist(b);
    pool_place(b);
}

void
pool_discard(struct backend **bp)
{
    struct backend *b = *bp;
    *bp = NULL;
    struct pool *pool = b->pool;
    CHECK(b->state == BACKEND_ACTIVE);
    backend_close(b);
    pool_open_more(pool);
}

void
pool_cancel(struct backend *b)
{
    CHECK(b->state == BACKEND_ACTIVE);
    cancel_send(b);
}

void
pool_cancel_done(struct backend *b)
{
    CHECK(b->cancels > 0);
    b->cancels--;
    if (b->cancels == 0 && b->release_pending) {
        b->release_pending = false;
        pool_release(&b);
    }
}

/* ---- outcomes ---- */

void
pool_backend_ready(struct backend *b)
{
    struct pool *pool = b->pool;
    params_unref(pool->params);
    pool->params = params_ref(b->params);
    pool->retry_at_us = 0;
    pool->failures = 0;
    err_clear(&pool->last_error);
    if (pool->key.read_only) {
        pool_registry_add_reader(pool->pools->config.registry, pool->key.side, b->pid);
    }
    backend_unlist(b);
    stream_want(&b->stream, WATCH_READ);
    b->state = BACKEND_IDLE;
    pool_place(b);
}

/* From a 25th of server_login_retry, doubling up to it; by a fifth less at random, so that many
 * proxies do not come back to a server at the same moment. */
static uint64_t
next_pause_us(struct pool *pool)
{
    enum { STEPS = 5, FIRST = 25 };
    const uint64_t limit_us = pool->pools->conf->server_login_retry_us;
    const uint64_t grown_us = limit_us / FIRST << pool->failures;
    const uint64_t pause_us = grown_us < limit_us ? grown_us : limit_us;
    pool->failures += pool->failures < STEPS ? 1 : 0;
    return pause_us - rand_u64() % (pause_us / 5 + 1);
}

void
pool_backend_failed(struct backend *b, const struct err *err, bool final)
{
    struct pool *pool = b->pool;
    struct log_ctx ctx = {.kind = "backend",
                          .id = b->id,
                          .user = pool->key.user,
                          .database = pool->key.database,
                          .node = side_name(pool->key.side)};
    if (!err_is_set(&pool->last_error)) {
        log_warn(&ctx, "could not open a backend", "error=\"%s\"", err->text);
    }
    pool->last_error = *err;
    pool->retry_at_us = pool_now_us(pool) + next_pause_us(pool);
    struct pool_waiter *reserved = b->reserved;
    backend_close(b);
    if (reserved != NULL && final) {
        refuse_waiter(reserved, err); /* what was wrong may be with its own settings */
        return;
    }
    while (final && !list_empty(&pool->waiters)) {
        refuse_waiter(first_waiter(pool), err);
    }
}

/* An idle backend has nothing to say but notices, changed parameters, and that it is going. */
void
pool_backend_idle_readable(struct backend *b)
{
    const struct pools_config *config = &b->pool->pools->config;
    size_t n;
    const enum stream_status status =
        stream_recv(&b->stream, config->scratch, config->scratch_len, &n);
    if (status == STREAM_AGAIN) {
        return;
    }
    struct slice in = slice_of(config->scratch, n);
    bool ok = status == STREAM_OK;
    while (ok && in.len > 0) {
        uint8_t type;
        uint64_t total;
        struct slice frame;
        ok = wire_peek(in, config->scratch_len, &type, &total) == WIRE_OK &&
             slice_take(&in, (size_t)total, &frame) && (type == 'S' || type == 'N');
        if (ok && type == 'S') {
            ok = backend_take_parameter(
                b, slice_of(frame.p + WIRE_HEADER_LEN, frame.len - WIRE_HEADER_LEN));
        }
    }
    if (!ok) {
        struct pool *pool = b->pool;
        backend_close(b);
        pool_open_more(pool);
    }
}

/* ---- the clock ---- */

static void
close_old_idle(struct pool *pool)
{
    const uint64_t limit = pool->pools->conf->server_idle_timeout_us;
    LIST_EACH(node, &pool->idle)
    {
        struct backend *b = LIST_OBJECT(node, struct backend, node);
        if (backend_is_over(b) || (limit > 0 && pool_now_us(pool) - b->idle_since_us > limit)) {
            backend_close(b);
        }
    }
}

static void
fail_slow_openings(struct pool *pool)
{
    const uint64_t limit = pool->pools->conf->server_connect_timeout_us;
    LIST_EACH(node, &pool->opening)
    {
        struct backend *b = LIST_OBJECT(node, struct backend, node);
        if (limit > 0 && pool_now_us(pool) - b->connected_us > limit) {
            struct err err;
            (void)err_set(&err, SQLSTATE_CONNECTION_FAILURE,
                          "%s did not accept a connection within server_connect_timeout",
                          side_name(pool->key.side));
            pool_backend_failed(b, &err, false);
        }
    }
}

static void
refuse_late_waiters(struct pool *pool)
{
    const uint64_t limit = pool->pools->conf->query_wait_timeout_us;
    struct pool_waiter *waiter = first_waiter(pool);
    while (limit > 0 && waiter != NULL && pool_now_us(pool) - waiter->since_us > limit) {
        struct err err;
        (void)err_set(&err, SQLSTATE_CANNOT_CONNECT_NOW,
                      "no connection to %s became free within query_wait_timeout",
                      side_name(pool->key.side));
        if (err_is_set(&pool->last_error)) {
            (void)err_hint(&err, "The last attempt to connect failed: %.200s",
                           pool->last_error.text);
        }
        refuse_waiter(waiter, &err);
        waiter = first_waiter(pool);
    }
}

void
pools_tick(struct pools *p)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        close_old_idle(pool);
        fail_slow_openings(pool);
        refuse_late_waiters(pool);
        pool_open_more(pool);
    }
}

void
pools_retire_side(struct pools *p, enum side side)
{
    size_t at = 0;
    for (struct pool *pool = pools_next(p, &at); pool != NULL; pool = pools_next(p, &at)) {
        if (pool->key.side != side) {
            continue;
        }
        LIST_EACH(node, &pool->idle)
        {
            backend_close(LIST_OBJECT(node, struct backend, node));
        }
        LIST_EACH(node, &pool->active)
        {
            LIST_OBJECT(node, struct backend, node)->close_when_idle = true;
        }
        LIST_EACH(node, &pool->opening)
        {
            LIST_OBJECT(node, struct backend, node)->close_when_idle = true;
        }
    }
}

void
pools_retire_all(struct pools *p)
{
    pools_retire_side(p, SIDE_BLUE);
    pools_retire_side(p, SIDE_GREEN);
}
