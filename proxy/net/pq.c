/* pq.c — one libpq connection driven by a loop. See pq.h.
 *
 *     CLOSED --query--> CONNECTING --> SETUP --> IDLE <--> BUSY
 *        ^                  |            |         |         |
 *        +------ refused, deadline, setup failed, lost ------+
 *
 * One function, pq_advance, looks at the state and the queue and does the next thing; whatever
 * happens (a readable descriptor, a timer, a new query) ends there. libpq is used asynchronously
 * throughout, but for the resolution of a host name, which libpq does in PQconnectStart and which
 * may block.
 *
 * A rule of libpq shapes the code: while it connects, it may close its descriptor and open another
 * one, so the watch is freed before each PQconnectPoll. What libpq says is read in pq_text.c, what
 * a result holds in pq_result.c. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/pq.h"

#include <libpq-fe.h>
#include <string.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "net/pq_text.h"

enum pq_state {
    PQ_CLOSED,
    PQ_CONNECTING,
    PQ_SETUP, /* the setup runs; the head of the queue waits for it */
    PQ_IDLE,
    PQ_BUSY, /* the head of the queue runs */
};

struct pq_query {
    struct list node; /* in pq.queries */
    char *sql;        /* owned */
    char *parameter;  /* owned; NULL for none */
    uint64_t deadline_us;
    pq_done_fn *done;
    void *arg;      /* borrowed */
    bool abandoned; /* err stands; to be given back */
    bool unknown;   /* it had been sent */
    struct err err; /* meaningful when abandoned */
};

struct pq {
    struct loop *loop; /* borrowed */
    struct log_ctx log;
    char *conninfo; /* owned; secret */
    char *setup;    /* owned; NULL for none */
    enum pq_state state;
    bool freed;          /* pq_free was called; only memory is left */
    PGconn *conn;        /* owned; NULL when CLOSED */
    PGresult *result;    /* owned; the one to give back: the last, or the first error */
    struct watch *watch; /* owned; NULL when there is no descriptor */
    struct timer
        *timer; /* owned; the nearest deadline, or at once when there is something to advance */
    struct list queries; /* of struct pq_query, owned; in the order asked */
};

static void pq_advance(struct pq *pq);

/* ---- the queue ---- */

static struct pq_query *
pq_head(const struct pq *pq)
{
    struct list *node = list_first(&pq->queries);
    return node == NULL ? NULL : LIST_OBJECT(node, struct pq_query, node);
}

static void
query_free(struct pq_query *q)
{
    list_remove(&q->node);
    mem_free(q->sql);
    mem_free(q->parameter);
    mem_free(q);
}

static void
query_abandon(struct pq_query *q, bool unknown, const struct err *err)
{
    CHECK(err_is_set(err));
    if (!q->abandoned) {
        q->abandoned = true;
        q->unknown = unknown;
        q->err = *err;
    }
}

/* The one place that calls back. The query is gone before, for the callback may free the pq. */
static void
query_finish(struct pq_query *q, const struct pq_result *result)
{
    pq_done_fn *const done = q->done;
    void *const arg = q->arg;
    query_free(q);
    done(arg, result);
}

/* ---- the connection ---- */

static void
pq_unwatch(struct pq *pq)
{
    watch_free(pq->watch);
    pq->watch = NULL;
}

static void
pq_close(struct pq *pq)
{
    pq_unwatch(pq); /* before libpq closes the descriptor */
    PQclear(pq->result);
    pq->result = NULL;
    PQfinish(pq->conn);
    pq->conn = NULL;
    pq->state = PQ_CLOSED;
}

/* The connection cannot be used any more; the head, if it needed it, learns why. */
static void
pq_lose(struct pq *pq, const char *what)
{
    struct err err;
    pq_text_connection_error(pq->conn, what, &err);
    struct pq_query *q = pq_head(pq);
    if (q != NULL && pq->state != PQ_IDLE) {
        query_abandon(q, pq->state == PQ_BUSY, &err);
    }
    pq_close(pq);
}

static void pq_ready(void *arg, unsigned ready);

static void
pq_watch(struct pq *pq, unsigned interest)
{
    if (pq->watch == NULL) {
        CHECK(PQsocket(pq->conn) >= 0);
        pq->watch = watch_new(pq->loop, PQsocket(pq->conn), pq_ready, pq);
    }
    watch_set(pq->watch, interest);
}

/* Notices of the server are not for standard error, where libpq would print them. */
static void
pq_notice(void *arg, const PGresult *result)
{
    const struct pq *pq = arg;
    if (!log_enabled(LOG_LEVEL_DEBUG)) {
        return;
    }
    const char *primary = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    log_debug(&pq->log, "notice of the server", "text=\"%s\"", primary == NULL ? "" : primary);
}

static void
pq_connect(struct pq *pq)
{
    CHECK(pq->state == PQ_CLOSED && pq->conn == NULL && pq->watch == NULL);
    pq->state = PQ_CONNECTING;
    pq->conn = PQconnectStart(pq->conninfo);
    if (pq->conn == NULL || PQstatus(pq->conn) == CONNECTION_BAD) {
        pq_lose(pq, "cannot connect");
        return;
    }
    (void)PQsetNoticeReceiver(pq->conn, pq_notice, pq);
    (void)PQsetErrorVerbosity(pq->conn, PQERRORS_VERBOSE);
    pq_watch(pq, WATCH_WRITE); /* as if PQconnectPoll had said so: the manual's rule */
}

/* Writes what libpq holds; false when the connection is lost. */
static bool
pq_flush(struct pq *pq)
{
    const int rc = PQflush(pq->conn);
    if (rc == -1) {
        pq_lose(pq, "the connection was lost");
        return false;
    }
    pq_watch(pq, WATCH_READ | (rc == 1 ? (unsigned)WATCH_WRITE : 0U));
    return true;
}

static void
pq_send(struct pq *pq, const char *sql, const char *parameter, enum pq_state state)
{
    CHECK(pq->state == PQ_IDLE);
    CHECK(pq->result == NULL);
    const int sent = parameter == NULL
                         ? PQsendQuery(pq->conn, sql)
                         : PQsendQueryParams(pq->conn, sql, 1, NULL, &parameter, NULL, NULL, 0);
    if (sent == 0) {
        pq->state = state; /* some of it may have left */
        pq_lose(pq, "the query could not be sent");
        return;
    }
    pq->state = state;
    (void)pq_flush(pq);
}

static void
pq_connected(struct pq *pq)
{
    (void)PQsetErrorVerbosity(pq->conn, PQERRORS_DEFAULT);
    const int rc = PQsetnonblocking(pq->conn, 1);
    CHECK(rc == 0);
    pq->state = PQ_IDLE;
    pq_watch(pq, WATCH_READ);
    if (pq->setup != NULL) {
        pq_send(pq, pq->setup, NULL, PQ_SETUP);
    }
}

static void
pq_poll_connect(struct pq *pq)
{
    pq_unwatch(pq); /* libpq may close this descriptor and go on with another address */
    const PostgresPollingStatusType status = PQconnectPoll(pq->conn);
    if (status == PGRES_POLLING_OK) {
        pq_connected(pq);
        return;
    }
    if (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
        pq_watch(pq, status == PGRES_POLLING_READING ? WATCH_READ : WATCH_WRITE);
        return;
    }
    pq_lose(pq, "cannot connect");
}

/* ---- results ---- */

/* Keeps the first error, else the last result. */
static void
pq_keep_result(struct pq *pq, PGresult *result)
{
    if (pq->result != NULL && pq_text_is_error(pq->result)) {
        PQclear(result);
        return;
    }
    PQclear(pq->result);
    pq->result = result;
}

/* The setup has ended. */
static void
pq_setup_done(struct pq *pq)
{
    if (!pq_text_is_error(pq->result)) {
        PQclear(pq->result);
        pq->result = NULL;
        pq->state = PQ_IDLE;
        return;
    }
    struct err err;
    pq_text_result_error(pq->result, &err);
    struct pq_query *q = pq_head(pq);
    if (q != NULL) {
        query_abandon(q, false, &err);
    }
    pq_close(pq);
}

/* The head has its result. Returns with the pq possibly freed by the callback. */
static void
pq_query_done(struct pq *pq)
{
    PGresult *result = pq->result;
    pq->result = NULL;
    struct pq_result r = {.ok = !pq_text_is_error(result), .pg_result = result};
    err_clear(&r.err);
    if (!r.ok) {
        pq_text_result_error(result, &r.err);
        r.unknown = pq_text_is_loss(r.err.sqlstate);
    }
    struct pq_query *q = pq_head(pq);
    CHECK(q != NULL && !q->abandoned);
    if (PQstatus(pq->conn) == CONNECTION_BAD) {
        r.unknown = !r.ok;
        pq_close(pq);
    } else {
        pq->state = PQ_IDLE;
    }
    query_finish(q, &r);
    PQclear(result);
}

/* Takes every result that is here. True when the query has ended. */
static bool
pq_collect(struct pq *pq)
{
    while (PQisBusy(pq->conn) == 0) {
        PGresult *result = PQgetResult(pq->conn);
        if (result == NULL) {
            return true;
        }
        const ExecStatusType status = PQresultStatus(result);
        pq_keep_result(pq, result);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
            pq_lose(pq, "COPY is not possible on a control connection");
            return false;
        }
    }
    return false;
}

static void
pq_read(struct pq *pq)
{
    const bool alive = PQconsumeInput(pq->conn) == 1;
    if (pq->state == PQ_IDLE) {
        /* Nothing was asked: notices and parameters, or the end. */
        if (!alive || PQstatus(pq->conn) == CONNECTION_BAD) {
            log_debug(&pq->log, "control connection ended by the server", "pid=%d",
                      PQbackendPID(pq->conn));
            pq_close(pq);
        }
        return;
    }
    /* A dead connection may still have left a result: "terminating connection due to ...". */
    if (!pq_collect(pq)) {
        if (!alive && pq->state != PQ_CLOSED) {
            pq_lose(pq, "the connection was lost");
        }
        return;
    }
    if (pq->result == NULL) {
        pq_lose(pq, "the connection was lost");
        return;
    }
    if (pq->state == PQ_SETUP) {
        pq_setup_done(pq);
        return;
    }
    pq_query_done(pq);
}

static void
pq_ready(void *arg, unsigned ready)
{
    struct pq *pq = arg;
    CHECK(pq->state != PQ_CLOSED && pq->conn != NULL);
    if (pq->state == PQ_CONNECTING) {
        pq_poll_connect(pq);
        pq_advance(pq);
        return;
    }
    if ((ready & WATCH_WRITE) != 0 && !pq_flush(pq)) {
        pq_advance(pq);
        return;
    }
    if ((ready & WATCH_READ) != 0) {
        pq_read(pq);
    }
    pq_advance(pq);
}

/* ---- what to do next ---- */

/* In use: the connection is made for this query, or runs it. */
static bool
pq_is_engaged(const struct pq *pq)
{
    return pq->state != PQ_CLOSED && pq->state != PQ_IDLE;
}

/* Why the head is late, by the state that it is late in. */
static const char *const late_texts[] = {
    [PQ_CLOSED] = "no time was left to send the query",
    [PQ_CONNECTING] = "the connection was not made in time",
    [PQ_SETUP] = "the server did not finish the setup of the connection in time",
    [PQ_IDLE] = "no time was left to send the query",
    [PQ_BUSY] = "the server did not answer in time",
};

/* Those whose time is over are given up. The connection goes with the head: its server may still
 * be at work. */
static void
pq_expire(struct pq *pq)
{
    const uint64_t now_us = clock_now_us();
    const struct pq_query *engaged = pq_is_engaged(pq) ? pq_head(pq) : NULL;
    bool close = false;
    LIST_EACH(node, &pq->queries)
    {
        struct pq_query *q = LIST_OBJECT(node, struct pq_query, node);
        if (q->deadline_us > now_us || q->abandoned) {
            continue;
        }
        struct err err;
        const enum pq_state state = q == engaged ? pq->state : PQ_IDLE;
        (void)err_set(&err, SQLSTATE_QUERY_CANCELED, "%s", late_texts[state]);
        query_abandon(q, state == PQ_BUSY, &err);
        close = close || q == engaged;
    }
    if (close) {
        pq_close(pq);
    }
}

/* Gives the abandoned ones back, from anywhere in the queue. False when a callback has freed the
 * pq. */
static bool
pq_deliver_abandoned(struct pq *pq)
{
    for (;;) {
        struct pq_query *found = NULL;
        LIST_EACH(node, &pq->queries)
        {
            struct pq_query *q = LIST_OBJECT(node, struct pq_query, node);
            found = found == NULL && q->abandoned ? q : found;
        }
        if (found == NULL) {
            return true;
        }
        const struct pq_result r = {.unknown = found->unknown, .err = found->err};
        query_finish(found, &r);
        if (pq->freed) {
            return false;
        }
    }
}

/* The timer stands at the nearest deadline, or at once when a query waits to be given back. */
static void
pq_arm(struct pq *pq)
{
    if (list_empty(&pq->queries)) {
        timer_stop(pq->timer);
        return;
    }
    uint64_t nearest_us = UINT64_MAX;
    bool at_once = pq->state == PQ_CLOSED || pq->state == PQ_IDLE;
    LIST_EACH(node, &pq->queries)
    {
        const struct pq_query *q = LIST_OBJECT(node, struct pq_query, node);
        nearest_us = q->deadline_us < nearest_us ? q->deadline_us : nearest_us;
        at_once = at_once || q->abandoned;
    }
    const uint64_t now_us = clock_now_us();
    timer_start(pq->timer, at_once || nearest_us <= now_us ? 0 : nearest_us - now_us);
}

/* Ends each event: gives back what is over and starts the next query. */
static void
pq_advance(struct pq *pq)
{
    if (pq->freed || !pq_deliver_abandoned(pq)) {
        return;
    }
    const struct pq_query *q = pq_head(pq);
    if (q != NULL && pq->state == PQ_CLOSED) {
        pq_connect(pq);
    } else if (q != NULL && pq->state == PQ_IDLE) {
        pq_send(pq, q->sql, q->parameter, PQ_BUSY);
    }
    pq_arm(pq);
}

static void
pq_timer_fired(void *arg)
{
    struct pq *pq = arg;
    pq_expire(pq);
    pq_advance(pq);
}

/* ---- verbs ---- */

struct pq *
pq_new(struct loop *loop, const char *name, const char *conninfo, const char *setup)
{
    CHECK(loop != NULL && conninfo != NULL);
    struct pq *pq = xcalloc(1, sizeof(*pq));
    pq->loop = loop;
    pq->log = (struct log_ctx){.kind = "control", .node = name};
    pq->conninfo = xstrdup(conninfo);
    pq->setup = setup == NULL ? NULL : xstrdup(setup);
    pq->timer = timer_new(loop, pq_timer_fired, pq);
    list_init(&pq->queries);
    return pq;
}

static void
pq_destroy(void *arg)
{
    struct pq *pq = arg;
    CHECK(pq->freed && pq->conn == NULL && list_empty(&pq->queries));
    mem_wipe_free(pq->conninfo, strlen(pq->conninfo));
    mem_free(pq->setup);
    mem_free(pq);
}

void
pq_free(struct pq *pq)
{
    if (pq == NULL) {
        return;
    }
    CHECK(!pq->freed);
    pq->freed = true;
    pq_close(pq);
    timer_free(pq->timer);
    pq->timer = NULL;
    LIST_EACH(node, &pq->queries)
    {
        query_free(LIST_OBJECT(node, struct pq_query, node));
    }
    loop_dispose(pq->loop, pq_destroy, pq);
}

void
pq_query(struct pq *pq, const char *sql, uint64_t timeout_us, pq_done_fn *done, void *arg)
{
    pq_query_with(pq, sql, NULL, timeout_us, done, arg);
}

void
pq_query_with(struct pq *pq, const char *sql, const char *parameter, uint64_t timeout_us,
              pq_done_fn *done, void *arg)
{
    CHECK(!pq->freed && sql != NULL && done != NULL);
    struct pq_query *q = xcalloc(1, sizeof(*q));
    q->sql = xstrdup(sql);
    q->parameter = parameter == NULL ? NULL : xstrdup(parameter);
    q->deadline_us = clock_now_us() + timeout_us;
    q->done = done;
    q->arg = arg;
    list_init(&q->node);
    const bool alone = list_empty(&pq->queries);
    list_push_back(&pq->queries, &q->node);
    if (alone && pq->state == PQ_IDLE) {
        pq_send(pq, q->sql, q->parameter,
                PQ_BUSY); /* at once: a lag sample must not wait for a turn */
    }
    pq_arm(pq);
}

bool
pq_is_connected(const struct pq *pq)
{
    return pq->state == PQ_IDLE || pq->state == PQ_BUSY;
}

int
pq_backend_pid(const struct pq *pq)
{
    return pq_is_connected(pq) ? PQbackendPID(pq->conn) : 0;
}

const char *
pq_host_address(const struct pq *pq)
{
    return pq_is_connected(pq) ? PQhostaddr(pq->conn) : NULL;
}
