/* pgbouncer_reports.c — the reports of SHOW that PgBouncer has as well. See pgbouncer_reports.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/pgbouncer_reports.h"

#include <netdb.h>
#include <netinet/in.h>

#include "admin/databases.h"
#include "admin/pairs.h"
#include "base/mem.h"
#include "base/stat.h"

/* Totals without a prefix are those of STATS_TOTALS; STATS has them with it. */
static void
add_totals(struct table *t, const struct workers_stats *st)
{
    table_add_number(t, st->assignments);
    table_add_number(t, st->xacts);
    table_add_number(t, st->queries);
    table_add_number(t, st->bytes_received);
    table_add_number(t, st->bytes_sent);
    table_add_time(t, st->xact_time_us, CELL_IN_US);
    table_add_time(t, st->query_time_us, CELL_IN_US);
    table_add_time(t, st->wait_time_us, CELL_IN_US);
    table_add_number(t, st->client_parses);
    table_add_number(t, st->server_parses);
    table_add_number(t, st->binds);
    table_add_number(t, st->logins);
}

static void
add_averages(struct table *t, const struct rates_now *r)
{
    table_add_number(t, r->assignments_per_s);
    table_add_number(t, r->xacts_per_s);
    table_add_number(t, r->queries_per_s);
    table_add_number(t, r->received_per_s);
    table_add_number(t, r->sent_per_s);
    table_add_time(t, r->xact_time_us, CELL_IN_US);
    table_add_time(t, r->query_time_us, CELL_IN_US);
    table_add_time(t, r->wait_time_per_s, CELL_IN_US);
    table_add_number(t, r->client_parses_per_s);
    table_add_number(t, r->server_parses_per_s);
    table_add_number(t, r->binds_per_s);
    table_add_number(t, r->logins_per_s);
}

typedef void database_row_fn(struct table *t, const struct snapshot *snap,
                             const struct shown_database *d, const struct database_use *use);

/* A row for each database. */
static struct table *
table_of_databases(const struct snapshot *snap, const char *const *columns, size_t columns_count,
                   database_row_fn *add)
{
    struct table *t = table_new(columns, columns_count);
    size_t count;
    struct shown_database *all = shown_databases(snap, &count);
    for (size_t i = 0; i < count; i++) {
        struct database_use use;
        snap->use_of(snap->ctx, all[i].alias, &use);
        add(t, snap, &all[i], &use);
    }
    mem_free(all);
    return t;
}

/* Of one database among several there is no histogram of the last seconds. */
static void
add_quantiles(struct table *t, const struct snapshot *snap)
{
    if (snap->served_count > 1) {
        table_add(t, NULL);
        table_add(t, NULL);
        return;
    }
    table_add_time(t, snap->rates.p50_us, CELL_IN_US);
    table_add_time(t, snap->rates.p99_us, CELL_IN_US);
}

static void
add_stats(struct table *t, const struct snapshot *snap, const struct shown_database *d,
          const struct database_use *use)
{
    const struct workers_stats *st = &use->stats;
    table_add(t, d->alias);
    add_totals(t, st);
    add_averages(t, &use->rates);
    table_add_number(t, st->reads_by_side[SIDE_BLUE]);
    table_add_number(t, st->reads_by_side[SIDE_GREEN]);
    table_add_number(t, st->writes_by_side[SIDE_BLUE]);
    table_add_number(t, st->writes_by_side[SIDE_GREEN]);
    table_add_number(t, st->replays);
    table_add_number(t, st->client_errors);
    table_add_number(t, st->outcome_unknown);
    add_quantiles(t, snap);
    table_add_time(t, stat_get(&st->latency.max_us), CELL_IN_US);
    table_add_number(t, stat_get(&st->held.count));
    table_add_time(t, stat_get(&st->held.max_us), CELL_IN_US);
}

struct table *
report_stats(const struct snapshot *snap)
{
    static const char *const columns[] = {
        "database", "total_server_assignment_count", "total_xact_count", "total_query_count",
        "total_received", "total_sent", "total_xact_time", "total_query_time", "total_wait_time",
        "total_client_parse_count", "total_server_parse_count", "total_bind_count",
        "total_client_login_count", "avg_server_assignment_count", "avg_xact_count",
        "avg_query_count", "avg_recv", "avg_sent", "avg_xact_time", "avg_query_time",
        "avg_wait_time", "avg_client_parse_count", "avg_server_parse_count", "avg_bind_count",
        "avg_client_login_count",
        /* Teal's own, behind PgBouncer's */
        "reads_blue", "reads_green", "writes_blue", "writes_green", "replays", "client_errors",
        "outcome_unknown", "p50_us", "p99_us", "max_us", "held_count", "held_max_us"};
    return table_of_databases(snap, columns, COUNT_OF(columns), add_stats);
}

/* Of SHOW STATS_TOTALS and SHOW STATS_AVERAGES. */
static const char *const totals_columns[] = {"database",           "server_assignment_count",
                                             "xact_count",         "query_count",
                                             "bytes_received",     "bytes_sent",
                                             "xact_time",          "query_time",
                                             "wait_time",          "client_parse_count",
                                             "server_parse_count", "bind_count",
                                             "client_login_count"};

static void
add_database_totals(struct table *t, const struct snapshot *snap, const struct shown_database *d,
                    const struct database_use *use)
{
    (void)snap;
    table_add(t, d->alias);
    add_totals(t, &use->stats);
}

struct table *
report_stats_totals(const struct snapshot *snap)
{
    return table_of_databases(snap, totals_columns, COUNT_OF(totals_columns), add_database_totals);
}

static void
add_database_averages(struct table *t, const struct snapshot *snap, const struct shown_database *d,
                      const struct database_use *use)
{
    (void)snap;
    table_add(t, d->alias);
    add_averages(t, &use->rates);
}

struct table *
report_stats_averages(const struct snapshot *snap)
{
    return table_of_databases(snap, totals_columns, COUNT_OF(totals_columns),
                              add_database_averages);
}

struct table *
report_totals(const struct snapshot *snap)
{
    static const char *const columns[] = {"name", "value"};
    static const char *const names[] = {"server_assignment_count",
                                        "xact_count",
                                        "query_count",
                                        "client_bytes",
                                        "server_bytes",
                                        "xact_time",
                                        "query_time",
                                        "wait_time",
                                        "ps_client_parse_count",
                                        "ps_server_parse_count",
                                        "ps_bind_count",
                                        "client_login_count"};
    struct table *totals = table_new(names, COUNT_OF(names)); /* of all databases */
    struct table *averages = table_new(names, COUNT_OF(names));
    add_totals(totals, snap->stats);
    add_averages(averages, &snap->rates);
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        table_addf(t, "total_%s", names[i]);
        table_add_cell(t, table_cell(totals, 0, i));
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        table_addf(t, "avg_%s", names[i]);
        table_add_cell(t, table_cell(averages, 0, i));
    }
    table_free(totals);
    table_free(averages);
    return t;
}

/* There are no peers: a cancel finds its session within this process. */
struct table *
report_peers(const struct snapshot *snap)
{
    static const char *const columns[] = {"peer_id", "host", "port", "pool_size"};
    (void)snap;
    return table_new(columns, COUNT_OF(columns));
}

struct table *
report_peer_pools(const struct snapshot *snap)
{
    static const char *const columns[] = {"peer_id", "cl_active_cancel_req",
                                          "cl_waiting_cancel_req", "sv_active_cancel", "sv_login"};
    (void)snap;
    return table_new(columns, COUNT_OF(columns));
}

static void
add_dns_host(struct table *t, const char *name, const struct node_facts *node)
{
    char addr[INET6_ADDRSTRLEN + 2] = "";
    const bool known = node->addr_len > 0 && node->addr.ss_family != AF_UNIX &&
                       getnameinfo((const struct sockaddr *)&node->addr, node->addr_len, addr,
                                   sizeof(addr), NULL, 0, NI_NUMERICHOST) == 0;
    table_add(t, name);
    table_add_number(t, 0);
    table_add(t, known ? addr : "");
}

/* The hosts, and what they were last found to be; they are looked up anew all the time. */
struct table *
report_dns_hosts(const struct snapshot *snap)
{
    static const char *const columns[] = {"hostname", "ttl", "addrs"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (uint32_t i = snap->first; i < snap->end; i++) {
        for (int side = 0; side < SIDES_COUNT; side++) {
            const struct side_facts *facts = &snap->pairs[i].facts->side[side];
            for (uint32_t n = 0; n < facts->nodes_count; n++) {
                add_dns_host(t, snap->pairs[i].conf->side[side].hosts[n].name, &facts->node[n]);
            }
        }
    }
    return t;
}

struct table *
report_dns_zones(const struct snapshot *snap)
{
    static const char *const columns[] = {"zonename", "serial", "count"};
    (void)snap;
    return table_new(columns, COUNT_OF(columns));
}

/* There are no slabs as PgBouncer has them; what the process has in memory is one row. */
struct table *
report_mem(const struct snapshot *snap)
{
    static const char *const columns[] = {"name", "size", "used", "free", "memtotal"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    table_add(t, "resident_pages");
    table_add_number(t, snap->page_size);
    table_add_number(t, snap->pages_resident);
    table_add_number(t, 0);
    table_add_number(t, snap->page_size * snap->pages_resident);
    return t;
}

/* What the configuration says of one database, or else of all. */
static uint64_t
own_or(uint64_t own, uint64_t of_all)
{
    return own != 0 ? own : of_all;
}

static void
add_limits(struct table *t, const struct conf *c, const struct conf_database *d,
           const struct database_use *use)
{
    table_add_number(t, own_or(d->pool_size, c->default_pool_size));
    table_add_number(t, 0); /* min_pool_size: none are kept ready */
    table_add_number(t, own_or(d->reserve_pool_size, c->reserve_pool_size));
    table_add_time(t, own_or(d->server_lifetime_us, c->server_lifetime_us), CELL_IN_S);
    table_add(t, pool_mode_name(d->pool_mode));
    table_add(t, NULL);
    table_add_number(t, own_or(d->max_db_connections, c->max_db_connections));
    table_add_number(t, use->servers);
    table_add_number(t, own_or(d->max_db_client_connections, c->max_db_client_connections));
    table_add_number(t, use->clients);
}

static void
add_database(struct table *t, const struct snapshot *snap, const struct shown_database *d,
             const struct database_use *use)
{
    const struct snapshot_pair *pair = &snap->pairs[d->pair];
    const struct view *v = pair->view;
    const struct view_stop *stop = view_stop(v, d->alias);
    const struct conf_host *host = &pair->conf->side[v->writer].hosts[v->side[v->writer].lead];
    table_add(t, d->alias);
    table_add(t, host->name);
    table_add_number(t, host->port);
    table_add(t, d->name);
    table_add(t, d->conf->user[0] == '\0' ? NULL : d->conf->user);
    add_limits(t, snap->conf, d->conf, use);
    table_add_number(t, v->paused || (stop != NULL && stop->paused));
    table_add_number(t, stop != NULL && stop->disabled);
    table_add(t, side_name(v->writer));
    table_add(t, pair->conf->name);
    table_add(t, shown_database_state(snap, d));
}

struct table *
report_databases(const struct snapshot *snap)
{
    static const char *const columns[] = {
        "name", "host", "port", "database", "force_user", "pool_size", "min_pool_size",
        "reserve_pool_size", "server_lifetime", "pool_mode", "load_balance_hosts",
        "max_connections", "current_connections", "max_client_connections",
        "current_client_connections", "paused", "disabled",
        /* Teal's own, behind PgBouncer's */
        "side", "pair", "state"};
    return table_of_databases(snap, columns, COUNT_OF(columns), add_database);
}

static uint64_t
count_databases(const struct snapshot *snap)
{
    size_t count;
    mem_free(shown_databases(snap, &count));
    return count;
}

struct table *
report_lists(const struct snapshot *snap)
{
    static const char *const columns[] = {"list", "items"};
    const uint64_t pinned = snap->stats->sessions_pinned;
    const struct {
        const char *name;
        uint64_t items;
    } lists[] = {
        {"databases", count_databases(snap)},
        {"users", snap->users},
        {"peers", 0},
        {"pools", snap->pools},
        {"peer_pools", 0},
        {"free_clients", 0},
        {"used_clients", snap->sessions},
        {"login_clients", 0},
        {"free_servers", snap->servers > snap->busy ? snap->servers - snap->busy : 0},
        {"used_servers", snap->busy},
        {"dns_names", 0},
        {"dns_zones", 0},
        {"dns_queries", 0},
        {"dns_pending", 0},
        {"pinned_clients", pinned},
        {"waiting_clients", pairs_waiting(snap)},
    };
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        table_add(t, lists[i].name);
        table_add_number(t, lists[i].items);
    }
    return t;
}
