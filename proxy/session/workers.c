/* workers.c — all workers, seen from the control thread. See workers.h.
 *
 * Each order is a message: a small struct with its arguments, run on the worker's thread and freed
 * there. The answers that matter (view taken over, busy count) are atomics, because a cutover reads
 * them every millisecond. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/workers.h"

#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "auth/throttle.h"
#include "base/mem.h"
#include "net/listener.h"
#include "pool/key_derivation.h"
#include "pool/registry.h"
#include "session/accept.h"
#include "session/login/client_limits.h"
#include "session/orders.h"
#include "session/report.h"
#include "session/turn.h"

/* ---- orders ---- */

struct order {
    struct worker *worker; /* borrowed */
    uint32_t pair;
    enum side side;
    bool flag;
    uint64_t id;
    struct view *view;     /* owned until taken */
    struct conf *conf;     /* shared (ref) */
    struct access *access; /* shared (ref) */
    uint8_t key[256];
    size_t key_len;
    char *alias; /* owned; NULL: all databases */
};

static struct order *
order_new(struct worker *w)
{
    struct order *o = xcalloc(1, sizeof(*o));
    o->worker = w;
    return o;
}

static void
run_take_view(void *arg)
{
    struct order *o = arg;
    order_take_view(o->worker, o->view);
    mem_free(o);
}

void
workers_publish(struct workers *workers, const struct view *view)
{
    for (uint32_t i = 0; i < workers->count; i++) {
        struct order *o = order_new(&workers->items[i]);
        o->view = view_copy(view);
        mailbox_post(workers->items[i].mailbox, run_take_view, o);
    }
}

static void
run_cancel_busy(void *arg)
{
    struct order *o = arg;
    order_cancel_busy(o->worker, o->pair, o->side);
    mem_free(o);
}

static void
run_terminate_busy(void *arg)
{
    struct order *o = arg;
    order_terminate_busy(o->worker, o->pair, o->side);
    mem_free(o);
}

static void
run_leave_side(void *arg)
{
    struct order *o = arg;
    order_leave_side(o->worker, o->pair, o->side);
    mem_free(o);
}

static void
order_all_about(struct workers *workers, uint32_t pair, enum side side, loop_fn *fn)
{
    for (uint32_t i = 0; i < workers->count; i++) {
        struct order *o = order_new(&workers->items[i]);
        o->pair = pair;
        o->side = side;
        mailbox_post(workers->items[i].mailbox, fn, o);
    }
}

void
workers_cancel_busy(struct workers *workers, uint32_t pair, enum side side)
{
    order_all_about(workers, pair, side, run_cancel_busy);
}

void
workers_terminate_busy(struct workers *workers, uint32_t pair, enum side side)
{
    order_all_about(workers, pair, side, run_terminate_busy);
}

void
workers_leave_side(struct workers *workers, uint32_t pair, enum side side)
{
    order_all_about(workers, pair, side, run_leave_side);
}

static void
order_all_of(struct workers *workers, const char *alias, loop_fn *fn)
{
    for (uint32_t i = 0; i < workers->count; i++) {
        struct order *o = order_new(&workers->items[i]);
        o->alias = alias == NULL ? NULL : xstrdup(alias);
        mailbox_post(workers->items[i].mailbox, fn, o);
    }
}

static void
run_kill_all(void *arg)
{
    struct order *o = arg;
    order_kill_all(o->worker, o->alias);
    mem_free(o->alias);
    mem_free(o);
}

static void
run_reconnect(void *arg)
{
    struct order *o = arg;
    order_reconnect(o->worker, o->alias);
    mem_free(o->alias);
    mem_free(o);
}

void
workers_kill_all(struct workers *workers, const char *alias)
{
    order_all_of(workers, alias, run_kill_all);
}

void
workers_reconnect(struct workers *workers, const char *alias)
{
    order_all_of(workers, alias, run_reconnect);
}

static void
run_drain(void *arg)
{
    struct order *o = arg;
    order_drain(o->worker, o->flag);
    mem_free(o);
}

void
workers_drain(struct workers *workers, bool wait_for_clients)
{
    for (uint32_t i = 0; i < workers->count; i++) {
        struct order *o = order_new(&workers->items[i]);
        o->flag = wait_for_clients;
        mailbox_post(workers->items[i].mailbox, run_drain, o);
    }
}

static void
run_kill(void *arg)
{
    struct order *o = arg;
    order_kill_session(o->worker, o->id);
    mem_free(o);
}

void
workers_kill_session(struct workers *workers, uint64_t session_id)
{
    const uint64_t index = session_id >> 40;
    if (index >= workers->count) {
        return;
    }
    struct order *o = order_new(&workers->items[index]);
    o->id = session_id;
    mailbox_post(workers->items[index].mailbox, run_kill, o);
}

static void
run_cancel(void *arg)
{
    struct order *o = arg;
    order_cancel(o->worker, (uint32_t)o->id, slice_of(o->key, o->key_len));
    mem_free(o);
}

static void
route_cancel(struct workers *workers, uint32_t pid, struct slice key)
{
    const uint32_t index = pid >> 24;
    if (index >= workers->count || key.len > sizeof(((struct order *)NULL)->key)) {
        return;
    }
    struct order *o = order_new(&workers->items[index]);
    o->id = pid;
    memcpy(o->key, key.p, key.len);
    o->key_len = key.len;
    mailbox_post(workers->items[index].mailbox, run_cancel, o);
}

/* What the files of a session ask of those above them. */
static const struct worker_ops worker_callbacks = {.turn = session_turn, .cancel = route_cancel};

/* ---- configuration ---- */

static void
run_take_conf(void *arg)
{
    struct order *o = arg;
    order_take_conf(o->worker, o->conf, o->access);
    conf_unref(o->conf);
    access_unref(o->access);
    mem_free(o);
}

/* The first mistake is enough for whoever asked; the log has all of them. */
static bool
access_failed(struct buf *mistakes, struct err *err)
{
    buf_put_u8(mistakes, 0);
    const char *text = (const char *)buf_slice(mistakes).p;
    log_error(NULL, "a file of the configuration cannot be used", "mistakes=\"%s\"", text);
    (void)err_set(err, SQLSTATE_CONFIG_FILE, "%.*s", (int)strcspn(text, "\n"), text);
    return err_hint(err, "teal --check-config names all mistakes.");
}

static bool
load_access(struct workers *workers, const struct conf *conf, struct access **out, struct err *err)
{
    struct buf mistakes;
    buf_init(&mistakes);
    *out = access_load(conf, &workers->seed, workers->access, &mistakes);
    const bool ok = *out != NULL || access_failed(&mistakes, err);
    buf_fini(&mistakes);
    return ok;
}

bool
workers_reconfigure(struct workers *workers, struct conf *conf, struct err *err)
{
    struct access *access;
    if (!load_access(workers, conf, &access, err)) {
        return false;
    }
    for (uint32_t i = 0; i < workers->count; i++) {
        struct order *o = order_new(&workers->items[i]);
        o->conf = conf_ref(conf);
        o->access = access_ref(access);
        mailbox_post(workers->items[i].mailbox, run_take_conf, o);
    }
    access_unref(workers->access);
    workers->access = access;
    return true;
}

/* ---- start and stop ---- */

static bool
open_listeners(struct workers *workers, const struct conf *conf)
{
    struct err err;
    const int backlog = (int)conf->listen_backlog;
    for (size_t i = 0; i <= conf->listen_addr.count; i++) {
        int fd;
        if (i < conf->listen_addr.count) {
            fd = listener_open_tcp(conf->listen_addr.items[i], conf->listen_port, backlog, &err);
        } else if (conf->unix_socket_dir[0] != '\0') {
            fd = listener_open_unix(conf->unix_socket_dir, conf->listen_port,
                                    conf->unix_socket_mode, backlog, &err);
        } else {
            continue;
        }
        if (fd == -1 || workers->listeners_count == WORKER_LISTENERS_MAX) {
            log_error(NULL, "cannot listen", "error=\"%s\"",
                      fd == -1 ? err.text : "too many addresses in listen_addr");
            return false;
        }
        workers->listeners[workers->listeners_count++] = fd;
    }
    return true;
}

static void *
worker_main(void *arg)
{
    struct worker *w = arg;
    accept_begin(w);
    loop_run(w->loop);
    return NULL;
}

/* Signals are the control thread's: a worker starts with all of them blocked. */
static void
start_threads(struct workers *workers)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    CHECK(pthread_sigmask(SIG_SETMASK, &all, &before) == 0);
    for (uint32_t i = 0; i < workers->count; i++) {
        struct worker *w = &workers->items[i];
        CHECK(pthread_create(&w->thread, NULL, worker_main, w) == 0);
    }
    CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

static uint32_t
workers_wanted(const struct conf *conf)
{
    if (conf->workers > 0) {
        return conf->workers < POOL_WORKERS_MAX ? conf->workers : POOL_WORKERS_MAX;
    }
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    return cores < 1 ? 1 : cores > POOL_WORKERS_MAX ? POOL_WORKERS_MAX : (uint32_t)cores;
}

static void
workers_free(struct workers *workers)
{
    for (uint32_t i = 0; i < workers->listeners_count; i++) {
        (void)close(workers->listeners[i]); /* nothing is sent on a listening socket */
    }
    key_derivation_free(workers->key_derivation);
    pool_registry_free(workers->registry);
    client_limits_free(workers->limits);
    access_unref(workers->access);
    throttle_free(workers->throttle);
    mem_free(workers->items);
    mem_free(workers);
}

struct workers *
workers_start(struct conf *conf, const struct view *const *views, uint32_t views_count,
              const struct workers_ops *ops)
{
    struct workers *workers = xcalloc(1, sizeof(*workers));
    workers->count = workers_wanted(conf);
    CHECK(workers->count > 0 && workers->count <= POOL_WORKERS_MAX);
    CHECK(views_count == conf->pairs_count && views_count <= PAIRS_MAX);
    workers->ops = *ops;
    workers->registry = pool_registry_new(workers->count);
    workers->key_derivation = key_derivation_new();
    workers->limits = client_limits_new();
    workers->items = xcalloc(workers->count, sizeof(*workers->items));
    scram_seed_init(&workers->seed);
    workers->throttle = throttle_new();
    struct err err;
    if (!load_access(workers, conf, &workers->access, &err) || !open_listeners(workers, conf)) {
        workers_free(workers);
        return NULL;
    }
    for (uint32_t i = 0; i < workers->count; i++) {
        order_begin(&workers->items[i], &worker_callbacks, workers, i, views, views_count);
        order_take_conf(&workers->items[i], conf, workers->access);
    }
    start_threads(workers);
    return workers;
}

static void
run_end(void *arg)
{
    order_end(arg);
}

void
workers_stop(struct workers *workers)
{
    if (workers == NULL) {
        return;
    }
    for (uint32_t i = 0; i < workers->count; i++) {
        mailbox_post(workers->items[i].mailbox, run_end, &workers->items[i]);
    }
    for (uint32_t i = 0; i < workers->count; i++) {
        CHECK(pthread_join(workers->items[i].thread, NULL) == 0);
    }
    key_derivation_free(workers->key_derivation); /* before the mailboxes that it posts to */
    workers->key_derivation = NULL;
    for (uint32_t i = 0; i < workers->count; i++) {
        order_fini(&workers->items[i]);
    }
    workers_free(workers);
}

/* ---- what the control thread looks at ---- */

bool
workers_have_view(const struct workers *workers, uint32_t pair, uint64_t version)
{
    for (uint32_t i = 0; i < workers->count; i++) {
        if (atomic_load(&workers->items[i].gauges.of_pair[pair].view_version) < version) {
            return false;
        }
    }
    return true;
}

uint32_t
workers_busy(const struct workers *workers, uint32_t pair, enum side side)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < workers->count; i++) {
        sum += atomic_load(&workers->items[i].gauges.of_pair[pair].busy[side]);
    }
    return sum;
}

uint32_t
workers_servers(const struct workers *workers, const char *alias)
{
    return pool_registry_open(workers->registry, alias);
}

void
workers_lists(const struct workers *workers, uint64_t *users, uint64_t *pools)
{
    const struct users *known = workers->access->users;
    *users = known == NULL ? 0 : users_count(known);
    *pools = pool_registry_shares(workers->registry);
}

void
workers_readers(const struct workers *workers, const struct node_id *node, struct buf *out)
{
    pool_registry_readers(workers->registry, node, out);
}

uint32_t
workers_waiting(const struct workers *workers, uint32_t pair)
{
    return worker_waiting_of_all(workers, pair);
}

uint32_t
workers_waiting_in_all(const struct workers *workers)
{
    uint32_t sum = 0;
    for (uint32_t pair = 0; pair < workers->items[0].pairs_count; pair++) {
        sum += worker_waiting_of_all(workers, pair);
    }
    return sum;
}

uint32_t
workers_sessions(const struct workers *workers)
{
    return worker_sessions_of_all(workers);
}

static void
stats_add(struct workers_stats *out, const struct worker_stats *st)
{
    out->logins += stat_get(&st->logins);
    out->assignments += stat_get(&st->assignments);
    out->client_parses += stat_get(&st->client_parses);
    out->server_parses += stat_get(&st->server_parses);
    out->binds += stat_get(&st->binds);
    out->xacts += stat_get(&st->xacts);
    out->queries += stat_get(&st->queries);
    out->bytes_received += stat_get(&st->bytes_received);
    out->bytes_sent += stat_get(&st->bytes_sent);
    out->xact_time_us += stat_get(&st->xact_time_us);
    out->query_time_us += stat_get(&st->query_time_us);
    out->wait_time_us += stat_get(&st->wait_time_us);
    for (int side = 0; side < SIDES_COUNT; side++) {
        out->reads_by_side[side] += stat_get(&st->reads_by_side[side]);
        out->writes_by_side[side] += stat_get(&st->writes_by_side[side]);
    }
    out->replays += stat_get(&st->replays);
    out->client_errors += stat_get(&st->client_errors);
    out->outcome_unknown += stat_get(&st->outcome_unknown);
    stat_hist_merge(&out->latency, &st->latency);
    stat_hist_merge(&out->held, &st->held);
}

void
workers_stats(const struct workers *workers, struct workers_stats *out)
{
    *out = (struct workers_stats){0};
    for (uint32_t i = 0; i < workers->count; i++) {
        const struct worker *w = &workers->items[i];
        out->sessions += atomic_load(&w->gauges.sessions);
        for (uint32_t pair = 0; pair < w->pairs_count; pair++) {
            out->sessions_pinned += atomic_load(&w->gauges.of_pair[pair].pinned);
        }
        stats_add(out, &w->stats);
        for (const struct database *d = atomic_load(&w->served); d != NULL; d = d->next) {
            stats_add(out, &d->stats);
        }
    }
}

static struct workers_database *
database_of(struct workers_database *all, size_t *count, size_t max, const struct database *d)
{
    for (size_t i = 0; i < *count; i++) {
        if (all[i].pair == d->pair && strcmp(all[i].alias, d->alias) == 0) {
            return &all[i];
        }
    }
    if (*count == max) {
        return NULL;
    }
    struct workers_database *fresh = &all[(*count)++];
    *fresh = (struct workers_database){.pair = d->pair, .alias = d->alias, .name = d->name};
    return fresh;
}

struct workers_database *
workers_databases(const struct workers *workers, size_t *count)
{
    size_t max = 0;
    for (uint32_t i = 0; i < workers->count; i++) {
        for (const struct database *d = atomic_load(&workers->items[i].served); d != NULL;
             d = d->next) {
            max++;
        }
    }
    struct workers_database *all = xcalloc(max, sizeof(*all));
    *count = 0;
    for (uint32_t i = 0; i < workers->count; i++) {
        for (const struct database *d = atomic_load(&workers->items[i].served); d != NULL;
             d = d->next) {
            struct workers_database *of = database_of(all, count, max, d);
            if (of != NULL) { /* else it has come meanwhile: the next time */
                stats_add(&of->stats, &d->stats);
            }
        }
    }
    return all;
}

uint32_t
workers_servers_of_pair(const struct workers *workers, uint32_t pair)
{
    return pool_registry_open_of_pair(workers->registry, pair);
}

uint32_t
workers_clients(const struct workers *workers, const char *alias)
{
    return client_limits_count(workers->limits, CLIENT_LIMIT_DATABASE, alias);
}

uint32_t
workers_pinned(const struct workers *workers, uint32_t pair)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < workers->count; i++) {
        sum += atomic_load(&workers->items[i].gauges.of_pair[pair].pinned);
    }
    return sum;
}

/* ---- reports ---- */

struct report {
    struct worker *worker; /* borrowed: whose turn it is */
    enum worker_report what;
    struct table *table;      /* owned; NULL before the first worker */
    struct mailbox *reply_to; /* borrowed */
    workers_report_fn *done;
    void *arg; /* borrowed */
};

static void
report_deliver(void *arg)
{
    struct report *r = arg;
    r->done(r->arg, r->table);
    mem_free(r);
}

/* From worker to worker, each adds its rows; the last one sends the table home. */
static void
run_report(void *arg)
{
    struct report *r = arg;
    struct workers *workers = r->worker->workers;
    struct table *rows = report_of_worker(r->worker, r->what);
    if (r->table == NULL) {
        r->table = rows;
    } else {
        report_merge(r->table, rows, r->what);
    }
    const uint32_t next = r->worker->index + 1;
    CHECK(next <= workers->count);
    if (next == workers->count) {
        mailbox_post(r->reply_to, report_deliver, r);
        return;
    }
    r->worker = &workers->items[next];
    mailbox_post(r->worker->mailbox, run_report, r);
}

void
workers_report(struct workers *workers, enum worker_report what, struct mailbox *reply_to,
               workers_report_fn *done, void *arg)
{
    struct report *r = xcalloc(1, sizeof(*r));
    *r = (struct report){&workers->items[0], what, NULL, reply_to, done, arg};
    mailbox_post(workers->items[0].mailbox, run_report, r);
}
