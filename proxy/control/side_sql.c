/* side_sql.c — SQL on the two sides for the cutover machine. See side_sql.h.
 *
 *     asked --the address is known--> running --> answered
 *       `--its time is over, or the name cannot be resolved--> failed */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/side_sql.h"

#include <string.h>

#include "base/list.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/pq.h"
#include "topo/conninfo.h"

enum { RESOLVE_POLL_US = 5 * 1000 };

/* The way to one side. */
struct way {
    char *host;             /* owned */
    char *conninfo;         /* owned, secret: with the name */
    struct address address; /* that pq was made with; none for a fixed host */
    struct pq *pq;          /* owned: the operator connection; NULL before its first query */
};

struct side_sql {
    struct loop *loop;             /* borrowed */
    const struct monitor *monitor; /* borrowed */
    struct way way[SIDES_COUNT];
    struct list calls;   /* struct call, owned: in the order asked, not answered yet */
    struct timer *timer; /* owned: while a call waits for an address */
};

struct call {
    struct list node;
    struct side_sql *owner; /* borrowed */
    enum side side;
    char *sql; /* owned; NULL when it has been sent to a connection */
    uint64_t deadline_us;
    bool is_fresh;
    struct pq *fresh; /* owned; NULL unless it runs on a connection of its own */
    cutover_sql_fn *done;
    void *arg; /* the machine's */
};

static void on_timer(void *arg);
static void start_waiting(struct side_sql *s);

/* ---- life ---- */

struct side_sql *
side_sql_new(struct loop *loop, const struct conf *conf, uint32_t pair,
             const struct monitor *monitor)
{
    struct side_sql *s = xcalloc(1, sizeof(*s));
    CHECK(loop != NULL && monitor != NULL);
    s->loop = loop;
    s->monitor = monitor;
    s->timer = timer_new(loop, on_timer, s);
    list_init(&s->calls);
    for (int side = 0; side < SIDES_COUNT; side++) {
        const struct node_id id = {.pair = pair, .side = (enum side)side};
        s->way[side].host = xstrdup(conf->pairs[pair].side[side].hosts[0].name);
        s->way[side].conninfo =
            conninfo_of(conf, &id, conf->pairs[pair].database, CUTOVER_APPLICATION_NAME,
                        conf->server_connect_timeout_us);
    }
    return s;
}

static void
call_free(void *arg)
{
    struct call *call = arg;
    pq_free(call->fresh);
    mem_free(call->sql);
    mem_free(call);
}

void
side_sql_free(struct side_sql *s)
{
    if (s == NULL) {
        return;
    }
    LIST_EACH(node, &s->calls)
    {
        list_remove(node);
        call_free(LIST_OBJECT(node, struct call, node));
    }
    for (int side = 0; side < SIDES_COUNT; side++) {
        pq_free(s->way[side].pq);
        conninfo_free(s->way[side].conninfo);
        mem_free(s->way[side].host);
    }
    timer_free(s->timer);
    mem_free(s);
}

/* ---- asking ---- */

static void
call_new(struct side_sql *s, const struct call *call, const char *sql, uint64_t timeout_us)
{
    struct call *copy = xcalloc(1, sizeof(*copy));
    CHECK((size_t)call->side < SIDES_COUNT && call->done != NULL);
    *copy = *call;
    copy->owner = s;
    copy->sql = xstrdup(sql);
    copy->deadline_us = loop_now_us(s->loop) + timeout_us;
    list_init(&copy->node);
    list_push_back(&s->calls, &copy->node);
    start_waiting(s);
}

void
side_sql_run(struct side_sql *s, enum side side, const char *sql, uint64_t timeout_us,
             cutover_sql_fn *done, void *arg)
{
    call_new(s, &(struct call){.side = side, .done = done, .arg = arg}, sql, timeout_us);
}

void
side_sql_run_fresh(struct side_sql *s, enum side side, const char *sql, uint64_t timeout_us,
                   cutover_sql_fn *done, void *arg)
{
    call_new(s, &(struct call){.side = side, .is_fresh = true, .done = done, .arg = arg}, sql,
             timeout_us);
}

/* ---- answers ---- */

/* A connection of the call's own is still in its callback: it goes at the end of the turn. */
static void
call_end(struct call *call, const struct cutover_rows *rows)
{
    list_remove(&call->node);
    loop_dispose(call->owner->loop, call_free, call);
    call->done(call->arg, rows);
}

static const char *
rows_cell(const void *impl, int row, int column)
{
    return pq_cell(impl, row, column);
}

static void
on_result(void *arg, const struct pq_result *result)
{
    const struct cutover_rows rows = {
        .ok = result->ok,
        .unknown = result->unknown,
        .err = result->err,
        .rows = result->ok ? pq_rows(result) : 0,
        .columns = result->ok ? pq_columns(result) : 0,
        .impl = result,
        .cell = rows_cell,
    };
    call_end(arg, &rows);
}

/* ---- starting ---- */

static bool
is_known(const struct way *way, const struct node_facts *node)
{
    return address_is_fixed(way->host) || node->addr_len > 0;
}

static struct pq *
connection_new(const struct side_sql *s, enum side side, const char *setup)
{
    const struct way *way = &s->way[side];
    const struct node_facts *node = facts_lead(monitor_facts(s->monitor), side);
    const struct address_list list = {.items = {{.addr = node->addr, .len = node->addr_len}},
                                      .count = 1};
    CHECK(is_known(way, node));
    char *conninfo = address_conninfo(way->conninfo, way->host, &list);
    struct pq *pq = pq_new(s->loop, side_name(side), conninfo, setup);
    conninfo_free(conninfo);
    return pq;
}

/* Whether a query is on the side's operator connection, or in its queue. */
static bool
is_in_use(const struct side_sql *s, enum side side)
{
    LIST_EACH(node, &s->calls)
    {
        const struct call *call = LIST_OBJECT_CONST(node, struct call, node);
        if (call->side == side && call->sql == NULL && !call->is_fresh) {
            return true;
        }
    }
    return false;
}

/* The operator connection. One that is lost is made anew when the name leads elsewhere. */
static struct pq *
operator_connection(struct side_sql *s, enum side side)
{
    struct way *way = &s->way[side];
    const struct node_facts *node = facts_lead(monitor_facts(s->monitor), side);
    const struct address now = {.addr = node->addr, .len = node->addr_len};
    const bool moved = !address_is_fixed(way->host) && !address_equal(&way->address, &now);
    if (way->pq != NULL && moved && !pq_is_connected(way->pq) && !is_in_use(s, side)) {
        pq_free(way->pq);
        way->pq = NULL;
    }
    if (way->pq == NULL) {
        way->address = now;
        way->pq = connection_new(s, side, cutover_connection_setup());
    }
    return way->pq;
}

static void
call_start(struct side_sql *s, struct call *call)
{
    const uint64_t now_us = loop_now_us(s->loop);
    const uint64_t left_us = call->deadline_us > now_us ? call->deadline_us - now_us : 0;
    char *sql = call->sql;
    struct pq *pq;
    if (call->is_fresh) {
        call->fresh = connection_new(s, call->side, NULL);
        pq = call->fresh;
    } else {
        pq = operator_connection(s, call->side);
    }
    call->sql = NULL;
    pq_query(pq, sql, left_us, on_result, call);
    mem_free(sql);
}

/* Starts every call whose side has an address, in the order asked; looks again while one has none.
 */
static void
start_waiting(struct side_sql *s)
{
    bool waits = false;
    LIST_EACH(node, &s->calls)
    {
        struct call *call = LIST_OBJECT(node, struct call, node);
        const struct node_facts *facts = facts_lead(monitor_facts(s->monitor), call->side);
        if (call->sql != NULL && is_known(&s->way[call->side], facts)) {
            call_start(s, call);
        }
        waits = waits || call->sql != NULL;
    }
    if (waits) {
        timer_start(s->timer, RESOLVE_POLL_US);
    }
}

/* The first call that can wait no longer: its time is over, or its name cannot be resolved. */
static struct call *
first_failed(const struct side_sql *s)
{
    LIST_EACH(node, &s->calls)
    {
        struct call *call = LIST_OBJECT(node, struct call, node);
        const struct node_facts *facts = facts_lead(monitor_facts(s->monitor), call->side);
        if (call->sql != NULL &&
            (loop_now_us(s->loop) >= call->deadline_us || err_is_set(&facts->error))) {
            return call;
        }
    }
    return NULL;
}

static void
call_fail(struct call *call)
{
    const struct side_sql *s = call->owner;
    const struct node_facts *facts = facts_lead(monitor_facts(s->monitor), call->side);
    struct cutover_rows rows = {.ok = false};
    if (err_is_set(&facts->error)) {
        rows.err = facts->error;
    } else {
        (void)err_set(&rows.err, SQLSTATE_CONNECTION_FAILURE,
                      "the host name \"%s\" is not resolved yet", s->way[call->side].host);
    }
    call_end(call, &rows);
}

/* One failure at a time: what it calls may ask anew. */
static void
on_timer(void *arg)
{
    struct side_sql *s = arg;
    start_waiting(s);
    for (struct call *call = first_failed(s); call != NULL; call = first_failed(s)) {
        call_fail(call);
    }
}
