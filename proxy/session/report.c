/* report.c — what SHOW CLIENTS, SERVERS and POOLS tell of one worker: PgBouncer's columns first,
 * then ours. */
/* SPDX-License-Identifier: PostgreSQL */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
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

static const char *
session_state(const struct session *s)
{
    if (s->phase != SESSION_READY) {
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
    table_add(t, "none");
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
    table_add(t, "");
    table_add(t, s->application == NULL ? "" : s->application);
    table_addf(t, "%zu", map_count(&s->statements));
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
    table_add(t, "none");
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
    table_add(t, "");
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
