/* cutover_ops.c — what the cutover machine asks of the world: SQL, time, the record, the workers.
 * See cutover_ops.h, and cutover/cutover.h for what each function promises.
 *
 * The machine may be freed with questions open: every one of them stands in a list, here or in
 * side_sql.c, with its timer or connection. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/cutover_ops.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/hooks.h"
#include "control/side_sql.h"
#include "topo/conninfo.h"

enum { ADDRESS_SIZE = 320 };

struct cutover_host {
    uint32_t pair;
    char *name; /* owned: of the pair */
    struct cutover_host_parts parts;
    struct cutover *machine; /* owned */
    char *state_file;        /* owned: path of the record */
    struct side_sql *sql;    /* owned */
    struct hooks *hooks;     /* owned */
    struct list delays;      /* struct delay, owned: not over yet */
    const char *crash_at;    /* borrowed from the environment: a fault point; NULL for none */
};

struct delay {
    struct list node;
    struct cutover_host *host; /* borrowed */
    struct timer *timer;       /* owned */
    cutover_timer_fn *fn;
    void *arg; /* the machine's */
};

/* ---- SQL ---- */

static void
op_sql(void *ctx, const struct cutover_where *where, const char *sql, uint64_t timeout_us,
       cutover_sql_fn *done, void *arg)
{
    const struct cutover_host *h = ctx;
    side_sql_run(h->sql, where, sql, timeout_us, done, arg);
}

static void
op_sql_fresh(void *ctx, const struct cutover_where *where, const char *sql, uint64_t timeout_us,
             cutover_sql_fn *done, void *arg)
{
    const struct cutover_host *h = ctx;
    side_sql_run_fresh(h->sql, where, sql, timeout_us, done, arg);
}

static void
op_hook(void *ctx, const struct hook_about *about, uint64_t timeout_us, cutover_hook_fn *done,
        void *arg)
{
    const struct cutover_host *h = ctx;
    const struct monitor_facts *facts = monitor_facts(h->parts.monitor);
    const uint32_t lead[SIDES_COUNT] = {facts->side[SIDE_BLUE].lead, facts->side[SIDE_GREEN].lead};
    hooks_run(h->hooks, about, lead, timeout_us, done, arg);
}

/* ---- time ---- */

static uint64_t
op_now_us(void *ctx)
{
    (void)ctx;
    return clock_now_us();
}

static void
delay_free(void *arg)
{
    struct delay *delay = arg;
    timer_free(delay->timer);
    mem_free(delay);
}

static void
on_delay(void *arg)
{
    struct delay *delay = arg;
    list_remove(&delay->node);
    loop_dispose(delay->host->parts.loop, delay_free, delay);
    delay->fn(delay->arg);
}

static void
op_timer(void *ctx, uint64_t delay_us, cutover_timer_fn *fn, void *arg)
{
    struct cutover_host *h = ctx;
    struct delay *delay = xcalloc(1, sizeof(*delay));
    CHECK(fn != NULL);
    delay->host = h;
    delay->fn = fn;
    delay->arg = arg;
    delay->timer = timer_new(h->parts.loop, on_delay, delay);
    list_init(&delay->node);
    list_push_back(&h->delays, &delay->node);
    timer_start(delay->timer, delay_us);
}

/* ---- the record and the route ---- */

static bool
op_record_write(void *ctx, struct slice bytes, struct err *err)
{
    const struct cutover_host *h = ctx;
    return file_replace(h->state_file, bytes, err);
}

static void
op_publish(void *ctx, const struct cutover_route *route)
{
    struct cutover_host *h = ctx;
    const struct view *before = publisher_view(h->parts.publisher);
    const bool moved = before->writer != route->writer || !before->writes_known;
    if (route->writes_known) {
        monitor_set_route(h->parts.monitor, route->writer);
    }
    if (moved) {
        monitor_hurry(h->parts.monitor);
    }
    publisher_set_route(h->parts.publisher, route);
    log_info(NULL, "route", "pair=%s epoch=%llu writer=%s held=%s known=%s", h->name,
             (unsigned long long)route->epoch, side_name(route->writer),
             route->writes_held ? "yes" : "no", route->writes_known ? "yes" : "no");
}

/* ---- the workers ---- */

static bool
op_view_acked(void *ctx)
{
    const struct cutover_host *h = ctx;
    return workers_have_view(h->parts.workers, h->pair,
                             publisher_view(h->parts.publisher)->version);
}

static uint32_t
op_busy(void *ctx, enum side side)
{
    const struct cutover_host *h = ctx;
    return workers_busy(h->parts.workers, h->pair, side);
}

static uint32_t
op_waiting(void *ctx)
{
    const struct cutover_host *h = ctx;
    return workers_waiting(h->parts.workers, h->pair);
}

static uint32_t
op_sessions(void *ctx)
{
    const struct cutover_host *h = ctx;
    return workers_sessions(h->parts.workers);
}

static uint32_t
op_pinned(void *ctx)
{
    const struct cutover_host *h = ctx;
    return workers_pinned(h->parts.workers, h->pair);
}

static void
op_harmless_pids(void *ctx, enum side side, struct buf *out)
{
    const struct cutover_host *h = ctx;
    const struct view *view = publisher_view(h->parts.publisher);
    const struct node_id node = {h->pair, side, view->side[side].lead};
    workers_readers(h->parts.workers, &node, out);
}

static void
op_cancel_busy(void *ctx, enum side side)
{
    const struct cutover_host *h = ctx;
    workers_cancel_busy(h->parts.workers, h->pair, side);
}

static void
op_terminate_busy(void *ctx, enum side side)
{
    const struct cutover_host *h = ctx;
    workers_terminate_busy(h->parts.workers, h->pair, side);
}

static void
op_leave_side(void *ctx, enum side side)
{
    const struct cutover_host *h = ctx;
    workers_leave_side(h->parts.workers, h->pair, side);
}

/* ---- the monitor ---- */

static void
op_heartbeat(void *ctx, bool on)
{
    const struct cutover_host *h = ctx;
    monitor_pause_heartbeat(h->parts.monitor, !on);
}

/* The first of the side that answers and is not used. */
static const char *
misfit_of(const struct side_facts *side)
{
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        const struct node_facts *node = &side->node[i];
        if (node->answers && err_is_set(&node->error) &&
            (node->standing == NODE_FOREIGN || node->standing == NODE_STRAY)) {
            return node->error.text;
        }
    }
    return NULL;
}

static bool
is_same_server(const struct node_facts *a, const struct node_facts *b)
{
    return a->answers && b->answers && a->system_identifier == b->system_identifier &&
           a->started_us == b->started_us;
}

/* NULL when nothing is. A fence that stands in a server's own configuration is copied with it. */
static const char *
amiss_of(const struct node_facts *node, bool is_writer)
{
    if (!node->up) {
        return err_is_set(&node->error) ? node->error.text : "it has not answered yet";
    }
    if (is_writer && node->in_recovery && node->read_only) {
        return "it carries a fence and would refuse writes when it is promoted: ALTER SYSTEM RESET "
               "default_transaction_read_only there, and reload";
    }
    return NULL;
}

/* Of a side of one server the look at it tells, with its error. */
static void
put_amiss(const struct cutover_host *h, enum side side, char *out, size_t size)
{
    const struct side_facts *facts = &monitor_facts(h->parts.monitor)->side[side];
    const struct monitor_facts *all = monitor_facts(h->parts.monitor);
    const bool is_writer = all->writer_known && all->writer == side;
    struct buf b;
    buf_init(&b);
    for (uint32_t i = 0; i < facts->nodes_count && facts->nodes_count > 1; i++) {
        const struct node_facts *node = &facts->node[i];
        const struct conf_host *host = monitor_host(h->parts.monitor, side, i);
        const char *text = amiss_of(node, is_writer);
        if (text != NULL) {
            buf_printf(&b, "%s%s:%u: %s", buf_len(&b) == 0 ? "" : "; ", host->name, host->port,
                       text);
        }
    }
    (void)snprintf(out, size, "%.*s", (int)buf_len(&b), (const char *)buf_slice(&b).p);
    buf_fini(&b);
}

static void
op_facts(void *ctx, enum side side, struct cutover_facts *out)
{
    const struct cutover_host *h = ctx;
    const struct monitor_facts *facts = monitor_facts(h->parts.monitor);
    const struct node_facts *node = facts_lead(facts, side);
    *out = (struct cutover_facts){
        .up = node->up,
        .in_recovery = node->in_recovery,
        .version_num = node->server_version_num,
        .lag_known = node->lag_known,
        .lag_bytes = node->lag_bytes,
        .lag_us = node->lag_us,
        .misfit = misfit_of(&monitor_facts(h->parts.monitor)->side[side]),
        .is_unguarded = node->up && !node->in_recovery && node->subscribes && !node->read_only &&
                        facts->writer_known && facts->writer != side,
        .is_other_side = is_same_server(node, facts_lead(facts, side_other(side))),
    };
    put_amiss(h, side, out->amiss, sizeof(out->amiss));
}

/* ---- the console ---- */

static void
op_report(void *ctx, const struct cutover_report *row)
{
    const struct cutover_host *h = ctx;
    console_report(h->parts.console, h->pair, row);
}

static void
op_done(void *ctx, bool ok, const struct err *err)
{
    struct cutover_host *h = ctx;
    console_done(h->parts.console, h->pair, ok, err);
}

/* TEAL_CRASH_AT=step:before or step:after: the process dies there, as in a power loss. For the
 * crash tests only. */
static void
op_point(void *ctx, const char *step, const char *when)
{
    const struct cutover_host *h = ctx;
    const size_t len = strlen(step);
    if (h->crash_at != NULL && strncmp(h->crash_at, step, len) == 0 && h->crash_at[len] == ':' &&
        strcmp(h->crash_at + len + 1, when) == 0) {
        (void)kill(getpid(), SIGKILL); /* cannot fail for the own process */
    }
}

/* ---- life ---- */

/* The texts of a configuration of the machine, which copies them. */
struct config_texts {
    const char **databases;      /* owned; each is borrowed from the configuration */
    char *conninfo[SIDES_COUNT]; /* owned, secret */
    char address[SIDES_COUNT][ADDRESS_SIZE];
};

static bool
is_all(const char *word)
{
    return strcmp(word, "*") == 0;
}

/* The home database, then the others in their order, each once. */
static void
put_databases(struct cutover_config *k, const struct conf_pair *pair, struct config_texts *texts)
{
    const struct conf_list *list = &pair->databases;
    texts->databases = xcalloc(list->count + 1, sizeof(*texts->databases));
    texts->databases[k->databases_count++] = pair->database;
    for (size_t i = 0; i < list->count; i++) {
        bool known = is_all(list->items[i]);
        k->databases_all = k->databases_all || known;
        for (uint32_t n = 0; n < k->databases_count; n++) {
            known = known || strcmp(texts->databases[n], list->items[i]) == 0;
        }
        if (!known && k->databases_count < DATABASES_MAX) {
            texts->databases[k->databases_count++] = list->items[i];
        }
    }
    k->databases = texts->databases;
}

static void
put_address(const struct conf_side *side, char *out)
{
    size_t len = 0;
    for (uint32_t i = 0; i < side->hosts_count && len < ADDRESS_SIZE; i++) {
        len += (size_t)snprintf(out + len, ADDRESS_SIZE - len, "%s%s:%u", i == 0 ? "" : ", ",
                                side->hosts[i].name, side->hosts[i].port);
    }
}

/* The configuration as the machine wants it; follow with config_texts_fini. */
static struct cutover_config
machine_config(const struct conf *conf, uint32_t number, struct config_texts *texts)
{
    const struct conf_pair *pair = &conf->pairs[number];
    struct cutover_config k = {
        .initial_writer = pair->initial_writer,
        .pool_size = conf->default_pool_size,
        .hold_timeout_us = pair->hold_timeout_us,
        .hold_timeout_physical_us = pair->hold_timeout_physical_us,
        .drain_timeout_us = pair->drain_timeout_us,
        .fence_timeout_us = pair->fence_timeout_us,
        .catchup_timeout_us = pair->catchup_timeout_us,
        .sync_timeout_us = pair->sync_timeout_us,
        .commit_timeout_us = pair->commit_timeout_us,
        .open_timeout_us = pair->open_timeout_us,
        .start_lag_bytes = pair->start_lag_bytes,
        .start_lag_us = pair->start_lag_us,
        .drain_policy = pair->drain_policy,
        .fence = pair->fence,
        .require_way_back = pair->require_way_back,
        .external = pair->kind == PAIR_KIND_EXTERNAL,
        .hooks = hooks_known(pair),
        .hook_timeout_us = pair->hook_timeout_us,
    };
    put_databases(&k, pair, texts);
    for (int side = 0; side < SIDES_COUNT; side++) {
        put_address(&pair->side[side], texts->address[side]);
        texts->conninfo[side] = conninfo_for_replication(conf, number, (enum side)side, NULL);
        k.replication_conninfo[side] = texts->conninfo[side];
        k.address[side] = texts->address[side];
    }
    return k;
}

static void
config_texts_fini(struct config_texts *texts)
{
    for (int side = 0; side < SIDES_COUNT; side++) {
        conninfo_free(texts->conninfo[side]);
    }
    mem_free(texts->databases);
}

static struct cutover *
make_machine(struct cutover_host *h, const struct conf *conf)
{
    const struct cutover_ops ops = {
        .ctx = h,
        .now_us = op_now_us,
        .sql = op_sql,
        .sql_fresh = op_sql_fresh,
        .hook = op_hook,
        .timer = op_timer,
        .record_write = op_record_write,
        .publish = op_publish,
        .view_acked = op_view_acked,
        .busy = op_busy,
        .waiting = op_waiting,
        .sessions = op_sessions,
        .pinned = op_pinned,
        .harmless_pids = op_harmless_pids,
        .cancel_busy = op_cancel_busy,
        .terminate_busy = op_terminate_busy,
        .leave_side = op_leave_side,
        .heartbeat = op_heartbeat,
        .facts = op_facts,
        .report = op_report,
        .done = op_done,
        .point = op_point,
    };
    struct config_texts texts;
    const struct cutover_config k = machine_config(conf, h->pair, &texts);
    struct cutover *machine = cutover_new(&k, &ops);
    config_texts_fini(&texts);
    return machine;
}

char *
cutover_record_path(const struct conf *conf, uint32_t pair)
{
    CHECK(pair < conf->pairs_count);
    return conf->pairs_count == 1 ? xstrdup(conf->state_file)
                                  : xasprintf("%s.%s", conf->state_file, conf->pairs[pair].name);
}

struct cutover_host *
cutover_host_new(const struct conf *conf, uint32_t pair, const struct cutover_host_parts *parts)
{
    struct cutover_host *h = xcalloc(1, sizeof(*h));
    h->pair = pair;
    h->parts = *parts;
    CHECK(parts->monitor != NULL && parts->publisher != NULL);
    CHECK(parts->workers != NULL && parts->console != NULL);
    h->state_file = cutover_record_path(conf, pair);
    h->name = xstrdup(conf->pairs[pair].name);
    h->crash_at = getenv("TEAL_CRASH_AT");
    list_init(&h->delays);
    h->sql = side_sql_new(parts->loop, conf, pair, parts->monitor);
    h->hooks = hooks_new(parts->loop, conf, pair);
    h->machine = make_machine(h, conf);
    return h;
}

void
cutover_host_free(struct cutover_host *h)
{
    if (h == NULL) {
        return;
    }
    side_sql_free(h->sql);
    hooks_free(h->hooks);
    LIST_EACH(node, &h->delays)
    {
        list_remove(node);
        delay_free(LIST_OBJECT(node, struct delay, node));
    }
    CHECK(list_empty(&h->delays));
    cutover_free(h->machine); /* nothing completes any more */
    mem_free(h->state_file);
    mem_free(h->name);
    mem_free(h);
}

struct cutover *
cutover_host_machine(const struct cutover_host *h)
{
    return h->machine;
}

void
cutover_host_tick(struct cutover_host *h)
{
    cutover_tick(h->machine);
    if (cutover_is_idle(h->machine)) {
        side_sql_rest(h->sql);
    }
}

bool
cutover_host_reconfigure(struct cutover_host *h, const struct conf *conf)
{
    struct config_texts texts;
    const struct cutover_config k = machine_config(conf, h->pair, &texts);
    const bool ok = cutover_reconfigure(h->machine, &k);
    if (ok) {
        hooks_reconfigure(h->hooks, conf);
    }
    config_texts_fini(&texts);
    return ok;
}
