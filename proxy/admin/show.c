/* show.c — which report answers which command. See show.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/show.h"

#include <string.h>

#include "admin/explain.h"
#include "admin/grants.h"
#include "admin/pair_reports.h"
#include "admin/pgbouncer_reports.h"

static struct table *report_config(const struct snapshot *snap);
static struct table *report_version(const struct snapshot *snap);
static struct table *report_help(const struct snapshot *snap);
static struct table *report_ping(const struct snapshot *snap);
static struct table *report_setting(const struct command_row *row);

typedef struct table *report_fn(const struct snapshot *snap);

static report_fn *const reports[COMMANDS_COUNT] = {
    [CMD_STATUS] = report_status,
    [CMD_PAIR] = report_pair,
    [CMD_STATE] = report_state,
    [CMD_LAG] = report_lag,
    [CMD_NODES] = report_nodes,
    [CMD_CUTOVER_SHOW] = report_cutover,
    [CMD_STATS] = report_stats,
    [CMD_STATS_TOTALS] = report_stats_totals,
    [CMD_STATS_AVERAGES] = report_stats_averages,
    [CMD_TOTALS] = report_totals,
    [CMD_DATABASES] = report_databases,
    [CMD_LISTS] = report_lists,
    [CMD_MEM] = report_mem,
    [CMD_DNS_HOSTS] = report_dns_hosts,
    [CMD_DNS_ZONES] = report_dns_zones,
    [CMD_PEERS] = report_peers,
    [CMD_PEER_POOLS] = report_peer_pools,
    [CMD_CONFIG] = report_config,
    [CMD_VERSION] = report_version,
    [CMD_HELP] = report_help,
    [CMD_PING] = report_ping,
};

struct table *
show_table(const struct command *c, const struct snapshot *snap)
{
    CHECK(c->row != NULL && c->row->reply == REPLY_TABLE);
    if (c->id == CMD_EXPLAIN) {
        return report_route(c->sql, snap);
    }
    if (c->id == CMD_GRANTS) {
        return report_grants(c, snap);
    }
    if (c->id == CMD_SETTING) {
        return report_setting(c->row);
    }
    CHECK((size_t)c->id < COMMANDS_COUNT && reports[c->id] != NULL);
    struct table *t = reports[c->id](snap);
    CHECK(t->cells_count % t->columns_count == 0); /* whole rows */
    return t;
}

struct table *
show_pinned(const struct table *clients)
{
    const size_t pinned = table_column(clients, "pinned");
    struct table *t = table_new(clients->columns, clients->columns_count);
    for (size_t row = 0; row < table_rows(clients); row++) {
        const char *reason = table_text(clients, row, pinned);
        if (reason != NULL && reason[0] != '\0') {
            table_add_row(t, clients, row);
        }
    }
    return t;
}

/* ---- reports about Teal itself ---- */

/* The configuration in force, and which of its values are none of the file's. */
static struct table *
report_config(const struct snapshot *snap)
{
    static const char *const columns[] = {"key", "value", "default", "changeable", "source"};
    struct table *live = conf_show(snap->conf);
    struct table *file = conf_show(snap->conf_file);
    struct table *t = table_new(columns, COUNT_OF(columns));
    CHECK(table_rows(live) == table_rows(file) && live->columns_count + 1 == COUNT_OF(columns));
    const size_t value = table_column(live, "value");
    for (size_t row = 0; row < table_rows(live); row++) {
        for (size_t column = 0; column < live->columns_count; column++) {
            table_add_cell(t, table_cell(live, row, column));
        }
        const bool same = cell_equal(table_cell(live, row, value), table_cell(file, row, value));
        table_add(t, same ? "file" : "SET");
    }
    table_free(live);
    table_free(file);
    return t;
}

static struct table *
report_version(const struct snapshot *snap)
{
    static const char *const columns[] = {"version"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    (void)snap;
    table_add(t, "Teal " TEAL_VERSION);
    return t;
}

static struct table *
report_help(const struct snapshot *snap)
{
    static const char *const columns[] = {"command", "needs", "what_it_does"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    (void)snap;
    for (size_t i = 0; i < command_rows_count(); i++) {
        const struct command_row *row = command_row_at(i);
        if (row->sentence[0] != '\0') {
            table_addf(t, "%s%s%s%s", row->words, row->shown[0] == '\0' ? "" : " ", row->shown,
                       row->pair == NAMES_NO_PAIR ? "" : " [PAIR name]");
            table_add(t, row->needs == NEEDS_OPERATE ? "operate" : "view");
            table_add(t, row->sentence);
        }
    }
    return t;
}

/* What pools of connections ask to see whether one is alive. */
static struct table *
report_ping(const struct snapshot *snap)
{
    static const char *const columns[] = {"?column?"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    (void)snap;
    table_add_number(t, 1);
    return t;
}

/* What drivers ask when they connect. */
static struct table *
report_setting(const struct command_row *row)
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
    for (size_t i = 0; i < COUNT_OF(settings); i++) {
        if (strcmp(settings[i].words, row->words) == 0) {
            struct table *t = table_new(settings[i].column, 1);
            table_add(t, settings[i].value);
            return t;
        }
    }
    UNREACHABLE(); /* the test goes through all rows of the command table */
}
