/* test_show.c — STATUS reads like the operator's story, and the reports carry PgBouncer's columns.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/show.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "admin/status.h"
#include "conf/change.h"
#include "conf/load.h"

/* The pair of the story: blue serves, green follows by logical replication. */
struct story {
    struct conf conf;
    struct conf_pair pair;
    struct view view;
    struct monitor_facts facts;
    struct workers_stats stats;
    struct snapshot snap;
    struct view other_view;
    struct workers_database served;
    char name[8], database[8], blue[16], green[16], empty[1], user[16], streams[16], all[2];
    char *databases[1];
};

static void
use_of(void *ctx, const char *alias, struct database_use *out)
{
    (void)ctx;
    *out = (struct database_use){.servers = 3, .clients = strcmp(alias, "shop") == 0 ? 812 : 0};
}

static void
tell(struct story *s)
{
    memset(s, 0, sizeof(*s));
    (void)snprintf(s->name, sizeof(s->name), "app");
    (void)snprintf(s->database, sizeof(s->database), "shop");
    (void)snprintf(s->blue, sizeof(s->blue), "10.0.0.1");
    (void)snprintf(s->green, sizeof(s->green), "10.0.0.2");
    s->conf.pairs = &s->pair;
    s->conf.pairs_count = 1;
    s->pair.name = s->name;
    s->pair.database = s->database;
    s->pair.side[SIDE_BLUE].hosts_count = 1;
    s->pair.side[SIDE_BLUE].hosts[0].name = s->blue;
    s->pair.side[SIDE_BLUE].hosts[0].port = 5432;
    s->pair.side[SIDE_GREEN].hosts_count = 1;
    s->pair.side[SIDE_GREEN].hosts[0].name = s->green;
    s->pair.side[SIDE_GREEN].hosts[0].port = 5432;
    s->facts.side[SIDE_BLUE].nodes_count = s->facts.side[SIDE_GREEN].nodes_count = 1;
    (void)snprintf(s->all, sizeof(s->all), "*");
    s->databases[0] = s->all;
    s->pair.databases = (struct conf_list){.items = s->databases, .count = 1};
    (void)snprintf(s->user, sizeof(s->user), "te\"al's");
    (void)snprintf(s->streams, sizeof(s->streams), "streams");
    for (int side = 0; side < SIDES_COUNT; side++) {
        s->pair.side[side].user = s->pair.side[side].replication_user = s->user;
    }
    s->view =
        (struct view){.version = 1, .epoch = 7, .writes_known = true, .reads_percent = PERCENT_ALL};
    s->facts.side[SIDE_BLUE].node[0] = (struct node_facts){
        .up = true, .role = NODE_PRIMARY, .version = "15.8", .lsn = 0x3A001F20, .lag_ok = true};
    s->facts.side[SIDE_GREEN].node[0] = (struct node_facts){.up = true,
                                                            .role = NODE_LOGICAL_FOLLOWER,
                                                            .version = "17.5",
                                                            .lag_known = true,
                                                            .lag_bytes = 12 * 1024,
                                                            .lag_us = 40000};
    s->stats.sessions_pinned = 3;
    s->snap = (struct snapshot){.now_us = 1000000000,
                                .conf = &s->conf,
                                .stats = &s->stats,
                                .pairs_count = 1,
                                .end = 1,
                                .use_of = use_of,
                                .sessions = 812};
    s->conf.rest_is_served = true;
    s->conf.rest.dbname = s->conf.rest.user = s->empty;
    s->snap.pairs[0] =
        (struct snapshot_pair){.conf = &s->pair, .view = &s->view, .facts = &s->facts};
    s->snap.pairs[0].cutover.state_name = "idle";
    s->snap.pairs[0].cutover.step_name = "none";
    s->snap.pairs[0].cutover.job_name = "none";
    s->snap.pairs[0].cutover.kind_name = "two-way";
    s->snap.rates.xacts_per_s = 4210;
    s->snap.rates.p99_us = 3100;
}

static void
assert_status(const struct story *s, const char *expected)
{
    struct buf out;
    buf_init(&out);
    status_print(&s->snap, &out);
    buf_put_u8(&out, 0);
    assert_string_equal((const char *)buf_slice(&out).p, expected);
    buf_fini(&out);
}

static void
status_is_the_one_of_the_story(void **state)
{
    (void)state;
    struct story s;
    tell(&s);
    assert_status(
        &s, "pair app    epoch 7    writes -> blue    reads -> blue    idle\n"
            "  blue    10.0.0.1:5432   15.8   primary            up    0/3A001F20\n"
            "  green   10.0.0.2:5432   17.5   logical follower   up    12 kB, 40 ms behind\n"
            "  812 sessions (3 cannot move: tealctl sessions --pinned)    4210 tx/s    p99 3.1 "
            "ms\n");
}

static void
status_tells_what_is_not_as_it_should_be(void **state)
{
    (void)state;
    struct story s;
    tell(&s);
    s.view.writes_held = true;
    s.view.reads = READS_GREEN;
    s.view.reads_percent = 550;
    s.view.rules_count = 1;
    s.snap.pairs[0].cutover.state = CUT_DRAIN;
    s.snap.pairs[0].cutover.state_name = "drain";
    s.snap.pairs[0].cutover.state_since_us = s.snap.now_us - 1100000;
    (void)snprintf(s.snap.pairs[0].runner, sizeof(s.snap.pairs[0].runner), "%s",
                   "\"CUTOVER\", started 1.2 s ago by uid 0");
    s.snap.pairs[0].waiting = 31;
    s.stats.sessions_pinned = 0;
    s.facts.side[SIDE_GREEN].node[0].up = false;
    (void)err_set(&s.facts.side[SIDE_GREEN].node[0].error, SQLSTATE_CONNECTION_FAILURE,
                  "no answer");
    assert_status(
        &s, "pair app    epoch 7    writes held (blue)    reads -> green 5.5 % (1 rule)    drain "
            "(1.1 s)\n"
            "  blue    10.0.0.1:5432   15.8   primary            up      0/3A001F20\n"
            "  green   10.0.0.2:5432   17.5   logical follower   DOWN    no answer\n"
            "  812 sessions    31 waiting    4210 tx/s    p99 3.1 ms\n"
            "  running: \"CUTOVER\", started 1.2 s ago by uid 0\n");
}

static void
status_tells_of_the_way_back_when_green_writes(void **state)
{
    (void)state;
    struct story s;
    struct buf out;
    tell(&s);
    s.view.writer = SIDE_GREEN;
    s.snap.pairs[0].cutover.way_back = CUTOVER_WAY_BACK_OPEN;
    s.facts.side[SIDE_BLUE].node[0].lag_known = true;
    buf_init(&out);
    status_print(&s.snap, &out);
    buf_put_u8(&out, 0);
    const char *text = (const char *)buf_slice(&out).p;
    assert_non_null(strstr(text, "the way back is open (reverse lag 0 B): tealctl rollback\n"));
    assert_non_null(strstr(text, "17.5   primary   up"));
    buf_fini(&out);
}

static void
status_tells_what_the_operator_has_ordered(void **state)
{
    (void)state;
    struct story s;
    struct buf out;
    tell(&s);
    s.view.paused = true;
    char name[] = "shop";
    struct view_stop stop = {.alias = name, .paused = true, .disabled = true};
    s.view.stops = &stop;
    s.view.stops_count = 1;
    s.view.writes_held = true;
    s.snap.pairs[0].hold_until_us = s.snap.now_us + 12000000;
    buf_init(&out);
    status_print(&s.snap, &out);
    buf_put_u8(&out, 0);
    const char *text = (const char *)buf_slice(&out).p;
    assert_non_null(strstr(text, "held by the operator, 12.0 s left\n"));
    assert_non_null(strstr(text, "  PAUSED: whatever begins waits: tealctl resume\n"));
    assert_non_null(strstr(text, "  PAUSED: whatever begins in shop waits: tealctl resume shop\n"));
    assert_non_null(
        strstr(text, "  DISABLED: new clients of shop are refused: tealctl enable shop\n"));
    buf_fini(&out);
}

/* A second pair like the first one, but for its name. */
static void
tell_of_two_pairs(struct story *s, struct conf_pair *other)
{
    static char name[] = "billing";
    tell(s);
    *other = s->pair;
    other->name = name;
    s->snap.pairs[1] = s->snap.pairs[0];
    s->snap.pairs[1].conf = other;
    s->other_view = s->view;
    s->other_view.pair = 1;
    s->snap.pairs[1].view = &s->other_view;
    s->served = (struct workers_database){.pair = 1, .alias = "shop", .name = "shop"};
    s->snap.served = &s->served;
    s->snap.served_count = 1;
    s->snap.pairs_count = s->snap.end = 2;
}

static void
status_of_several_pairs_tells_each_and_the_traffic_once(void **state)
{
    (void)state;
    struct story s;
    struct conf_pair other;
    tell_of_two_pairs(&s, &other);
    s.view.writer = s.other_view.writer = SIDE_GREEN;
    s.snap.pairs[1].cutover.way_back = CUTOVER_WAY_BACK_OPEN;
    assert_status(
        &s,
        "pair app    epoch 7    writes -> green    reads -> green    idle\n"
        "  blue    10.0.0.1:5432   15.8   primary   up    lag unknown\n"
        "  green   10.0.0.2:5432   17.5   primary   up    0/0\n"
        "  0 sessions    0 tx/s\n"
        "pair billing    epoch 7    writes -> green    reads -> green    idle\n"
        "  blue    10.0.0.1:5432   15.8   primary   up    lag unknown\n"
        "  green   10.0.0.2:5432   17.5   primary   up    0/0\n"
        "  812 sessions    0 tx/s\n"
        "  the way back is open (reverse lag unknown): tealctl --pair billing rollback\n"
        "all pairs\n"
        "  812 sessions (3 cannot move: tealctl sessions --pinned)    4210 tx/s    p99 3.1 ms\n");
}

static void
status_tells_every_server_of_a_side(void **state)
{
    (void)state;
    struct story s;
    char third[] = "10.0.0.3";
    tell(&s);
    s.pair.side[SIDE_BLUE].hosts_count = 2;
    s.pair.side[SIDE_BLUE].hosts[1] = (struct conf_host){.name = third, .port = 5433};
    s.facts.side[SIDE_BLUE].nodes_count = 2;
    s.facts.side[SIDE_BLUE].node[1] = s.facts.side[SIDE_BLUE].node[0];
    s.facts.side[SIDE_BLUE].node[1].role = NODE_STANDBY;
    struct buf out;
    buf_init(&out);
    status_print(&s.snap, &out);
    buf_put_u8(&out, 0);
    const char *text = (const char *)buf_slice(&out).p;
    assert_non_null(
        strstr(text, "  blue    10.0.0.1:5432   15.8   primary            up    0/3A001F20\n"
                     "  blue    10.0.0.3:5433   15.8   standby            up    lag unknown\n"));
    buf_fini(&out);
}

static void
show_nodes_has_a_row_a_server(void **state)
{
    (void)state;
    struct story s;
    struct conf_pair other;
    struct command nodes = {.id = CMD_NODES};
    tell_of_two_pairs(&s, &other);
    for (size_t i = 0; i < command_rows_count(); i++) {
        nodes.row = command_row_at(i)->id == CMD_NODES ? command_row_at(i) : nodes.row;
    }
    struct table *t = show_table(&nodes, &s.snap);
    assert_int_equal(table_rows(t), 4);
    assert_string_equal(table_text(t, 2, table_column(t, "pair")), "billing");
    assert_string_equal(table_text(t, 3, table_column(t, "host")), "10.0.0.2");
    assert_string_equal(table_text(t, 3, table_column(t, "role")), "logical follower");
    table_free(t);
}

static void
show_databases_tells_how_each_stands(void **state)
{
    (void)state;
    char app1[] = "app1";
    char app2[] = "app2";
    char shop[] = "shop";
    char *on_blue[] = {app1, app2, shop};
    char *on_green[] = {app1, shop};
    static const char *const expected[][2] = {
        {"shop", "served"}, {"app1", "paused"}, {"app2", "missing on green"}};
    struct story s;
    struct command show = {.id = CMD_DATABASES};
    struct view_stop stop = {.alias = on_blue[0], .paused = true};
    tell(&s);
    s.view.stops = &stop;
    s.view.stops_count = 1;
    s.facts.side[SIDE_BLUE].databases =
        (struct side_databases){.generation = 1, .names = on_blue, .count = 3};
    s.facts.side[SIDE_GREEN].databases =
        (struct side_databases){.generation = 1, .names = on_green, .count = 2};
    for (size_t i = 0; i < command_rows_count(); i++) {
        show.row = command_row_at(i)->id == CMD_DATABASES ? command_row_at(i) : show.row;
    }
    struct table *t = show_table(&show, &s.snap);
    assert_int_equal(table_rows(t), COUNT_OF(expected));
    for (size_t i = 0; i < COUNT_OF(expected); i++) {
        assert_string_equal(table_text(t, i, 0), expected[i][0]);
        assert_string_equal(table_text(t, i, table_column(t, "state")), expected[i][1]);
        assert_int_equal(table_number(t, i, table_column(t, "paused")), i == 1);
    }
    table_free(t);
}

static void
show_config_tells_what_was_set(void **state)
{
    (void)state;
    struct story s;
    struct conf_mistakes mistakes = {0};
    struct command show = {.id = CMD_CONFIG};
    struct err err;
    tell(&s);
    struct conf *file =
        conf_load_string("[blue]\nhost = b\n[green]\nhost = g\n", "t.ini", &mistakes);
    assert_non_null(file);
    struct conf *live = conf_with(file, "max_client_conn", "7", &err);
    assert_non_null(live);
    s.snap.conf = live;
    s.snap.conf_file = file;
    for (size_t i = 0; i < command_rows_count(); i++) {
        show.row = command_row_at(i)->id == CMD_CONFIG ? command_row_at(i) : show.row;
    }
    struct table *t = show_table(&show, &s.snap);
    const size_t source = table_column(t, "source");
    for (size_t row = 0; row < table_rows(t); row++) {
        const bool is_set = strcmp(table_text(t, row, 0), "max_client_conn") == 0;
        assert_string_equal(table_text(t, row, source), is_set ? "SET" : "file");
    }
    table_free(t);
    conf_unref(file);
    conf_unref(live);
    conf_mistakes_fini(&mistakes);
}

static void
unknown_lag_is_never_shown_as_a_number(void **state)
{
    (void)state;
    struct story s;
    struct command lag = {.id = CMD_LAG};
    char text[64];
    tell(&s);
    s.facts.side[SIDE_GREEN].node[0].lag_known = false;
    status_print_lag(&s.facts.side[SIDE_GREEN].node[0], text, sizeof(text));
    assert_string_equal(text, "lag unknown");
    for (size_t i = 0; i < command_rows_count(); i++) {
        lag.row = command_row_at(i)->id == CMD_LAG ? command_row_at(i) : lag.row;
    }
    struct table *t = show_table(&lag, &s.snap);
    assert_string_equal(table_text(t, 1, 0), "green");
    assert_null(table_text(t, 1, 5));
    assert_null(table_text(t, 1, 6));
    table_free(t);
}

static void
every_row_that_answers_with_a_table_has_one(void **state)
{
    (void)state;
    struct story s;
    tell(&s);
    for (size_t i = 0; i < command_rows_count(); i++) {
        const struct command_row *row = command_row_at(i);
        const struct command st = {.id = row->id, .row = row, .sql = slice_of_str("select 1")};
        if (row->reply != REPLY_TABLE || row->id == CMD_CONFIG) {
            continue; /* SHOW CONFIG wants a whole configuration */
        }
        struct table *t = show_table(&st, &s.snap);
        const bool is_empty =
            row->id == CMD_PEERS || row->id == CMD_PEER_POOLS || row->id == CMD_DNS_ZONES;
        assert_int_equal(table_rows(t) == 0, is_empty);
        table_free(t);
    }
}

static void
assert_columns(enum command_id command, const char *expected)
{
    struct story s;
    struct command st = {.id = command};
    char text[1024] = "";
    tell(&s);
    for (size_t i = 0; i < command_rows_count(); i++) {
        st.row = command_row_at(i)->id == command ? command_row_at(i) : st.row;
    }
    struct table *t = show_table(&st, &s.snap);
    size_t len = 0;
    for (size_t i = 0; i < t->columns_count; i++) {
        len += (size_t)snprintf(text + len, sizeof(text) - len, "%s ", t->columns[i]);
        assert_true(len < sizeof(text));
    }
    table_free(t);
    assert_int_equal(strncmp(text, expected, strlen(expected)), 0);
}

static void
pgbouncers_columns_come_first(void **state)
{
    (void)state;
    assert_columns(CMD_DATABASES,
                   "name host port database force_user pool_size min_pool_size reserve_pool_size "
                   "server_lifetime pool_mode load_balance_hosts max_connections "
                   "current_connections max_client_connections current_client_connections paused "
                   "disabled ");
    assert_columns(CMD_STATS_TOTALS,
                   "database server_assignment_count xact_count query_count bytes_received "
                   "bytes_sent xact_time query_time wait_time client_parse_count "
                   "server_parse_count bind_count client_login_count ");
    assert_columns(CMD_LISTS, "list items ");
    assert_columns(CMD_STATE, "key value ");
    assert_columns(CMD_TOTALS, "name value ");
    assert_columns(CMD_PEERS, "peer_id host port pool_size ");
    assert_columns(CMD_MEM, "name size used free memtotal ");
    assert_columns(CMD_DNS_HOSTS, "hostname ttl addrs ");
    assert_columns(CMD_DNS_ZONES, "zonename serial count ");
    assert_columns(CMD_STATS, "database total_server_assignment_count total_xact_count ");
}

static void
only_sessions_with_a_reason_are_pinned(void **state)
{
    (void)state;
    static const char *const columns[] = {"id", "pinned"};
    static const char *const cells[] = {"1", "", "2", "LISTEN", "3", NULL};
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        table_add(t, cells[i]);
    }
    struct table *pinned = show_pinned(t);
    assert_int_equal(table_rows(pinned), 1);
    assert_string_equal(table_text(pinned, 0, 0), "2");
    table_free(pinned);
    table_free(t);
}

static void
rates_are_differences_over_the_window(void **state)
{
    (void)state;
    static struct rates rates;
    static struct workers_stats stats;
    struct rates_now now;
    rates_init(&rates);
    rates_get(&rates, &now);
    assert_true(now.xacts_per_s == 0 && now.window_us == 0);
    rates_get_database(&rates, "shop", &now);
    assert_true(now.xacts_per_s == 0 && now.window_us == 0);
    for (uint64_t second = 1; second <= 30; second++) {
        stats.xacts = second * 100;
        stats.xact_time_us = second * 100 * 70;
        stat_hist_add(&stats.latency, second < 15 ? 900000 : 1000);
        rates_add(&rates, &stats, second * 1000000);
        rates_add_database(&rates, &(struct workers_database){.alias = "shop", .stats = stats},
                           second * 1000000);
    }
    rates_get(&rates, &now);
    assert_true(now.window_us == 10000000);
    assert_true(now.xacts_per_s == 100 && now.xact_time_us == 70);
    assert_true(now.p99_us >= 1000 && now.p99_us < 1200); /* what was slow has left the window */
    rates_get_database(&rates, "shop", &now);
    assert_true(now.xacts_per_s == 100 && now.xact_time_us == 70);
    rates_get_database(&rates, "other", &now);
    assert_true(now.xacts_per_s == 0);
    rates_fini(&rates);
}

/* ---- GRANTS ---- */

static bool
has_line(const struct table *t, const char *text)
{
    bool found = false;
    for (size_t i = 0; i < table_rows(t); i++) {
        found = found || strstr(table_text(t, i, 0), text) != NULL;
    }
    return found;
}

static struct table *
grants(struct story *s, const char *text)
{
    struct command c;
    struct err err;
    assert_true(command_parse(slice_of_str(text), &c, &err));
    return show_table(&c, &s->snap);
}

static void
grants_quote_the_names_of_the_configuration(void **state)
{
    (void)state;
    struct story s;
    tell(&s);
    struct table *t = grants(&s, "GRANTS green");
    assert_true(has_line(t, "GRANT pg_monitor, pg_signal_backend TO \"te\"\"al's\";"));
    assert_true(has_line(t, "format('CREATE ROLE %I LOGIN', 'te\"al''s')"));
    assert_true(has_line(t, "-- Teal's operator role on green of app, 10.0.0.2:5432."));
    assert_true(has_line(t, "DO $teal$ DECLARE"));
    assert_false(has_line(t, "on blue"));
    table_free(t);
}

static void
grants_are_those_of_the_fence_and_of_the_streams(void **state)
{
    (void)state;
    struct story s;
    tell(&s);
    struct table *t = grants(&s, "GRANTS");
    assert_true(has_line(t, "on blue") && has_line(t, "on green"));
    assert_true(has_line(t, "GRANT ALTER SYSTEM ON PARAMETER"));
    assert_false(has_line(t, "CREATEROLE"));
    assert_false(has_line(t, "pg_read_all_data"));
    table_free(t);
    s.pair.fence = FENCE_DATABASE;
    s.pair.side[SIDE_BLUE].replication_user = s.streams;
    t = grants(&s, "GRANTS blue");
    assert_false(has_line(t, "ALTER SYSTEM ON PARAMETER"));
    assert_true(has_line(t, "GRANT pg_read_all_data TO \"streams\";"));
    table_free(t);
    s.pair.fence = FENCE_STRICT;
    t = grants(&s, "GRANTS");
    assert_true(has_line(t, "ALTER ROLE \"te\"\"al's\" CREATEROLE;"));
    table_free(t);
}

/* Those of the list, or those that were found; what is not known is said. */
static void
grants_reach_every_database(void **state)
{
    (void)state;
    struct story s;
    tell(&s);
    char first[] = "shop", second[] = "a'b\\c\"d", third[] = "x\nDROP";
    char *found[] = {first, second, third};
    struct table *t = grants(&s, "GRANTS blue");
    assert_true(has_line(t, "\\connect -reuse-previous=on \"dbname='shop'\""));
    assert_true(has_line(t, "which other databases there are is not known yet"));
    table_free(t);
    s.facts.side[SIDE_BLUE].databases =
        (struct side_databases){.generation = 1, .names = found, .count = COUNT_OF(found)};
    t = grants(&s, "GRANTS blue");
    assert_true(has_line(t, "\\connect -reuse-previous=on \"dbname='a\\'b\\\\c\"\"d'\""));
    assert_true(has_line(t, "GRANT CREATE ON DATABASE \"a'b\\c\"\"d\" TO \"te\"\"al's\";"));
    assert_false(has_line(t, "not known yet"));
    assert_false(has_line(t, "DROP"));
    assert_true(has_line(t, "databases with a line break in their names are left out"));
    table_free(t);
    s.databases[0] = second;
    t = grants(&s, "GRANTS green");
    assert_true(has_line(t, "dbname='shop'") && has_line(t, "dbname='a"));
    assert_true(has_line(t, "\\set by_database true")); /* there may be more on the server */
    assert_false(has_line(t, "ALTER SYSTEM ON PARAMETER"));
    table_free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_is_the_one_of_the_story),
        cmocka_unit_test(status_tells_what_is_not_as_it_should_be),
        cmocka_unit_test(status_tells_of_the_way_back_when_green_writes),
        cmocka_unit_test(status_tells_what_the_operator_has_ordered),
        cmocka_unit_test(status_of_several_pairs_tells_each_and_the_traffic_once),
        cmocka_unit_test(status_tells_every_server_of_a_side),
        cmocka_unit_test(show_nodes_has_a_row_a_server),
        cmocka_unit_test(show_databases_tells_how_each_stands),
        cmocka_unit_test(show_config_tells_what_was_set),
        cmocka_unit_test(unknown_lag_is_never_shown_as_a_number),
        cmocka_unit_test(grants_quote_the_names_of_the_configuration),
        cmocka_unit_test(grants_reach_every_database),
        cmocka_unit_test(grants_are_those_of_the_fence_and_of_the_streams),
        cmocka_unit_test(every_row_that_answers_with_a_table_has_one),
        cmocka_unit_test(pgbouncers_columns_come_first),
        cmocka_unit_test(only_sessions_with_a_reason_are_pinned),
        cmocka_unit_test(rates_are_differences_over_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
