/* side_sql.c — SQL on the two sides for the cutover machine. See side_sql.h.
 *
 *     asked --address known, not too many are connecting--> running --> answered
 *       `--its time is over, or the name cannot be resolved--> failed */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/side_sql.h"

#include <string.h>

#include "base/clock.h"
#include "base/list.h"
#include "base/mem.h"
#include "net/address.h"
#include "net/pq.h"
#include "topo/conninfo.h"

#define RESOLVE_POLL_US CLOCK_MS(5)
#define LINK_IDLE_US CLOCK_SECONDS(3) /* DROP DATABASE must not wait for long */

enum { OPENING_MAX = 32 }; /* a server forks for each, and its others must go on meanwhile */

/* The way to one server. */
struct server {
    char *host;     /* owned */
    char *conninfo; /* owned, secret: with the name, without a database */
};

/* The way to one side: to the server that stands for it. */
struct way {
    struct server servers[NODES_MAX]; /* as many as it has */
    struct list links;                /* struct link, owned */
};

/* The way to one database of it. */
struct link {
    struct list node;
    char *database;         /* owned */
    struct pq *pq;          /* owned: the operator connection; NULL before its first query */
    uint32_t server;        /* that pq was made for... */
    struct address address; /* ...and with */
    bool opening;           /* its first query is under way */
    uint32_t calls;         /* not answered yet, the fresh ones too */
    uint32_t running;       /* those of them that pq has */
    uint64_t used_us;       /* when the last one was answered */
};

struct side_sql {
    struct loop *loop;             /* borrowed */
    const struct monitor *monitor; /* borrowed */
    struct way way[SIDES_COUNT];
    struct list calls;   /* struct call, owned: in the order asked, not answered yet */
    uint32_t waiting;    /* calls that are not on a connection */
    uint32_t opening;    /* links that are opening */
    struct timer *timer; /* owned: while a call waits */
};

struct call {
    struct list node;
    struct side_sql *owner; /* borrowed */
    enum side side;
    struct link *link; /* borrowed: stays as long as it has calls */
    char *sql;         /* owned; NULL when it has been sent to a connection */
    uint64_t deadline_us;
    bool is_fresh;
    struct pq *fresh; /* owned; NULL unless it runs on a connection of its own */
    cutover_sql_fn *done;
    void *arg; /* the machine's */
};

static void on_timer(void *arg);
static bool call_start(struct side_sql *s, struct call *call);
static void start_waiting(struct side_sql *s);

/* ---- life ---- */

static void
way_init(struct way *way, const struct conf *conf, uint32_t pair, enum side side)
{
    const struct conf_side *of = &conf->pairs[pair].side[side];
    list_init(&way->links);
    for (uint32_t i = 0; i < of->hosts_count; i++) {
        const struct node_id id = {.pair = pair, .side = side, .node = i};
        way->servers[i].host = xstrdup(of->hosts[i].name);
        way->servers[i].conninfo =
            conninfo_of(conf, &id, NULL, CUTOVER_APPLICATION_NAME, conf->server_connect_timeout_us);
    }
}

static void
way_fini(struct way *way)
{
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        conninfo_free(way->servers[i].conninfo);
        mem_free(way->servers[i].host);
    }
}

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
        way_init(&s->way[side], conf, pair, (enum side)side);
    }
    return s;
}

static struct link *
link_new(struct way *way, const char *database)
{
    struct link *link = xcalloc(1, sizeof(*link));
    link->database = xstrdup(database);
    list_init(&link->node);
    list_push_back(&way->links, &link->node);
    return link;
}

static void
link_free(struct link *link)
{
    list_remove(&link->node);
    pq_free(link->pq);
    mem_free(link->database);
    mem_free(link);
}

static struct link *
link_to(struct way *way, const char *database)
{
    LIST_EACH(node, &way->links)
    {
        struct link *link = LIST_OBJECT(node, struct link, node);
        if (strcmp(link->database, database) == 0) {
            return link;
        }
    }
    return link_new(way, database);
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
        LIST_EACH(node, &s->way[side].links)
        {
            link_free(LIST_OBJECT(node, struct link, node));
        }
        way_fini(&s->way[side]);
    }
    timer_free(s->timer);
    mem_free(s);
}

void
side_sql_rest(struct side_sql *s)
{
    const uint64_t now_us = loop_now_us(s->loop);
    for (int side = 0; side < SIDES_COUNT; side++) {
        LIST_EACH(node, &s->way[side].links)
        {
            struct link *link = LIST_OBJECT(node, struct link, node);
            if (link->calls == 0 && now_us >= link->used_us + LINK_IDLE_US) {
                link_free(link);
            }
        }
    }
}

/* ---- asking ---- */

static void
call_new(struct side_sql *s, const struct cutover_where *where, const struct call *call,
         const char *sql, uint64_t timeout_us)
{
    struct call *copy = xcalloc(1, sizeof(*copy));
    CHECK((size_t)where->side < SIDES_COUNT && call->done != NULL);
    *copy = *call;
    copy->owner = s;
    copy->side = where->side;
    copy->link = link_to(&s->way[where->side], where->database);
    copy->link->calls++;
    copy->sql = xstrdup(sql);
    copy->deadline_us = loop_now_us(s->loop) + timeout_us;
    list_init(&copy->node);
    list_push_back(&s->calls, &copy->node);
    s->waiting++;
    if (!call_start(s, copy)) {
        timer_start(s->timer, RESOLVE_POLL_US);
    }
}

void
side_sql_run(struct side_sql *s, const struct cutover_where *where, const char *sql,
             uint64_t timeout_us, cutover_sql_fn *done, void *arg)
{
    call_new(s, where, &(struct call){.done = done, .arg = arg}, sql, timeout_us);
}

void
side_sql_run_fresh(struct side_sql *s, const struct cutover_where *where, const char *sql,
                   uint64_t timeout_us, cutover_sql_fn *done, void *arg)
{
    call_new(s, where, &(struct call){.is_fresh = true, .done = done, .arg = arg}, sql, timeout_us);
}

/* ---- answers ---- */

/* A connection of the call's own is still in its callback: it goes at the end of the turn. The
 * answer says that the link does not connect any more, so another may. */
static void
call_end(struct call *call, const struct cutover_rows *rows)
{
    struct side_sql *s = call->owner;
    struct link *link = call->link;
    CHECK(link->calls > 0);
    link->calls--;
    link->used_us = loop_now_us(s->loop);
    s->waiting -= call->sql != NULL ? 1 : 0;
    link->running -= call->sql == NULL && !call->is_fresh ? 1 : 0;
    if (link->opening && !call->is_fresh) {
        link->opening = false;
        s->opening--;
    }
    list_remove(&call->node);
    loop_dispose(s->loop, call_free, call);
    call->done(call->arg, rows);
    start_waiting(s);
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

static const struct node_facts *
facts_of(const struct side_sql *s, enum side side)
{
    return facts_lead(monitor_facts(s->monitor), side);
}

static uint32_t
lead_of(const struct side_sql *s, enum side side)
{
    return monitor_facts(s->monitor)->side[side].lead;
}

static const struct server *
server_of(const struct side_sql *s, enum side side)
{
    return &s->way[side].servers[lead_of(s, side)];
}

static bool
is_settled(const struct side_sql *s, enum side side)
{
    const struct side_facts *facts = &monitor_facts(s->monitor)->side[side];
    return facts->nodes_count == 1 || facts->settled;
}

/* Which server it is, where, and that it may be used: nothing is to be changed on a server of
 * another cluster, or on a second primary. */
static bool
is_known(const struct side_sql *s, enum side side)
{
    const struct node_facts *lead = facts_of(s, side);
    const bool has_address = address_is_fixed(server_of(s, side)->host) || lead->addr_len > 0;
    return is_settled(s, side) && has_address && lead->standing != NODE_FOREIGN &&
           lead->standing != NODE_STRAY;
}

static struct pq *
connection_new(const struct side_sql *s, const struct call *call, const char *setup)
{
    const struct server *server = server_of(s, call->side);
    const struct node_facts *node = facts_of(s, call->side);
    const struct address_list list = {.items = {{.addr = node->addr, .len = node->addr_len}},
                                      .count = 1};
    CHECK(is_known(s, call->side));
    char *named = conninfo_with_database(server->conninfo, call->link->database);
    char *conninfo = address_conninfo(named, server->host, &list);
    struct pq *pq = pq_new(s->loop, side_name(call->side), conninfo, setup);
    conninfo_free(conninfo);
    conninfo_free(named);
    return pq;
}

/* Drops a connection to a server that does not stand for the side any more, and one that is lost
 * when the name leads elsewhere by now; not one that has calls. */
static void
follow_lead(struct side_sql *s, const struct call *call, const struct address *now)
{
    struct link *link = call->link;
    const bool other = link->server != lead_of(s, call->side);
    const bool moved = !address_is_fixed(server_of(s, call->side)->host) &&
                       !address_equal(&link->address, now) && !pq_is_connected(link->pq);
    if ((other || moved) && link->running == 0 && !link->opening) {
        pq_free(link->pq);
        link->pq = NULL;
    }
}

/* The operator connection; NULL when it must be made and too many are being made, or when calls are
 * still running at a server that stood for the side before. */
static struct pq *
operator_connection(struct side_sql *s, struct call *call)
{
    struct link *link = call->link;
    const struct node_facts *node = facts_of(s, call->side);
    const struct address now = {.addr = node->addr, .len = node->addr_len};
    if (link->pq != NULL) {
        follow_lead(s, call, &now);
    }
    if (link->pq != NULL && link->server != lead_of(s, call->side)) {
        return NULL;
    }
    const bool opens = !link->opening && (link->pq == NULL || !pq_is_connected(link->pq));
    if (opens && s->opening >= OPENING_MAX) {
        return NULL;
    }
    if (link->pq == NULL) {
        link->address = now;
        link->server = lead_of(s, call->side);
        link->pq = connection_new(s, call, cutover_connection_setup());
    }
    link->opening = link->opening || opens;
    s->opening += opens ? 1 : 0;
    return link->pq;
}

/* False when it must wait. */
static bool
call_start(struct side_sql *s, struct call *call)
{
    const uint64_t now_us = loop_now_us(s->loop);
    const uint64_t left_us = call->deadline_us > now_us ? call->deadline_us - now_us : 0;
    if (!is_known(s, call->side)) {
        return false;
    }
    struct pq *pq = NULL;
    if (call->is_fresh) {
        call->fresh = connection_new(s, call, NULL);
        pq = call->fresh;
    } else {
        pq = operator_connection(s, call);
        call->link->running += pq != NULL ? 1 : 0;
    }
    if (pq == NULL) {
        return false;
    }
    char *sql = call->sql;
    call->sql = NULL;
    s->waiting--;
    pq_query(pq, sql, left_us, on_result, call);
    mem_free(sql);
    return true;
}

/* Starts every call that can start, in the order asked; looks again while one cannot. */
static void
start_waiting(struct side_sql *s)
{
    if (s->waiting == 0) {
        return;
    }
    LIST_EACH(node, &s->calls)
    {
        struct call *call = LIST_OBJECT(node, struct call, node);
        if (call->sql != NULL) {
            (void)call_start(s, call);
        }
    }
    if (s->waiting > 0) {
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
        if (call->sql != NULL && (loop_now_us(s->loop) >= call->deadline_us ||
                                  (!is_known(s, call->side) && is_settled(s, call->side) &&
                                   err_is_set(&facts_of(s, call->side)->error)))) {
            return call;
        }
    }
    return NULL;
}

static void
call_fail(struct call *call)
{
    const struct side_sql *s = call->owner;
    const struct node_facts *facts = facts_of(s, call->side);
    struct cutover_rows rows = {.ok = false};
    if (is_known(s, call->side)) {
        (void)err_set(&rows.err, SQLSTATE_QUERY_CANCELED,
                      "too many connections to %s were being made for one to \"%s\" in time",
                      side_name(call->side), call->link->database);
    } else if (err_is_set(&facts->error)) {
        rows.err = facts->error;
    } else {
        (void)err_set(&rows.err, SQLSTATE_CONNECTION_FAILURE,
                      "the host name \"%s\" is not resolved yet", server_of(s, call->side)->host);
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
