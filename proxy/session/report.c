/* report.c — what SHOW CLIENTS, SERVERS and POOLS tell of one worker: PgBouncer's columns first,
 * then ours. */
/* SPDX-License-Identifier: PostgreSQL */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/tls.h"
#include "session/session.h"

static const char *const client_columns[] = {
    "type",         "user",       "database",   "replication",      "state",
    "addr",         "port",       "local_addr", "local_port",       "connect_time",
    "request_time", "wait",       "wait_us",    "close_needed",     "ptr",
    "link",         "remote_pid", "tls",        "application_name", "prepared_statements",
    "id",           "side",       "pinned",
};

static const char *const server_columns[] = {
    "type",         "user",       "database",   "replication",      "state",
    "addr",         "port",       "local_addr", "local_port",       "connect_time",
    "request_time", "wait",       "wait_us",    "close_needed",     "ptr",
    "link",         "remote_pid", "tls",        "application_name", "prepared_statements",
    "id",           "side",       "read_only",
};

static const char *const pool_columns[] = {
    "database",
    "user",
    "cl_active",
    "cl_waiting",
    "cl_active_cancel_req",
    "cl_waiting_cancel_req",
    "sv_active",
    "sv_active_cancel",
    "sv_being_canceled",
    "sv_idle",
    "sv_used",
    "sv_tested",
    "sv_login",
    "maxwait",
    "maxwait_us",
    "pool_mode",
    "load_balance_hosts",
    "side",
    "read_only",
};

/* A moment of the monotonic clock as wall-clock text. */
static void
add_time(struct table *t, const struct worker *w, uint64_t at_us)
{
    char text[CLOCK_TEXT_SIZE];
    if (at_us == 0) {
        table_add(t, "");
        return;
    }
    clock_format(clock_wall_us() - (loop_now_us(w->loop) - at_us), text, sizeof(text));
    table_add(t, text);
}

static void
add_addr(struct table *t, const char *peer)
{
    const char *colon = strrchr(peer, ':');
    if (colon == NULL) {
        table_add(t, peer);
        table_add(t, "");
        return;
    }
    table_addf(t, "%.*s", (int)(colon - peer), peer);
    table_add(t, colon + 1);
}

static void
add_tls(struct table *t, const struct stream *s)
{
    struct buf text;
    buf_init(&text);
    tls_describe(s, &text);
    buf_put_u8(&text, 0);
    table_add(t, (const char *)buf_slice(&text).p);
    buf_fini(&text);
}

/* As PgBouncer's SHOW has it. */
static const char *
replication_name(enum pool_use use)
{
    static const char *const names[] = {
        [POOL_SESSIONS] = "none",
        [POOL_WALSENDERS] = "physical",
        [POOL_WALSENDERS_LOGICAL] = "logical",
    };
    return names[use];
}

static const char *
session_state(const struct session *s)
{
    if (s->phase != SESSION_READY && s->phase != SESSION_REPLICATION) {
        return "login";
    }
    if (s->is_held || s->waiter.pool != NULL) {
        return "waiting";
    }
    return s->backend != NULL ? "active" : "idle";
}

static void
add_client(struct table *t, const struct session *s)
{
    const struct worker *w = s->worker;
    const bool waits = s->is_held || s->waiter.pool != NULL;
    const uint64_t wait_us = waits ? loop_now_us(w->loop) - s->wait_since_us : 0;
    table_add(t, "C");
    table_add(t, s->user == NULL ? "" : s->user);
    table_add(t, s->database == NULL ? "" : s->database);
    table_add(t, replication_name(s->use));
    table_add(t, session_state(s));
    add_addr(t, s->peer);
    table_add(t, "");
    table_addf(t, "%u", w->conf->listen_port);
    add_time(t, w, s->connected_us);
    add_time(t, w, s->unit_us);
    table_addf(t, "%llu", (unsigned long long)(wait_us / 1000000));
    table_addf(t, "%llu", (unsigned long long)(wait_us % 1000000));
    table_add(t, "0");
    table_addf(t, "%llx", (unsigned long long)s->id);
    table_addf(t, "%s", s->backend == NULL ? "" : "linked");
    table_addf(t, "%u", s->backend == NULL ? 0 : s->backend->pid);
    add_tls(t, &s->stream);
    table_add(t, s->application == NULL ? "" : s->application);
    table_addf(t, "%zu", names_count(&s->names));
    table_addf(t, "%llu", (unsigned long long)s->id);
    table_add(t, s->backend == NULL ? "" : side_name(pool_key_of(s->backend->pool)->side));
    table_add(t, sql_pin_name(s->pins));
}

static struct table *
report_clients(const struct worker *w)
{
    struct table *t = table_new(client_columns, COUNT_OF(client_columns));
    const struct list *const lists[] = {&w->arriving, &w->sessions};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        for (const struct list *node = lists[i]->next; node != lists[i]; node = node->next) {
            add_client(t, LIST_OBJECT_CONST(node, struct session, node));
        }
    }
    return t;
}

static const char *
backend_state_name(const struct backend *b)
{
    switch (b->state) {
    case BACKEND_CONNECTING:
    case BACKEND_NEGOTIATING:
    case BACKEND_LOGIN:
        return "login";
    case BACKEND_IDLE:
        return "idle";
    case BACKEND_ACTIVE:
        return "active";
    case BACKEND_CLOSED:
        return "closed";
    }
    UNREACHABLE();
}

struct server_report {
    struct table *table;
    const struct worker *worker;
};

static void
add_server(void *arg, const struct backend *b)
{
    const struct server_report *r = arg;
    struct table *t = r->table;
    const struct pool_key *key = pool_key_of(b->pool);
    const struct conf_node *node = &r->worker->conf->node[key->side];
    table_add(t, "S");
    table_add(t, key->user);
    table_add(t, key->database);
    table_add(t, replication_name(key->use));
    table_add(t, backend_state_name(b));
    table_add(t, node->host);
    table_addf(t, "%u", node->port);
    table_add(t, "");
    table_add(t, "");
    add_time(t, r->worker, b->connected_us);
    add_time(t, r->worker, b->request_us);
    table_add(t, "0");
    table_add(t, "0");
    table_add(t, b->close_when_idle ? "1" : "0");
    table_addf(t, "%llx", (unsigned long long)b->id);
    table_add(t, b->owner == NULL ? "" : "linked");
    table_addf(t, "%u", b->pid);
    add_tls(t, &b->stream);
    table_add(t, "");
    table_addf(t, "%zu", map_count(&b->prepared));
    table_addf(t, "%llu", (unsigned long long)b->id);
    table_add(t, side_name(key->side));
    table_add(t, key->read_only ? "1" : "0");
}

static struct table *
report_servers(const struct worker *w)
{
    struct table *t = table_new(server_columns, COUNT_OF(server_columns));
    struct server_report r = {t, w};
    size_t at = 0;
    for (struct pool *p = pools_next(w->pools, &at); p != NULL; p = pools_next(w->pools, &at)) {
        pool_visit(p, add_server, &r);
    }
    return t;
}

static struct table *
report_pools(const struct worker *w)
{
    struct table *t = table_new(pool_columns, COUNT_OF(pool_columns));
    size_t at = 0;
    for (struct pool *p = pools_next(w->pools, &at); p != NULL; p = pools_next(w->pools, &at)) {
        const struct pool_key *key = pool_key_of(p);
        struct pool_counts n;
        pool_count(p, &n);
        table_add(t, key->database);
        table_add(t, key->user);
        table_addf(t, "%u", n.active);
        table_addf(t, "%u", n.waiting);
        table_add(t, "0");
        table_add(t, "0");
        table_addf(t, "%u", n.active);
        table_add(t, "0");
        table_add(t, "0");
        table_addf(t, "%u", n.idle);
        table_add(t, "0");
        table_add(t, "0");
        table_addf(t, "%u", n.login);
        table_addf(t, "%llu", (unsigned long long)(n.oldest_wait_us / 1000000));
        table_addf(t, "%llu", (unsigned long long)(n.oldest_wait_us % 1000000));
        table_add(t, "transaction");
        table_add(t, "");
        table_add(t, side_name(key->side));
        table_add(t, key->read_only ? "1" : "0");
    }
    return t;
}

enum {
    POOL_DATABASE = 0,
    POOL_USER = 1,
    POOL_SUMS = 2,
    POOL_MAXWAIT = 13,
    POOL_SIDE = 17,
    POOL_READ_ONLY = 18
};

static bool
is_same_pool(const struct table *a, size_t i, const struct table *b, size_t j)
{
    static const size_t key[] = {POOL_DATABASE, POOL_USER, POOL_SIDE, POOL_READ_ONLY};
    for (size_t k = 0; k < COUNT_OF(key); k++) {
        if (strcmp(table_cell(a, i, key[k]), table_cell(b, j, key[k])) != 0) {
            return false;
        }
    }
    return true;
}

static unsigned long long
cell_number(const struct table *t, size_t row, size_t column)
{
    return strtoull(table_cell(t, row, column), NULL, 10);
}

/* Counts are summed; the longest wait is the longest of both. */
static void
merge_pool(struct table *t, size_t i, const struct table *from, size_t j)
{
    for (size_t column = POOL_SUMS; column < POOL_MAXWAIT; column++) {
        table_setf(t, i, column, "%llu", cell_number(t, i, column) + cell_number(from, j, column));
    }
    const unsigned long long ours_us =
        cell_number(t, i, POOL_MAXWAIT) * 1000000 + cell_number(t, i, POOL_MAXWAIT + 1);
    const unsigned long long theirs_us =
        cell_number(from, j, POOL_MAXWAIT) * 1000000 + cell_number(from, j, POOL_MAXWAIT + 1);
    const unsigned long long us = ours_us > theirs_us ? ours_us : theirs_us;
    table_setf(t, i, POOL_MAXWAIT, "%llu", us / 1000000);
    table_setf(t, i, POOL_MAXWAIT + 1, "%llu", us % 1000000);
}

static void
merge_pools(struct table *t, struct table *from)
{
    for (size_t j = 0; j < table_rows(from); j++) {
        size_t i = 0;
        while (i < table_rows(t) && !is_same_pool(t, i, from, j)) {
            i++;
        }
        if (i < table_rows(t)) {
            merge_pool(t, i, from, j);
            continue;
        }
        for (size_t column = 0; column < from->columns_count; column++) {
            table_add(t, table_cell(from, j, column));
        }
    }
    table_free(from);
}

void
worker_report_merge(struct table *t, struct table *from, enum worker_report what)
{
    if (what == WORKER_REPORT_POOLS) {
        merge_pools(t, from);
        return;
    }
    table_append(t, from);
}

struct table *
worker_report_table(const struct worker *w, enum worker_report what)
{
    switch (what) {
    case WORKER_REPORT_CLIENTS:
        return report_clients(w);
    case WORKER_REPORT_SERVERS:
        return report_servers(w);
    case WORKER_REPORT_POOLS:
        return report_pools(w);
    }
    UNREACHABLE();
}
