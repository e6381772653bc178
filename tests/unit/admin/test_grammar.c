/* test_grammar.c — the console understands its own grammar and nothing else. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/grammar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "admin/duration.h"
#include "guard.h"

static struct command
parsed(const char *text)
{
    struct command s;
    struct err err;
    if (!command_parse(slice_of_str(text), &s, &err)) {
        fail_msg("%s: %s", text, err.text);
    }
    return s;
}

static void
assert_refused(const char *text, const char *sqlstate)
{
    struct command s;
    struct err err;
    if (command_parse(slice_of_str(text), &s, &err)) {
        fail_msg("taken: %s", text);
    }
    if (strcmp(err.sqlstate, sqlstate) != 0) {
        fail_msg("%s: %s %s", text, err.sqlstate, err.text);
    }
}

static void
every_row_of_the_table_is_found_by_its_words(void **state)
{
    (void)state;
    static const struct {
        enum command_id id;
        const char *argument;
    } arguments[] = {{CMD_READS, " blue"},      {CMD_WRITES, " green"}, {CMD_KILL, " 7"},
                     {CMD_DISABLE, " app"},     {CMD_ENABLE, " app"},   {CMD_EXPLAIN, " select 1"},
                     {CMD_SET, " lag_max = 5s"}};
    for (size_t i = 0; i < command_rows_count(); i++) {
        const struct command_row *row = command_row_at(i);
        char text[128];
        const char *argument = "";
        for (size_t k = 0; k < COUNT_OF(arguments); k++) {
            argument = arguments[k].id == row->id ? arguments[k].argument : argument;
        }
        (void)snprintf(text, sizeof(text), "%s%s", row->words, argument);
        const struct command s = parsed(text);
        assert_ptr_equal(s.row, row);
        assert_int_equal(s.id, row->id);
    }
}

static void
case_blanks_comments_and_a_semicolon_do_not_matter(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "SHOW STATUS",
        "show status;",
        "  Show\n\tStatus ; ; ",
        "/* who */show--\nstatus",
        "-- a\nSHOW/* b /* c */ */STATUS",
        "status",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_int_equal(parsed(texts[i]).id, CMD_STATUS);
    }
}

static void
nothing_is_no_statement(void **state)
{
    (void)state;
    static const char *const texts[] = {"", " ", ";", ";;", "-- ping", "/* a */ ; -- b"};
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_int_equal(parsed(texts[i]).id, CMD_EMPTY);
    }
}

static void
what_is_no_command_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *sqlstate;
    } cases[] = {
        {"frobnicate", "42601"},
        {"show", "42601"},
        {"show nothing", "42601"},
        {"'show' status", "42601"},
        {"SELECT 2", "42601"},
        {"begin", "0A000"},
        {"COMMIT;", "0A000"},
        {"show status status", "42601"},
        {"show status; show lag", "42601"},
        {"cutover; cutover", "42601"},
        {"cutover now", "42601"},
        {"cutover no", "42601"},
        {"cutover drain", "42601"},
        {"cutover drain slowly", "42601"},
        {"rollback to savepoint a", "42601"},
        {"reads", "42601"},
        {"reads red", "42601"},
        {"reads 'green'", "42601"},
        {"reads green 101%", "22023"},
        {"reads green 5%%", "22023"},
        {"reads follow 5%", "22023"},
        {"reads green 5% user bob", "0A000"},
        {"reads green user", "42601"},
        {"reads green user ''", "42601"},
        {"reads green user 'bob", "42601"},
        {"writes", "42601"},
        {"writes follow", "42601"},
        {"hold 0", "22023"},
        {"hold 11min", "22023"},
        {"hold 5 s", "42601"},
        {"kill_client", "42601"},
        {"kill_client x", "42601"},
        {"kill_client 18446744073709551616", "42601"},
        {"shutdown immediate", "42601"},
        {"explain route", "42601"},
        {"set default_pool_size 5", "42601"},
        {"/* no end", "42601"},
        {"show\x01status", "42601"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_refused(cases[i].text, cases[i].sqlstate);
    }
}

static void
reads_takes_a_share_or_conditions(void **state)
{
    (void)state;
    struct command s = parsed("reads GREEN 5%");
    assert_int_equal(s.reads, READS_GREEN);
    assert_true(s.percent_set);
    assert_int_equal(s.percent, 500);
    assert_int_equal(parsed("reads green 0.25 %;").percent, 25);
    assert_int_equal(parsed("reads blue 100").percent, 10000);
    assert_int_equal(parsed("reads follow").reads, READS_FOLLOW);
    assert_string_equal(parsed("reads green pair shop user u").pair, "shop");
    assert_true(parsed("reads Default").reads_default);
    assert_false(parsed("reads follow").reads_default);
    s = parsed("reads blue user bob application 'it''s a job' database \"A b\"");
    assert_false(s.percent_set);
    assert_string_equal(s.user, "bob");
    assert_string_equal(s.application, "it's a job");
    assert_string_equal(s.database, "A b");
}

static void
cutover_takes_its_options_in_any_order(void **state)
{
    (void)state;
    const struct command plain = parsed("CUTOVER");
    assert_false(plain.options.no_way_back || plain.options.dry_run || plain.options.drain_set);
    const struct command s = parsed("rollback dry run drain terminate no rollback");
    assert_int_equal(s.id, CMD_ROLLBACK);
    assert_true(s.options.no_way_back && s.options.dry_run && s.options.drain_set);
    assert_int_equal(s.options.drain, DRAIN_TERMINATE);
}

static void
the_other_arguments_arrive(void **state)
{
    (void)state;
    assert_int_equal(parsed("writes green").side, SIDE_GREEN);
    assert_false(parsed("hold").timeout_set);
    assert_int_equal(parsed("hold 200ms").timeout_us, 200000);
    assert_int_equal(parsed("hold '2s'").timeout_us, 2000000);
    assert_int_equal(parsed("pause 2s").timeout_us, 2000000);
    assert_string_equal(parsed("pause '2s'").database, "2s");
    assert_string_equal(parsed("pause \"my db\" 1min").database, "my db");
    assert_int_equal(parsed("wait_close app 3").timeout_us, 3000000);
    assert_string_equal(parsed("kill").database, "");
    assert_string_equal(parsed("set lag_max=5s;").value, "5s");
    assert_string_equal(parsed("SET lag_max TO '1 ''x'' ;' ;").value, "1 'x' ;");
    assert_string_equal(parsed("SET blue.host = ''").key, "blue.host");
    assert_int_equal(parsed("set extra_float_digits=3").id, CMD_SET_IGNORED);
    assert_int_equal(parsed("SET SESSION CHARACTERISTICS AS x").id, CMD_SET_IGNORED);
    assert_string_equal(parsed("disable app;").database, "app");
    assert_true(parsed("kill_client 18446744073709551615").number == UINT64_MAX);
    assert_true(parsed("show sessions pinned").pinned);
    assert_int_equal(parsed("shutdown").shutdown, SHUTDOWN_NOW);
    assert_int_equal(parsed("shutdown wait_for_clients").shutdown, SHUTDOWN_WAIT_FOR_CLIENTS);
    assert_int_equal(parsed("shutdown wait_for_servers").shutdown, SHUTDOWN_WAIT_FOR_SERVERS);
    assert_true(slice_equal_str(parsed("explain route select 1; drop table t").sql,
                                " select 1; drop table t"));
}

static void
only_explain_route_may_be_long(void **state)
{
    (void)state;
    static char text[2 * COMMAND_LEN_MAX];
    memset(text, ' ', sizeof(text) - 1);
    memcpy(text, "explain route select", 20);
    text[sizeof(text) - 2] = '1';
    assert_int_equal(parsed(text).id, CMD_EXPLAIN);
    memset(text, ' ', 20);
    memcpy(text, "cutover", 7);
    text[sizeof(text) - 2] = ';';
    assert_refused(text, "54000");
}

/* Every prefix, at the end of a page: whatever is read behind the text faults. */
static void
prefixes_are_read_within_their_bounds(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "reads green user 'it''s' application \"q\"\"q\" database d -- end",
        "/* a /* b */ */ cutover no rollback drain cancel dry run;;",
        "explain route select 'x'",
        "hold 200ms",
        "kill_client 42",
    };
    struct guard guard = guard_new(256);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        for (size_t len = 0; len <= strlen(texts[i]); len++) {
            struct command s;
            struct err err;
            const bool ok = command_parse(guard_put(&guard, texts[i], len), &s, &err);
            assert_int_equal(ok, !err_is_set(&err));
        }
    }
    guard_free(&guard);
}

static void
durations_have_units(void **state)
{
    (void)state;
    uint64_t us;
    static const struct {
        const char *text;
        uint64_t us;
    } good[] = {{"2", 2000000},      {"7us", 7},         {"200ms", 200000},  {"1S", 1000000},
                {"3min", 180000000}, {"1h", 3600000000}, {"1d", 86400000000}};
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        assert_true(duration_parse(good[i].text, &us));
        assert_true(us == good[i].us);
    }
    static const char *const bad[] = {"", "s", "-1s", "1.5s", "1 s", "5m", "99999999999"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(duration_parse(bad[i], &us));
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_row_of_the_table_is_found_by_its_words),
        cmocka_unit_test(case_blanks_comments_and_a_semicolon_do_not_matter),
        cmocka_unit_test(nothing_is_no_statement),
        cmocka_unit_test(what_is_no_command_is_refused),
        cmocka_unit_test(reads_takes_a_share_or_conditions),
        cmocka_unit_test(cutover_takes_its_options_in_any_order),
        cmocka_unit_test(the_other_arguments_arrive),
        cmocka_unit_test(only_explain_route_may_be_long),
        cmocka_unit_test(prefixes_are_read_within_their_bounds),
        cmocka_unit_test(durations_have_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
