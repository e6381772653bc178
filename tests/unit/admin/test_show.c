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

/* The pair of the story: blue serves, green follows by logical replication. */
struct story {
    struct conf conf;
    struct view view;
    struct monitor_facts facts;
    struct workers_stats stats;
    struct snapshot snap;
    char name[8], database[8], blue[16], green[16], user[16], streams[16];
};

static void
tell(struct story *s)
{
    memset(s, 0, sizeof(*s));
    (void)snprintf(s->name, sizeof(s->name), "app");
    (void)snprintf(s->database, sizeof(s->database), "shop");
    (void)snprintf(s->blue, sizeof(s->blue), "10.0.0.1");
    (void)snprintf(s->green, sizeof(s->green), "10.0.0.2");
    s->conf.name = s->name;
    s->conf.database = s->database;
    s->conf.node[SIDE_BLUE].host = s->blue;
    s->conf.node[SIDE_BLUE].port = 5432;
    s->conf.node[SIDE_GREEN].host = s->green;
    s->conf.node[SIDE_GREEN].port = 5432;
    (void)snprintf(s->user, sizeof(s->user), "te\"al's");
    (void)snprintf(s->streams, sizeof(s->streams), "streams");
    for (int side = 0; side < SIDES_COUNT; side++) {
        s->conf.node[side].user = s->conf.node[side].replication_user = s->user;
    }
    s->view =
        (struct view){.version = 1, .epoch = 7, .writes_known = true, .reads_percent = PERCENT_ALL};
    s->facts.node[SIDE_BLUE] = (struct node_facts){
        .up = true, .role = NODE_PRIMARY, .version = "15.8", .lsn = 0x3A001F20, .lag_ok = true};
    s->facts.node[SIDE_GREEN] = (struct node_facts){.up = true,
                                                    .role = NODE_LOGICAL_FOLLOWER,
                                                    .version = "17.5",
                                                    .lag_known = true,
                                                    .lag_bytes = 12 * 1024,
                                                    .lag_us = 40000};
    s->stats.sessions_pinned = 3;
    s->snap = (struct snapshot){.now_us = 1000000000,
                                .conf = &s->conf,
                                .view = &s->view,
                                .facts = &s->facts,
                                .stats = &s->stats,
                                .sessions = 812};
    s->snap.cutover.state_name = "idle";
    s->snap.cutover.step_name = "none";
    s->snap.cutover.job_name = "none";
    s->snap.cutover.kind_name = "two-way";
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
    s.snap.cutover.state = CUT_DRAIN;
    s.snap.cutover.state_name = "drain";
    s.snap.cutover.state_since_us = s.snap.now_us - 1100000;
    (void)snprintf(s.snap.runner, sizeof(s.snap.runner), "%s",
                   "\"CUTOVER\", started 1.2 s ago by uid 0");
    s.snap.waiting = 31;
    s.stats.sessions_pinned = 0;
    s.facts.node[SIDE_GREEN].up = false;
    (void)err_set(&s.facts.node[SIDE_GREEN].error, SQLSTATE_CONNECTION_FAILURE, "no answer");
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
    s.snap.cutover.way_back = CUTOVER_WAY_BACK_OPEN;
    s.facts.node[SIDE_BLUE].lag_known = true;
    buf_init(&out);
    status_print(&s.snap, &out);
    buf_put_u8(&out, 0);
    const char *text = (const char *)buf_slice(&out).p;
    assert_non_null(strstr(text, "the way back is open (reverse lag 0 B): tealctl rollback\n"));
    assert_non_null(strstr(text, "17.5   primary   up"));
    buf_fini(&out);
}

static void
unknown_lag_is_never_shown_as_a_number(void **state)
{
    (void)state;
    struct story s;
    struct command lag = {.id = CMD_LAG};
    char text[64];
    tell(&s);
    s.facts.node[SIDE_GREEN].lag_known = false;
    status_print_lag(&s.facts.node[SIDE_GREEN], text, sizeof(text));
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
    rates_get(&rates, &now);
    assert_true(now.xacts_per_s == 0 && now.window_us == 0);
    for (uint64_t second = 1; second <= 30; second++) {
        stats.xacts = second * 100;
        stats.xact_time_us = second * 100 * 70;
        stat_hist_add(&stats.latency, second < 15 ? 900000 : 1000);
        rates_add(&rates, &stats, second * 1000000);
    }
    rates_get(&rates, &now);
    assert_true(now.window_us == 10000000);
    assert_true(now.xacts_per_s == 100 && now.xact_time_us == 70);
    assert_true(now.p99_us >= 1000 && now.p99_us < 1200); /* what was slow has left the window */
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
    assert_true(has_line(t, "-- Teal's operator role on green, 10.0.0.2:5432."));
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
    s.conf.fence = FENCE_DATABASE;
    s.conf.node[SIDE_BLUE].replication_user = s.streams;
    t = grants(&s, "GRANTS blue");
    assert_false(has_line(t, "ALTER SYSTEM ON PARAMETER"));
    assert_true(has_line(t, "GRANT pg_read_all_data TO \"streams\";"));
    table_free(t);
    s.conf.fence = FENCE_STRICT;
    t = grants(&s, "GRANTS");
    assert_true(has_line(t, "ALTER ROLE \"te\"\"al's\" CREATEROLE;"));
    table_free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(status_is_the_one_of_the_story),
        cmocka_unit_test(status_tells_what_is_not_as_it_should_be),
        cmocka_unit_test(status_tells_of_the_way_back_when_green_writes),
        cmocka_unit_test(unknown_lag_is_never_shown_as_a_number),
        cmocka_unit_test(grants_quote_the_names_of_the_configuration),
        cmocka_unit_test(grants_are_those_of_the_fence_and_of_the_streams),
        cmocka_unit_test(every_row_that_answers_with_a_table_has_one),
        cmocka_unit_test(pgbouncers_columns_come_first),
        cmocka_unit_test(only_sessions_with_a_reason_are_pinned),
        cmocka_unit_test(rates_are_differences_over_the_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
