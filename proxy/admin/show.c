/* show.c — what SHOW answers. See show.h; the text of STATUS stands in status.c. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/show.h"

#include <inttypes.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "admin/text.h"
#include "base/check.h"
#include "base/mem.h"
#include "route/route.h"
#include "sql/functions.h"

#define TABLE_OF(columns) table_new(columns, COUNT_OF(columns))

enum { US_PER_MS = 1000, TEXT_SIZE = 256 };

static const char *
yes_or_no(bool value)
{
    return value ? "yes" : "no";
}

static void
add_u64(struct table *t, uint64_t n)
{
    table_addf(t, "%" PRIu64, n);
}

/* NULL when it is not known. */
static void
add_u64_if(struct table *t, bool known, uint64_t n)
{
    if (known) {
        add_u64(t, n);
    } else {
        table_add(t, NULL);
    }
}

/* ---- the pair ---- */

static struct table *
show_status_lines(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"status"};
    struct table *t = TABLE_OF(columns);
    struct buf text;
    (void)s;
    buf_init(&text);
    show_status(snap, &text);
    struct slice rest = buf_slice(&text);
    while (rest.len > 0) {
        const uint8_t *end = memchr(rest.p, '\n', rest.len);
        CHECK(end != NULL);
        const size_t len = (size_t)(end - rest.p);
        char *line = xstrndup((const char *)rest.p, len);
        table_add(t, line);
        mem_free(line);
        rest = slice_of(rest.p + len + 1, rest.len - len - 1);
    }
    buf_fini(&text);
    return t;
}

static const char *
way_back_name(enum cutover_way_back way_back)
{
    static const char *const names[] = {[CUTOVER_WAY_BACK_UNKNOWN] = "unknown",
                                        [CUTOVER_WAY_BACK_OPEN] = "open",
                                        [CUTOVER_WAY_BACK_MISSING] = "missing"};
    CHECK((size_t)way_back < COUNT_OF(names));
    return names[way_back];
}

static struct table *
show_pair(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"pair",
                                          "epoch",
                                          "writer",
                                          "writer_known",
                                          "reads",
                                          "reads_percent",
                                          "rules",
                                          "held",
                                          "phase",
                                          "since_ms",
                                          "sessions",
                                          "pinned",
                                          "waiting",
                                          "tx_per_s",
                                          "p99_us",
                                          "way_back",
                                          "reverse_lag_bytes",
                                          "blocked"};
    const struct view *v = snap->view;
    const struct node_facts *other = &snap->facts->node[side_other(v->writer)];
    struct table *t = TABLE_OF(columns);
    (void)s;
    table_add(t, snap->conf->name);
    add_u64(t, v->epoch);
    table_add(t, side_name(v->writer));
    table_add(t, yes_or_no(v->writes_known));
    table_add(t, reads_name(v->reads));
    table_addf(t, "%" PRIu32 ".%02" PRIu32, v->reads_percent / 100, v->reads_percent % 100);
    add_u64(t, v->rules_count);
    table_add(t, yes_or_no(v->writes_held));
    table_add(t, snap->cutover.state_name);
    add_u64(t, snap->now_us > snap->cutover.state_since_us
                   ? (snap->now_us - snap->cutover.state_since_us) / US_PER_MS
                   : 0);
    add_u64(t, snap->sessions);
    add_u64(t, snap->stats->sessions_pinned);
    add_u64(t, snap->waiting);
    add_u64(t, snap->rates.xacts_per_s);
    add_u64(t, snap->rates.p99_us);
    table_add(t, way_back_name(snap->cutover.way_back));
    add_u64_if(t, v->writer == SIDE_GREEN && other->lag_known, other->lag_bytes);
    table_add(t, yes_or_no(snap->cutover.blocked));
    return t;
}

/* PgBouncer's three rows first, then the columns of SHOW PAIR, a row each. */
static struct table *
show_state(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"key", "value"};
    struct table *t = TABLE_OF(columns);
    table_add(t, "active");
    table_add(t, yes_or_no(!snap->view->paused));
    table_add(t, "paused");
    table_add(t, yes_or_no(snap->view->paused));
    table_add(t, "suspended");
    table_add(t, "no");
    table_add(t, "disabled");
    table_add(t, yes_or_no(snap->view->disabled));
    struct table *pair = show_pair(s, snap);
    for (size_t column = 0; column < pair->columns_count; column++) {
        table_add(t, pair->columns[column]);
        table_add(t, table_cell(pair, 0, column));
    }
    table_free(pair);
    return t;
}

static struct table *
show_lag(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"side",      "role",     "version",    "up",     "lsn",
                                          "lag_bytes", "lag_ms",   "lag_ok",     "fenced", "error",
                                          "address",   "timeline", "incarnation"};
    struct table *t = TABLE_OF(columns);
    (void)s;
    for (int side = 0; side < SIDES_COUNT; side++) {
        const struct node_facts *node = &snap->facts->node[side];
        const struct conf_node *conf = &snap->conf->node[side];
        table_add(t, side_name((enum side)side));
        table_add(t, node_role_name(node->role));
        table_add(t, node->version[0] == '\0' ? NULL : node->version);
        table_add(t, yes_or_no(node->up));
        table_add(t, node->lsn == 0 ? NULL : text_lsn(node->lsn).s);
        add_u64_if(t, node->lag_known, node->lag_bytes);
        add_u64_if(t, node->lag_known, node->lag_us / US_PER_MS);
        table_add(t, yes_or_no(node->lag_ok));
        table_add(t, yes_or_no(node->read_only));
        table_add(t, err_is_set(&node->error) ? node->error.text : NULL);
        table_addf(t, "%s:%u", conf->host, conf->port);
        add_u64_if(t, node->timeline != 0, node->timeline);
        add_u64(t, node->incarnation);
    }
    return t;
}

static struct table *
show_cutover(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"state",    "step",    "job",       "flip_id", "from",
                                          "to",       "kind",    "committed", "blocked", "held_ms",
                                          "way_back", "failure", "running"};
    const struct cutover_status *c = &snap->cutover;
    struct table *t = TABLE_OF(columns);
    (void)s;
    table_add(t, c->state_name);
    table_add(t, c->step_name);
    table_add(t, c->job_name);
    add_u64_if(t, c->flip_known, c->flip_id);
    table_add(t, c->flip_known ? side_name(c->from) : NULL);
    table_add(t, c->flip_known ? side_name(c->to) : NULL);
    table_add(t, c->flip_known ? c->kind_name : NULL);
    table_add(t, c->flip_known ? yes_or_no(c->committed) : NULL);
    table_add(t, yes_or_no(c->blocked));
    add_u64_if(t, c->flip_known, c->held_us / US_PER_MS);
    table_add(t, way_back_name(c->way_back));
    table_add(t, err_is_set(&c->failure) ? c->failure.text : NULL);
    table_add(t, snap->runner);
    return t;
}

/* ---- PgBouncer's reports ---- */

/* Totals without a prefix are those of STATS_TOTALS; STATS has them with it. */
static void
add_totals(struct table *t, const struct workers_stats *st)
{
    add_u64(t, st->assignments);
    add_u64(t, st->xacts);
    add_u64(t, st->queries);
    add_u64(t, st->bytes_received);
    add_u64(t, st->bytes_sent);
    add_u64(t, st->xact_time_us);
    add_u64(t, st->query_time_us);
    add_u64(t, st->wait_time_us);
    add_u64(t, st->client_parses);
    add_u64(t, st->server_parses);
    add_u64(t, st->binds);
    add_u64(t, st->logins);
}

static void
add_averages(struct table *t, const struct rates_now *r)
{
    add_u64(t, r->assignments_per_s);
    add_u64(t, r->xacts_per_s);
    add_u64(t, r->queries_per_s);
    add_u64(t, r->received_per_s);
    add_u64(t, r->sent_per_s);
    add_u64(t, r->xact_time_us);
    add_u64(t, r->query_time_us);
    add_u64(t, r->wait_time_per_s);
    add_u64(t, r->client_parses_per_s);
    add_u64(t, r->server_parses_per_s);
    add_u64(t, r->binds_per_s);
    add_u64(t, r->logins_per_s);
}

static struct table *
show_stats(const struct statement *s, const struct snapshot *snap)
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
    const struct workers_stats *st = snap->stats;
    struct table *t = TABLE_OF(columns);
    (void)s;
    table_add(t, snap->conf->database);
    add_totals(t, st);
    add_averages(t, &snap->rates);
    add_u64(t, st->reads_by_side[SIDE_BLUE]);
    add_u64(t, st->reads_by_side[SIDE_GREEN]);
    add_u64(t, st->writes_by_side[SIDE_BLUE]);
    add_u64(t, st->writes_by_side[SIDE_GREEN]);
    add_u64(t, st->replays);
    add_u64(t, st->client_errors);
    add_u64(t, st->outcome_unknown);
    add_u64(t, snap->rates.p50_us);
    add_u64(t, snap->rates.p99_us);
    add_u64(t, stat_get(&st->latency.max_us));
    add_u64(t, stat_get(&st->held.count));
    add_u64(t, stat_get(&st->held.max_us));
    return t;
}

/* Of SHOW STATS_TOTALS and SHOW STATS_AVERAGES. */
static const char *const totals_columns[] = {"database",           "server_assignment_count",
                                             "xact_count",         "query_count",
                                             "bytes_received",     "bytes_sent",
                                             "xact_time",          "query_time",
                                             "wait_time",          "client_parse_count",
                                             "server_parse_count", "bind_count",
                                             "client_login_count"};

static struct table *
show_stats_totals(const struct statement *s, const struct snapshot *snap)
{
    struct table *t = TABLE_OF(totals_columns);
    (void)s;
    table_add(t, snap->conf->database);
    add_totals(t, snap->stats);
    return t;
}

static struct table *
show_stats_averages(const struct statement *s, const struct snapshot *snap)
{
    struct table *t = TABLE_OF(totals_columns);
    (void)s;
    table_add(t, snap->conf->database);
    add_averages(t, &snap->rates);
    return t;
}

static struct table *
show_totals(const struct statement *s, const struct snapshot *snap)
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
    struct table *totals = show_stats_totals(s, snap);
    struct table *averages = show_stats_averages(s, snap);
    struct table *t = TABLE_OF(columns);
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        table_addf(t, "total_%s", names[i]);
        table_add(t, table_cell(totals, 0, i + 1)); /* behind the database */
    }
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        table_addf(t, "avg_%s", names[i]);
        table_add(t, table_cell(averages, 0, i + 1));
    }
    table_free(totals);
    table_free(averages);
    return t;
}

/* There are no peers: a cancel finds its session within this process. */
static struct table *
show_peers(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"peer_id", "host", "port", "pool_size"};
    (void)s;
    (void)snap;
    return TABLE_OF(columns);
}

static struct table *
show_peer_pools(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"peer_id", "cl_active_cancel_req",
                                          "cl_waiting_cancel_req", "sv_active_cancel", "sv_login"};
    (void)s;
    (void)snap;
    return TABLE_OF(columns);
}

/* The two hosts, and what they were last found to be; they are looked up anew all the time. */
static struct table *
show_dns_hosts(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"hostname", "ttl", "addrs"};
    struct table *t = TABLE_OF(columns);
    (void)s;
    for (int side = 0; side < SIDES_COUNT; side++) {
        const struct node_facts *node = &snap->facts->node[side];
        char addr[INET6_ADDRSTRLEN + 2] = "";
        const bool known = node->addr_len > 0 && node->addr.ss_family != AF_UNIX &&
                           getnameinfo((const struct sockaddr *)&node->addr, node->addr_len, addr,
                                       sizeof(addr), NULL, 0, NI_NUMERICHOST) == 0;
        table_add(t, snap->conf->node[side].host);
        add_u64(t, 0);
        table_add(t, known ? addr : "");
    }
    return t;
}

static struct table *
show_dns_zones(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"zonename", "serial", "count"};
    (void)s;
    (void)snap;
    return TABLE_OF(columns);
}

/* There are no slabs as PgBouncer has them; what the process has in memory is one row. */
static struct table *
show_mem(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"name", "size", "used", "free", "memtotal"};
    struct table *t = TABLE_OF(columns);
    (void)s;
    table_add(t, "resident_pages");
    add_u64(t, snap->page_size);
    add_u64(t, snap->pages_resident);
    add_u64(t, 0);
    add_u64(t, snap->page_size * snap->pages_resident);
    return t;
}

/* What pools of connections ask to see whether one is alive. */
static struct table *
show_ping(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"?column?"};
    struct table *t = TABLE_OF(columns);
    (void)s;
    (void)snap;
    table_add(t, "1");
    return t;
}

static struct table *
show_databases(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"name",
                                          "host",
                                          "port",
                                          "database",
                                          "force_user",
                                          "pool_size",
                                          "min_pool_size",
                                          "reserve_pool_size",
                                          "server_lifetime",
                                          "pool_mode",
                                          "load_balance_hosts",
                                          "max_connections",
                                          "current_connections",
                                          "max_client_connections",
                                          "current_client_connections",
                                          "paused",
                                          "disabled",
                                          "side"};
    const struct conf *c = snap->conf;
    const struct view *v = snap->view;
    struct table *t = TABLE_OF(columns);
    (void)s;
    table_add(t, c->database);
    table_add(t, c->node[v->writer].host);
    add_u64(t, c->node[v->writer].port);
    table_add(t, c->database);
    table_add(t, NULL);
    add_u64(t, c->default_pool_size);
    add_u64(t, 0); /* min_pool_size: none are kept ready */
    add_u64(t, c->reserve_pool_size);
    add_u64(t, c->server_lifetime_us / 1000000);
    table_add(t, "transaction");
    table_add(t, NULL);
    add_u64(t, c->max_db_connections);
    add_u64(t, snap->servers);
    add_u64(t, c->max_db_client_connections);
    add_u64(t, snap->sessions);
    add_u64(t, v->paused ? 1 : 0);
    add_u64(t, v->disabled ? 1 : 0);
    table_add(t, side_name(v->writer));
    return t;
}

static struct table *
show_lists(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"list", "items"};
    const uint64_t pinned = snap->stats->sessions_pinned;
    const struct {
        const char *name;
        uint64_t items;
    } lists[] = {
        {"databases", 1},
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
        {"waiting_clients", snap->waiting},
    };
    struct table *t = TABLE_OF(columns);
    (void)s;
    for (size_t i = 0; i < COUNT_OF(lists); i++) {
        table_add(t, lists[i].name);
        add_u64(t, lists[i].items);
    }
    return t;
}

static struct table *
show_config(const struct statement *s, const struct snapshot *snap)
{
    (void)s;
    return conf_show(snap->conf);
}

static struct table *
show_version(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"version"};
    struct table *t = TABLE_OF(columns);
    (void)s;
    (void)snap;
    table_add(t, "Teal " TEAL_VERSION);
    return t;
}

static struct table *
show_help(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"command", "needs", "what_it_does"};
    struct table *t = TABLE_OF(columns);
    (void)s;
    (void)snap;
    for (size_t i = 0; i < command_rows_count(); i++) {
        const struct command_row *row = command_row_at(i);
        if (row->sentence[0] != '\0') {
            table_addf(t, "%s%s%s", row->words, row->shown[0] == '\0' ? "" : " ", row->shown);
            table_add(t, row->needs == NEEDS_OPERATE ? "operate" : "view");
            table_add(t, row->sentence);
        }
    }
    return t;
}

/* What drivers ask when they connect. */
static struct table *
show_setting(const struct statement *s, const struct snapshot *snap)
{
    static const struct {
        const char *words;
        const char *const column[1];
        const char *value;
    } settings[] = {
        {"SHOW CLIENT_ENCODING", {"client_encoding"}, "UTF8"},
        {"SHOW DATESTYLE", {"DateStyle"}, "ISO, MDY"},
        {"SHOW DEFAULT_TRANSACTION_ISOLATION", {"default_transaction_isolation"}, "read committed"},
        {"SHOW INTEGER_DATETIMES", {"integer_datetimes"}, "on"},
        {"SHOW SERVER_VERSION", {"server_version"}, "14.0 (Teal " TEAL_VERSION ")"},
        {"SHOW SERVER_VERSION_NUM", {"server_version_num"}, "140000"},
        {"SHOW SERVER_ENCODING", {"server_encoding"}, "UTF8"},
        {"SHOW IS_SUPERUSER", {"is_superuser"}, "on"},
        {"SHOW SESSION_AUTHORIZATION", {"session_authorization"}, "teal"},
        {"SHOW MAX_IDENTIFIER_LENGTH", {"max_identifier_length"}, "63"},
        {"SHOW TRANSACTION_READ_ONLY", {"transaction_read_only"}, "off"},
        {"SHOW STANDARD_CONFORMING_STRINGS", {"standard_conforming_strings"}, "on"},
        {"SHOW TIMEZONE", {"TimeZone"}, "UTC"},
        {"SHOW TRANSACTION ISOLATION LEVEL", {"transaction_isolation"}, "read committed"},
    };
    (void)snap;
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        if (strcmp(settings[i].words, s->row->words) == 0) {
            struct table *t = table_new(settings[i].column, 1);
            table_add(t, settings[i].value);
            return t;
        }
    }
    UNREACHABLE(); /* the test goes through all rows of the command table */
}

/* ---- EXPLAIN ROUTE ---- */

static struct sql_extra *
read_functions(const struct conf *conf)
{
    struct buf list;
    buf_init(&list);
    for (size_t i = 0; i < conf->read_functions.count; i++) {
        buf_printf(&list, "%s%s", i == 0 ? "" : ",", conf->read_functions.items[i]);
    }
    buf_put_u8(&list, 0);
    struct sql_extra *extra = sql_extra_new((const char *)buf_slice(&list).p);
    buf_fini(&list);
    return extra;
}

static void
add_why(struct table *t, const struct sql_traits *traits)
{
    enum { WHERE_MAX = 64 };
    char text[TEXT_SIZE * 2];
    int len = snprintf(text, sizeof(text), "%s", traits->why == NULL ? "" : traits->why);
    if (traits->where.len > 0 && len >= 0 && (size_t)len < sizeof(text)) {
        const size_t shown = traits->where.len < WHERE_MAX ? traits->where.len : WHERE_MAX;
        len += snprintf(text + len, sizeof(text) - (size_t)len, ": %.*s", (int)shown,
                        (const char *)traits->where.p);
    }
    if (traits->pins != SQL_PIN_NONE && len >= 0 && (size_t)len < sizeof(text)) {
        (void)snprintf(text + len, sizeof(text) - (size_t)len, "%skeeps its backend: %s",
                       len > 0 ? "; " : "", sql_pin_name(traits->pins));
    }
    table_add(t, text);
}

/* A session that has not written, matches no rule and is inside every share. */
static struct table *
show_explain(const struct statement *s, const struct snapshot *snap)
{
    static const char *const columns[] = {"side", "class", "backend", "reason", "sentence", "why"};
    const struct route_session neutral = {.user = "", .database = snap->conf->database};
    struct sql_extra *extra = read_functions(snap->conf);
    const struct sql_traits traits = sql_classify_with(s->sql, extra);
    const struct route_decision decision = route_decide(snap->view, &neutral, traits.class);
    struct table *t = TABLE_OF(columns);
    table_add(t, side_name(decision.side));
    table_add(t, sql_class_name(traits.class));
    table_add(t, decision.wait ? "waits" : decision.read_only ? "read-only" : "read-write");
    table_add(t, route_reason_name(decision.reason));
    table_add(t, route_reason_sentence(decision.reason));
    add_why(t, &traits);
    sql_extra_free(extra);
    return t;
}

/* ---- which is which ---- */

typedef struct table *show_fn(const struct statement *s, const struct snapshot *snap);

static show_fn *const shows[COMMANDS_COUNT] = {
    [CMD_STATUS] = show_status_lines,
    [CMD_STATE] = show_state,
    [CMD_PAIR] = show_pair,
    [CMD_TOTALS] = show_totals,
    [CMD_PEERS] = show_peers,
    [CMD_PEER_POOLS] = show_peer_pools,
    [CMD_DNS_HOSTS] = show_dns_hosts,
    [CMD_DNS_ZONES] = show_dns_zones,
    [CMD_MEM] = show_mem,
    [CMD_PING] = show_ping,
    [CMD_LAG] = show_lag,
    [CMD_CUTOVER_SHOW] = show_cutover,
    [CMD_STATS] = show_stats,
    [CMD_STATS_TOTALS] = show_stats_totals,
    [CMD_STATS_AVERAGES] = show_stats_averages,
    [CMD_DATABASES] = show_databases,
    [CMD_LISTS] = show_lists,
    [CMD_CONFIG] = show_config,
    [CMD_VERSION] = show_version,
    [CMD_HELP] = show_help,
    [CMD_EXPLAIN] = show_explain,
    [CMD_SETTING] = show_setting,
};

struct table *
show_table(const struct statement *s, const struct snapshot *snap)
{
    CHECK(s->row != NULL && s->row->reply == REPLY_TABLE);
    CHECK((size_t)s->command < COMMANDS_COUNT && shows[s->command] != NULL);
    return shows[s->command](s, snap);
}

static bool
has_reason(const char *cell)
{
    static const char *const none[] = {"", "no", "none", "0", "f", "false"};
    for (size_t i = 0; i < COUNT_OF(none); i++) {
        if (cell == NULL || strcasecmp(cell, none[i]) == 0) {
            return false;
        }
    }
    return true;
}

struct table *
show_pinned(struct table *clients)
{
    size_t pinned = clients->columns_count;
    for (size_t column = 0; column < clients->columns_count; column++) {
        if (strcmp(clients->columns[column], "pinned") == 0) {
            pinned = column;
        }
    }
    CHECK(pinned < clients->columns_count);
    struct table *t = table_new(clients->columns, clients->columns_count);
    for (size_t row = 0; row < table_rows(clients); row++) {
        for (size_t column = 0; column < clients->columns_count; column++) {
            if (has_reason(table_cell(clients, row, pinned))) {
                table_add(t, table_cell(clients, row, column));
            }
        }
    }
    table_free(clients);
    return t;
}
