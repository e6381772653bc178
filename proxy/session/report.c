/* report.c — what SHOW CLIENTS, SERVERS, SOCKETS, POOLS and USERS tell of one worker: PgBouncer's
 * columns first, then ours. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/report.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "net/tls.h"
#include "session/link/link.h"
#include "session/state/session.h"

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

/* PgBouncer's columns of its debugging view are the last seven. */
static const char *const socket_columns[] = {
    "type",         "user",       "database",   "replication",      "state",
    "addr",         "port",       "local_addr", "local_port",       "connect_time",
    "request_time", "wait",       "wait_us",    "close_needed",     "ptr",
    "link",         "remote_pid", "tls",        "application_name", "prepared_statements",
    "id",           "recv_pos",   "pkt_pos",    "pkt_remain",       "send_pos",
    "send_remain",  "pkt_avail",  "send_avail",
};

static const char *const user_columns[] = {
    "name",
    "pool_size",
    "reserve_pool_size",
    "pool_mode",
    "max_user_connections",
    "current_connections",
    "max_user_client_connections",
    "current_client_connections",
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
    "server",
};

/* A moment of the monotonic clock as one of the wall clock; 0 stays 0. */
static void
add_moment(struct table *t, const struct worker *w, uint64_t at_us)
{
    table_add_moment(t, at_us == 0 ? 0 : clock_wall_us() - (loop_now_us(w->loop) - at_us));
}

/* A duration in PgBouncer's two columns: whole seconds, and the microseconds beyond them. */
static void
add_wait(struct table *t, uint64_t us)
{
    table_add_time(t, us, CELL_IN_S);
    table_add_time(t, us, CELL_US_BEYOND_S);
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

/* Our own end of the connection: PgBouncer's local_addr and local_port. */
static void
add_local(struct table *t, const struct stream *s, unsigned unix_port)
{
    struct sockaddr_storage addr = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(addr);
    char host[NI_MAXHOST];
    char port[NI_MAXSERV];
    if (!stream_is_open(s) || getsockname(s->fd, (struct sockaddr *)&addr, &len) == -1) {
        table_add(t, "");
        table_add_number(t, 0);
        return;
    }
    if (addr.ss_family == AF_UNIX ||
        getnameinfo((const struct sockaddr *)&addr, len, host, sizeof(host), port, sizeof(port),
                    NI_NUMERICHOST | NI_NUMERICSERV) != 0) {
        table_add(t, "unix");
        table_add_number(t, unix_port);
        return;
    }
    table_add(t, host);
    table_add(t, port);
}

/* How the other end of a link is called in its own row's ptr. */
static void
add_link(struct table *t, bool linked, char kind, uint64_t id)
{
    if (linked) {
        table_addf(t, "%c%llx", kind, (unsigned long long)id);
    } else {
        table_add(t, "");
    }
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
    CHECK((size_t)use < COUNT_OF(names));
    return names[use];
}

static const char *
session_state(const struct session *s)
{
    if (s->phase < SESSION_READY) {
        return "login";
    }
    if (link_waits(s)) {
        return "waiting";
    }
    return s->link.backend != NULL ? "active" : "idle";
}

static void
add_client(struct table *t, const struct session *s)
{
    const struct worker *w = s->worker;
    const bool waits = link_waits(s);
    const uint64_t wait_us = waits ? loop_now_us(w->loop) - s->link.wait_since_us : 0;
    table_add(t, "C");
    table_add(t, s->identity.user == NULL ? "" : s->identity.user);
    table_add(t, s->identity.database == NULL ? "" : s->identity.database);
    table_add(t, replication_name(s->identity.use));
    table_add(t, session_state(s));
    add_addr(t, s->client.peer);
    add_local(t, &s->client.stream, w->conf->listen_port);
    add_moment(t, w, s->connected_us);
    add_moment(t, w, s->link.transaction_us);
    add_wait(t, wait_us);
    table_add_number(t, 0);
    add_link(t, true, 'C', s->id);
    add_link(t, s->link.backend != NULL, 'S', s->link.backend == NULL ? 0 : s->link.backend->id);
    table_add_number(t, s->link.backend == NULL ? 0 : s->link.backend->pid);
    add_tls(t, &s->client.stream);
    table_add(t, s->identity.application == NULL ? "" : s->identity.application);
    table_add_number(t, names_count(&s->prepared.names));
    table_add_number(t, s->id);
}

static void
add_client_own(struct table *t, const struct session *s)
{
    table_add(
        t, s->link.backend == NULL ? "" : side_name(pool_key_of(s->link.backend->pool)->node.side));
    table_add(t, sql_pin_name(s->pins));
}

/* The seven of the debugging view: bytes that are in no row of the kernel's. */
static void
add_buffers(struct table *t, uint64_t pkt_remain, size_t in, size_t out)
{
    table_add_number(t, 0);
    table_add_number(t, 0);
    table_add_number(t, pkt_remain);
    table_add_number(t, 0);
    table_add_number(t, out);
    table_add_number(t, in);
    table_add_number(t, out);
}

static void
add_client_socket(struct table *t, const struct session *s)
{
    add_buffers(t, s->client.pass_left, buf_len(&s->client.in), outlet_len(&s->client.out));
}

typedef void add_session_fn(struct table *t, const struct session *s);

static void
visit_sessions(const struct worker *w, struct table *t, add_session_fn *add)
{
    const struct list *const lists[] = {&w->arriving, &w->sessions};
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        for (const struct list *node = lists[i]->next; node != lists[i]; node = node->next) {
            add(t, LIST_OBJECT_CONST(node, struct session, node));
        }
    }
}

static void
add_whole_client(struct table *t, const struct session *s)
{
    add_client(t, s);
    add_client_own(t, s);
}

static struct table *
report_clients(const struct worker *w)
{
    struct table *t = table_new(client_columns, COUNT_OF(client_columns));
    visit_sessions(w, t, add_whole_client);
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

static const struct conf_host *
host_of(const struct worker *w, const struct node_id *node)
{
    return &w->conf->pairs[node->pair].side[node->side].hosts[node->node];
}

enum { SERVER_SIZE = 300 };

static void
server_text(const struct worker *w, const struct node_id *node, char out[SERVER_SIZE])
{
    const struct conf_host *host = host_of(w, node);
    (void)snprintf(out, SERVER_SIZE, "%.250s:%u", host->name, host->port);
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
    const struct conf_host *host = host_of(r->worker, &key->node);
    table_add(t, "S");
    table_add(t, key->user);
    table_add(t, key->alias);
    table_add(t, replication_name(key->use));
    table_add(t, backend_state_name(b));
    table_add(t, host->name);
    table_add_number(t, host->port);
    add_local(t, &b->stream, 0);
    add_moment(t, r->worker, b->connected_us);
    add_moment(t, r->worker, b->request_us);
    add_wait(t, 0);
    table_add_number(t, b->close_when_idle);
    add_link(t, true, 'S', b->id);
    const struct session *owner = b->owner;
    add_link(t, owner != NULL, 'C', owner == NULL ? 0 : owner->id);
    table_add_number(t, b->pid);
    add_tls(t, &b->stream);
    table_add(t, "");
    table_add_number(t, map_count(&b->prepared));
    table_add_number(t, b->id);
}

static void
add_whole_server(void *arg, const struct backend *b)
{
    const struct server_report *r = arg;
    const struct pool_key *key = pool_key_of(b->pool);
    add_server(arg, b);
    table_add(r->table, side_name(key->node.side));
    table_add_number(r->table, key->read_only);
}

static struct table *
report_servers(const struct worker *w)
{
    struct table *t = table_new(server_columns, COUNT_OF(server_columns));
    struct server_report r = {t, w};
    size_t at = 0;
    for (struct pool *p = pools_next(w->pools, &at); p != NULL; p = pools_next(w->pools, &at)) {
        pool_visit(p, add_whole_server, &r);
    }
    return t;
}

static void
add_whole_client_socket(struct table *t, const struct session *s)
{
    add_client(t, s);
    add_client_socket(t, s);
}

static void
add_active_client_socket(struct table *t, const struct session *s)
{
    if (buf_len(&s->client.in) + outlet_len(&s->client.out) + s->client.pass_left > 0) {
        add_whole_client_socket(t, s);
    }
}

static void
add_server_socket(void *arg, const struct backend *b)
{
    const struct server_report *r = arg;
    add_server(arg, b);
    add_buffers(r->table, 0, buf_len(&b->in), outlet_len(&b->out));
}

static void
add_active_server_socket(void *arg, const struct backend *b)
{
    if (buf_len(&b->in) + outlet_len(&b->out) > 0) {
        add_server_socket(arg, b);
    }
}

static struct table *
report_sockets(const struct worker *w, bool only_active)
{
    struct table *t = table_new(socket_columns, COUNT_OF(socket_columns));
    struct server_report r = {t, w};
    size_t at = 0;
    visit_sessions(w, t, only_active ? add_active_client_socket : add_whole_client_socket);
    for (struct pool *p = pools_next(w->pools, &at); p != NULL; p = pools_next(w->pools, &at)) {
        pool_visit(p, only_active ? add_active_server_socket : add_server_socket, &r);
    }
    return t;
}

/* ---- users ---- */

enum {
    USER_NAME = 0,
    USER_NUMBERS = 4, /* the first of the columns that are numbers */
    USER_SERVERS = 5,
    USER_CLIENTS_MAX = 6,
    USER_CLIENTS = 7
};

static void
add_number(struct table *t, size_t row, size_t column, uint64_t more)
{
    table_set_number(t, row, column, table_number(t, row, column) + more);
}

/* Adds to the user's counts; a new row when there is none. */
static void
add_to_user(struct table *t, const char *name, uint64_t servers, uint64_t clients)
{
    size_t row = 0;
    while (row < table_rows(t) && strcmp(table_text(t, row, USER_NAME), name) != 0) {
        row++;
    }
    if (row == table_rows(t)) {
        table_add(t, name);
        table_add(t, ""); /* pool_size, reserve_pool_size: the user has none of its own */
        table_add(t, "");
        table_add(t, NULL);
        for (size_t column = USER_NUMBERS; column < COUNT_OF(user_columns); column++) {
            table_add_number(t, 0);
        }
    }
    add_number(t, row, USER_SERVERS, servers);
    add_number(t, row, USER_CLIENTS, clients);
}

static void
add_user_of_session(struct table *t, const struct session *s)
{
    if (s->identity.user != NULL) {
        add_to_user(t, s->identity.user, 0, 1);
    }
}

static struct table *
report_users(const struct worker *w)
{
    struct table *t = table_new(user_columns, COUNT_OF(user_columns));
    size_t at = 0;
    visit_sessions(w, t, add_user_of_session);
    for (struct pool *p = pools_next(w->pools, &at); p != NULL; p = pools_next(w->pools, &at)) {
        struct pool_counts n;
        pool_count(p, &n);
        add_to_user(t, pool_key_of(p)->user, n.active + n.idle + n.login, 0);
    }
    for (size_t row = 0; row < table_rows(t); row++) {
        table_set_number(t, row, USER_CLIENTS_MAX, w->conf->max_user_client_connections);
    }
    return t;
}

static void
merge_users(struct table *t, struct table *from)
{
    for (size_t row = 0; row < table_rows(from); row++) {
        add_to_user(t, table_text(from, row, USER_NAME), table_number(from, row, USER_SERVERS),
                    table_number(from, row, USER_CLIENTS));
    }
    table_free(from);
}

enum {
    POOL_DATABASE = 0,
    POOL_USER = 1,
    POOL_SUMS = 2,
    POOL_CL_ACTIVE = 2,
    POOL_CL_WAITING = 3,
    POOL_MAXWAIT = 13,
    POOL_MAXWAIT_US = 14, /* both hold the whole duration */
    POOL_SIDE = 17,
    POOL_READ_ONLY = 18,
    POOL_SERVER = 19
};

static const char *
mode_of(const struct worker *w, const char *alias)
{
    const struct database *d = map_get(&w->databases, slice_of_str(alias));
    return d != NULL && d->keeps_backends ? "session" : "transaction";
}

static void
add_pool(struct table *t, const struct worker *w, const struct pool_key *key,
         const struct pool_counts *n)
{
    char server[SERVER_SIZE];
    server_text(w, &key->node, server);
    table_add(t, key->alias);
    table_add(t, key->user);
    table_add_number(t, n->active);
    table_add_number(t, n->waiting);
    table_add_number(t, n->cancels);
    table_add_number(t, 0); /* a cancel does not wait for a connection of its own */
    table_add_number(t, n->active);
    table_add_number(t, n->cancels);
    table_add_number(t, n->being_cancelled);
    table_add_number(t, n->idle);
    table_add_number(t, 0);
    table_add_number(t, 0);
    table_add_number(t, n->login);
    add_wait(t, n->oldest_wait_us);
    table_add(t, mode_of(w, key->alias));
    table_add(t, "");
    table_add(t, side_name(key->node.side));
    table_add_number(t, key->read_only);
    table_add(t, server);
}

/* The row of the writer's pool for the session, made when there is none. */
static size_t
writer_row(struct table *t, const struct session *s)
{
    const struct view *view = session_view(s);
    const struct pool_key key = {
        .node = {s->identity.pair, view->writer, view->side[view->writer].lead},
        .alias = s->database->alias,
        .user = s->database->user == NULL ? s->identity.user : s->database->user};
    char server[SERVER_SIZE];
    server_text(s->worker, &key.node, server);
    for (size_t row = 0; row < table_rows(t); row++) {
        if (strcmp(table_text(t, row, POOL_USER), key.user) == 0 &&
            strcmp(table_text(t, row, POOL_DATABASE), key.alias) == 0 &&
            strcmp(table_text(t, row, POOL_SIDE), side_name(key.node.side)) == 0 &&
            strcmp(table_text(t, row, POOL_SERVER), server) == 0 &&
            table_number(t, row, POOL_READ_ONLY) == 0) {
            return row;
        }
    }
    const struct pool_counts none = {0};
    add_pool(t, s->worker, &key, &none);
    return table_rows(t) - 1;
}

static void
raise_maxwait(struct table *t, size_t row, uint64_t us)
{
    if (us > table_number(t, row, POOL_MAXWAIT)) {
        table_set_number(t, row, POOL_MAXWAIT, us);
        table_set_number(t, row, POOL_MAXWAIT_US, us);
    }
}

/* A client in no pool: between two transactions it counts as active, as in PgBouncer; held or
 * paused it waits, at the writer. */
static void
add_client_without_pool(struct table *t, const struct session *s)
{
    const bool has_pool =
        s->link.backend != NULL || s->link.waiter.pool != NULL; /* it is counted there */
    const bool counts = s->link.is_held || s->phase == SESSION_READY;
    if (has_pool || !counts || s->identity.user == NULL || s->database == NULL) {
        return;
    }
    const size_t row = writer_row(t, s);
    add_number(t, row, s->link.is_held ? POOL_CL_WAITING : POOL_CL_ACTIVE, 1);
    if (s->link.is_held) {
        raise_maxwait(t, row, loop_now_us(s->worker->loop) - s->link.wait_since_us);
    }
}

static struct table *
report_pools(const struct worker *w)
{
    struct table *t = table_new(pool_columns, COUNT_OF(pool_columns));
    size_t at = 0;
    for (struct pool *p = pools_next(w->pools, &at); p != NULL; p = pools_next(w->pools, &at)) {
        struct pool_counts n;
        pool_count(p, &n);
        add_pool(t, w, pool_key_of(p), &n);
    }
    visit_sessions(w, t, add_client_without_pool);
    return t;
}

static bool
is_same_pool(const struct table *a, size_t i, const struct table *b, size_t j)
{
    static const size_t key[] = {POOL_DATABASE, POOL_USER, POOL_SIDE, POOL_READ_ONLY, POOL_SERVER};
    for (size_t k = 0; k < COUNT_OF(key); k++) {
        if (!cell_equal(table_cell(a, i, key[k]), table_cell(b, j, key[k]))) {
            return false;
        }
    }
    return true;
}

/* Counts are summed; the longest wait is the longest of both. */
static void
merge_pool(struct table *t, size_t i, const struct table *from, size_t j)
{
    for (size_t column = POOL_SUMS; column < POOL_MAXWAIT; column++) {
        add_number(t, i, column, table_number(from, j, column));
    }
    raise_maxwait(t, i, table_number(from, j, POOL_MAXWAIT));
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
        } else {
            table_add_row(t, from, j);
        }
    }
    table_free(from);
}

void
report_merge(struct table *t, struct table *from, enum worker_report what)
{
    if (what == WORKER_REPORT_POOLS) {
        merge_pools(t, from);
        return;
    }
    if (what == WORKER_REPORT_USERS) {
        merge_users(t, from);
        return;
    }
    if (what == WORKER_REPORT_ERRORS) {
        errors_merge(t, from);
        return;
    }
    table_append(t, from);
}

struct table *
report_of_worker(const struct worker *w, enum worker_report what)
{
    switch (what) {
    case WORKER_REPORT_CLIENTS:
        return report_clients(w);
    case WORKER_REPORT_SERVERS:
        return report_servers(w);
    case WORKER_REPORT_SOCKETS:
        return report_sockets(w, false);
    case WORKER_REPORT_ACTIVE_SOCKETS:
        return report_sockets(w, true);
    case WORKER_REPORT_USERS:
        return report_users(w);
    case WORKER_REPORT_ERRORS:
        return errors_table(&w->errors);
    case WORKER_REPORT_POOLS:
        return report_pools(w);
    }
    UNREACHABLE();
}
