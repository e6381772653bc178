/* cutover_ops.c — what the cutover machine asks of the world: SQL, time, the record, the workers.
 * See cutover.h.
 *
 * SQL runs over one operator connection a side; "fresh" SQL over a connection of its own that is
 * closed afterwards. The machine may be freed with questions open: every one of them stands in a
 * list, with its connection or timer. */
/* SPDX-License-Identifier: PostgreSQL */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/mem.h"
#include "control/control_internal.h"
#include "topo/conninfo.h"

enum { ADDRESS_SIZE = 320 };

struct sql_call {
    struct list node;
    struct control *control; /* borrowed */
    struct pq *fresh;        /* owned; NULL when it runs on the side's own connection */
    cutover_sql_fn *done;
    void *arg; /* the machine's */
};

struct delay {
    struct list node;
    struct control *control; /* borrowed */
    struct timer *timer;     /* owned */
    cutover_timer_fn *fn;
    void *arg; /* the machine's */
};

/* ---- SQL ---- */

static const char *
rows_cell(const void *impl, int row, int column)
{
    return pq_cell(impl, row, column);
}

static void
call_free(void *arg)
{
    struct sql_call *call = arg;
    pq_free(call->fresh);
    mem_free(call);
}

static void
on_sql_done(void *arg, const struct pq_result *result)
{
    struct sql_call *call = arg;
    const struct cutover_rows rows = {
        .ok = result->ok,
        .unknown = result->unknown,
        .err = result->err,
        .rows = result->ok ? pq_rows(result) : 0,
        .columns = result->ok ? pq_columns(result) : 0,
        .impl = result,
        .cell = rows_cell,
    };
    list_remove(&call->node);
    loop_dispose(call->control->loop, call_free,
                 call); /* a fresh connection is still in its callback */
    call->done(call->arg, &rows);
}

static struct sql_call *
call_new(struct control *c, cutover_sql_fn *done, void *arg)
{
    struct sql_call *call = xcalloc(1, sizeof(*call));
    call->control = c;
    call->done = done;
    call->arg = arg;
    list_init(&call->node);
    list_push_back(&c->calls, &call->node);
    return call;
}

static void
op_sql(void *ctx, enum side side, const char *sql, uint64_t timeout_us, cutover_sql_fn *done,
       void *arg)
{
    struct control *c = ctx;
    pq_query(c->pq[side], sql, timeout_us, on_sql_done, call_new(c, done, arg));
}

static void
op_sql_fresh(void *ctx, enum side side, const char *sql, uint64_t timeout_us, cutover_sql_fn *done,
             void *arg)
{
    struct control *c = ctx;
    struct sql_call *call = call_new(c, done, arg);
    call->fresh = pq_new(c->loop, side_name(side), c->conninfo[side], NULL);
    pq_query(call->fresh, sql, timeout_us, on_sql_done, call);
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
    loop_dispose(delay->control->loop, delay_free, delay);
    delay->fn(delay->arg);
}

static void
op_timer(void *ctx, uint64_t delay_us, cutover_timer_fn *fn, void *arg)
{
    struct control *c = ctx;
    struct delay *delay = xcalloc(1, sizeof(*delay));
    delay->control = c;
    delay->fn = fn;
    delay->arg = arg;
    delay->timer = timer_new(c->loop, on_delay, delay);
    list_init(&delay->node);
    list_push_back(&c->delays, &delay->node);
    timer_start(delay->timer, delay_us);
}

/* ---- the record and the route ---- */

static bool
op_record_write(void *ctx, struct slice bytes, struct err *err)
{
    const struct control *c = ctx;
    return file_replace(c->conf->state_file, bytes, err);
}

static void
op_publish(void *ctx, const struct cutover_route *route)
{
    struct control *c = ctx;
    const bool moved = c->route.writer != route->writer || !c->route.writes_known;
    c->route = *route;
    if (route->writes_known) {
        monitor_set_route(c->monitor, route->writer);
    }
    if (moved) {
        monitor_hurry(c->monitor);
    }
    control_publish(c);
    log_info(NULL, "route", "epoch=%llu writer=%s held=%s known=%s",
             (unsigned long long)route->epoch, side_name(route->writer),
             route->writes_held ? "yes" : "no", route->writes_known ? "yes" : "no");
}

/* ---- the workers ---- */

static bool
op_view_acked(void *ctx)
{
    const struct control *c = ctx;
    return workers_have_view(c->workers, c->view->version);
}

static uint32_t
op_busy(void *ctx, enum side side)
{
    const struct control *c = ctx;
    return workers_busy(c->workers, side);
}

static uint32_t
op_waiting(void *ctx)
{
    const struct control *c = ctx;
    return workers_waiting(c->workers);
}

static uint32_t
op_sessions(void *ctx)
{
    const struct control *c = ctx;
    return workers_sessions(c->workers);
}

static uint32_t
op_pinned(void *ctx)
{
    struct control *c = ctx;
    workers_stats(c->workers, &c->stats);
    return (uint32_t)c->stats.sessions_pinned;
}

static void
op_harmless_pids(void *ctx, enum side side, struct buf *out)
{
    const struct control *c = ctx;
    workers_readers(c->workers, side, out);
}

static void
op_cancel_busy(void *ctx, enum side side)
{
    const struct control *c = ctx;
    workers_cancel_busy(c->workers, side);
}

static void
op_terminate_busy(void *ctx, enum side side)
{
    const struct control *c = ctx;
    workers_terminate_busy(c->workers, side);
}

static void
op_leave_side(void *ctx, enum side side)
{
    const struct control *c = ctx;
    workers_leave_side(c->workers, side);
}

/* ---- the monitor ---- */

static void
op_heartbeat(void *ctx, bool on)
{
    const struct control *c = ctx;
    monitor_pause_heartbeat(c->monitor, !on);
}

static void
op_facts(void *ctx, enum side side, struct cutover_facts *out)
{
    const struct control *c = ctx;
    const struct node_facts *node = &monitor_facts(c->monitor)->node[side];
    *out = (struct cutover_facts){
        .up = node->up,
        .in_recovery = node->in_recovery,
        .version_num = node->server_version_num,
        .lag_known = node->lag_known,
        .lag_bytes = node->lag_bytes,
        .lag_us = node->lag_us,
    };
}

/* ---- the operator ---- */

static void
op_report(void *ctx, const struct cutover_report *row)
{
    const struct control *c = ctx;
    console_report(c->console, row);
}

static void
op_done(void *ctx, bool ok, const struct err *err)
{
    struct control *c = ctx;
    console_done(c->console, ok, err);
}

/* TEAL_CRASH_AT=step:before or step:after: the process dies there, as in a power loss. For the
 * crash tests only. */
static void
op_point(void *ctx, const char *step, const char *when)
{
    const struct control *c = ctx;
    const size_t len = strlen(step);
    if (c->crash_at != NULL && strncmp(c->crash_at, step, len) == 0 && c->crash_at[len] == ':' &&
        strcmp(c->crash_at + len + 1, when) == 0) {
        (void)kill(getpid(), SIGKILL); /* cannot fail for the own process */
    }
}

/* ---- life ---- */

static enum cutover_drain
drain_of(enum conf_drain_policy policy)
{
    static const enum cutover_drain drains[] = {
        [CONF_DRAIN_ABORT] = CUTOVER_DRAIN_ABORT,
        [CONF_DRAIN_CANCEL] = CUTOVER_DRAIN_CANCEL,
        [CONF_DRAIN_TERMINATE] = CUTOVER_DRAIN_TERMINATE,
    };
    CHECK((size_t)policy < COUNT_OF(drains));
    return drains[policy];
}

/* The configuration as the machine wants it; its strings live as long as the four given here. */
static struct cutover_config
machine_config(const struct conf *conf, char *const conninfo[SIDES_COUNT],
               char address[SIDES_COUNT][ADDRESS_SIZE])
{
    struct cutover_config k = {
        .pair = conf->name,
        .database = conf->database,
        .initial_writer = conf->initial_writer == CONF_GREEN ? SIDE_GREEN : SIDE_BLUE,
        .pool_size = conf->default_pool_size,
        .hold_timeout_us = conf->hold_timeout_us,
        .hold_timeout_physical_us = conf->hold_timeout_physical_us,
        .drain_timeout_us = conf->drain_timeout_us,
        .fence_timeout_us = conf->fence_timeout_us,
        .catchup_timeout_us = conf->catchup_timeout_us,
        .sync_timeout_us = conf->sync_timeout_us,
        .commit_timeout_us = conf->commit_timeout_us,
        .open_timeout_us = conf->open_timeout_us,
        .start_lag_bytes = conf->start_lag_bytes,
        .start_lag_us = conf->start_lag_us,
        .drain_policy = drain_of(conf->drain_policy),
        .fence_strict = conf->fence == CONF_FENCE_STRICT,
        .require_way_back = conf->require_way_back,
    };
    for (int side = 0; side < SIDES_COUNT; side++) {
        (void)snprintf(address[side], ADDRESS_SIZE, "%s:%u", conf->node[side].host,
                       conf->node[side].port);
        k.replication_conninfo[side] = conninfo[side];
        k.address[side] = address[side];
    }
    return k;
}

/* Calls fn with the machine's configuration. */
static bool
with_config(struct control *c, bool (*fn)(struct control *c, const struct cutover_config *k))
{
    char *conninfo[SIDES_COUNT];
    char address[SIDES_COUNT][ADDRESS_SIZE];
    for (int side = 0; side < SIDES_COUNT; side++) {
        conninfo[side] = conninfo_for_replication(c->conf, (enum side)side);
    }
    const struct cutover_config k = machine_config(c->conf, conninfo, address);
    const bool ok = fn(c, &k);
    for (int side = 0; side < SIDES_COUNT; side++) {
        conninfo_free(conninfo[side]);
    }
    return ok;
}

static bool
make_machine(struct control *c, const struct cutover_config *k)
{
    const struct cutover_ops ops = {
        .ctx = c,
        .now_us = op_now_us,
        .sql = op_sql,
        .sql_fresh = op_sql_fresh,
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
    c->cutover = cutover_new(k, &ops);
    return true;
}

static bool
reconfigure_machine(struct control *c, const struct cutover_config *k)
{
    return cutover_reconfigure(c->cutover, k);
}

void
control_machine_new(struct control *c)
{
    list_init(&c->calls);
    list_init(&c->delays);
    c->crash_at = getenv("TEAL_CRASH_AT");
    for (int side = 0; side < SIDES_COUNT; side++) {
        c->conninfo[side] = conninfo_of(c->conf, (enum side)side, CUTOVER_APPLICATION_NAME,
                                        c->conf->server_connect_timeout_us);
        c->pq[side] = pq_new(c->loop, side_name((enum side)side), c->conninfo[side],
                             cutover_connection_setup());
    }
    (void)with_config(c, make_machine); /* making it cannot fail */
}

void
control_machine_recover(struct control *c, struct slice record)
{
    CHECK(c->workers != NULL && c->view != NULL);
    cutover_recover(c->cutover, record);
}

bool
control_machine_reconfigure(struct control *c)
{
    return with_config(c, reconfigure_machine);
}

void
control_machine_free(struct control *c)
{
    for (int side = 0; side < SIDES_COUNT; side++) {
        pq_free(c->pq[side]);
        conninfo_free(c->conninfo[side]);
    }
    LIST_EACH(node, &c->calls)
    {
        list_remove(node);
        call_free(LIST_OBJECT(node, struct sql_call, node));
    }
    LIST_EACH(node, &c->delays)
    {
        list_remove(node);
        delay_free(LIST_OBJECT(node, struct delay, node));
    }
    cutover_free(c->cutover);
}
