/* test_commands.c — every command of the table is answered once, by whoever it is for. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "conf/load.h"
#include "wire/message.h"

/* A console of one client, whose control thread does what the test says. */
struct stage {
    struct loop *loop;
    struct console_clients clients;
    struct runners runners;
    struct console_client *client;
    int peer; /* the client's end */
    struct conf *conf;
    struct conf_pair pairs[2]; /* of the configuration, and another one */
    uint32_t pairs_count;
    struct view view;
    struct monitor_facts facts;
    struct workers_stats stats;
    /* What was asked of the control thread. */
    enum command_id performed;
    enum cutover_job started;
    bool aborted;
    bool cancelled;
    uint32_t pair; /* of the last one */
    workers_report_fn *report_done;
    void *report_arg;
    /* What it answers. */
    bool refuses;
    enum console_wait pause;
    bool committed;
    struct console_ops ops;
    char types[512]; /* of the messages that the client got */
    char text[16384];
};

static void
use_of(void *ctx, const char *alias, struct database_use *out)
{
    (void)ctx;
    (void)alias;
    *out = (struct database_use){.servers = 0};
}

static void
snapshot(void *ctx, struct snapshot *out)
{
    struct stage *s = ctx;
    out->conf = s->conf;
    out->conf_file = s->conf;
    out->stats = &s->stats;
    out->use_of = use_of;
    out->pairs_count = s->pairs_count;
    for (uint32_t i = 0; i < s->pairs_count; i++) {
        out->pairs[i].conf = &s->pairs[i];
        out->pairs[i].view = &s->view;
        out->pairs[i].facts = &s->facts;
        out->pairs[i].cutover = (struct cutover_status){.state_name = "idle",
                                                        .step_name = "none",
                                                        .job_name = "none",
                                                        .kind_name = "two-way",
                                                        .committed = s->committed,
                                                        .to = SIDE_GREEN,
                                                        .way_back = CUTOVER_WAY_BACK_OPEN};
    }
}

static void
report(void *ctx, enum worker_report what, workers_report_fn *done, void *arg)
{
    struct stage *s = ctx;
    (void)what;
    assert_null(s->report_done);
    s->report_done = done;
    s->report_arg = arg;
}

static bool
start(void *ctx, uint32_t pair, enum cutover_job job, const struct cutover_options *options,
      struct err *err)
{
    struct stage *s = ctx;
    (void)options;
    s->started = job;
    s->pair = pair;
    return !s->refuses || err_set(err, SQLSTATE_OBJECT_IN_USE, "not now");
}

static bool
call_off(void *ctx, uint32_t pair)
{
    struct stage *s = ctx;
    s->pair = pair;
    s->aborted = true;
    return true;
}

static bool
perform(void *ctx, const struct command *c, struct buf *detail, struct err *err)
{
    struct stage *s = ctx;
    s->performed = c->id;
    s->pair = c->pair_number;
    buf_printf(detail, "done as told");
    return !s->refuses || err_set(err, SQLSTATE_OBJECT_IN_USE, "not now");
}

static enum console_wait
pause_state(void *ctx, const struct command *c, struct buf *detail, struct err *err)
{
    const struct stage *s = ctx;
    (void)c;
    buf_printf(detail, "paused");
    (void)err_set(err, SQLSTATE_QUERY_CANCELED, "called off");
    return s->pause;
}

static void
pause_cancel(void *ctx, const struct command *c)
{
    struct stage *s = ctx;
    (void)c;
    s->cancelled = true;
}

static bool
begin(void *ctx, const char *user, const char *database, struct err *err)
{
    (void)user;
    (void)database;
    (void)err;
    console_client_logged_in(ctx);
    return true;
}

static void
execute(void *ctx, struct slice text, bool describe)
{
    struct console_client *client = ctx;
    struct stage *s = client->all->owner;
    struct err err;
    console_client_begin(client, text, describe);
    if (!command_parse(text, &client->command, &err)) {
        fail_msg("%s", err.text);
    }
    command_run(client, &s->runners);
}

static void
cancel(void *ctx, uint32_t pid, struct slice key)
{
    (void)ctx;
    (void)pid;
    (void)key;
}

static void
say(struct stage *s, const char *text)
{
    struct buf in;
    buf_init(&in);
    message_put_query(&in, text);
    dialog_feed(&s->client->dialog, buf_slice(&in));
    buf_fini(&in);
    console_client_turn(s->client);
}

/* The types of the messages that came since the last call; their bytes are in text. */
static const char *
got(struct stage *s)
{
    memset(s->text, 0, sizeof(s->text));
    const ssize_t n = read(s->peer, s->text, sizeof(s->text) - 1);
    struct slice rest = slice_of(s->text, n < 0 ? 0 : (size_t)n);
    size_t count = 0;
    while (rest.len > 0) {
        uint8_t type;
        uint64_t total;
        assert_int_equal(wire_peek(rest, sizeof(s->text), &type, &total), WIRE_OK);
        assert_true(total <= rest.len && count + 1 < sizeof(s->types));
        s->types[count++] = (char)type;
        rest = slice_of(rest.p + total, rest.len - (size_t)total);
    }
    s->types[count] = '\0';
    return s->types;
}

static bool
said(const struct stage *s, const char *text)
{
    return memmem(s->text, sizeof(s->text), text, strlen(text)) != NULL;
}

static void
set_up(struct stage *s)
{
    static const struct dialog_ops dialog_ops = {
        .begin = begin, .execute = execute, .cancel = cancel};
    static char other_name[] = "shop";
    static const char *const pairs[] = {"user", "op", "database", "teal"};
    struct conf_mistakes mistakes = {0};
    int fds[2];
    struct console_client who;
    struct buf in;
    memset(s, 0, sizeof(*s));
    s->loop = loop_new();
    s->conf = conf_load_string("[blue]\nhost = b\n[green]\nhost = g\n", "t.ini", &mistakes);
    assert_non_null(s->conf);
    s->pairs[0] = s->pairs[1] = s->conf->pairs[0];
    s->pairs[1].name = other_name;
    s->pairs_count = 1;
    s->facts.side[SIDE_BLUE].nodes_count = s->facts.side[SIDE_GREEN].nodes_count = 1;
    s->view.writes_known = true;
    s->ops = (struct console_ops){s,        snapshot, report,      start,
                                  call_off, perform,  pause_state, pause_cancel};
    console_clients_init(&s->clients, s->loop, &s->ops, s);
    runners_init(&s->runners, &s->clients);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    s->peer = fds[1];
    assert_true(console_client_identify(&who, fds[0]));
    console_client_new(&s->clients, fds[0], &who, &dialog_ops);
    s->client = console_clients_find(&s->clients, 1);
    assert_non_null(s->client);
    buf_init(&in);
    message_put_startup(&in, pairs, 2);
    dialog_feed(&s->client->dialog, buf_slice(&in));
    console_client_turn(s->client);
    buf_fini(&in);
    assert_string_equal(got(s), "RSSSSSSSKZ");
}

static void
on_end(void *arg)
{
    loop_stop(arg);
}

/* The loop runs once, so that what was disposed of goes. */
static void
tear_down(struct stage *s)
{
    console_client_close(s->client);
    struct timer *timer = timer_new(s->loop, on_end, s->loop);
    timer_start(timer, 0);
    loop_run(s->loop);
    timer_free(timer);
    loop_free(s->loop);
    (void)close(s->peer);
    conf_unref(s->conf);
}

static void
workers_answer(struct stage *s, struct table *t)
{
    workers_report_fn *const done = s->report_done;
    assert_non_null(done);
    s->report_done = NULL;
    done(s->report_arg, t);
}

/* Enough for SHOW CLIENTS, SERVERS and those that look into them. */
static struct table *
two_rows(uint64_t closing)
{
    static const char *const columns[] = {"id", "close_needed", "pinned"};
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (uint64_t id = 1; id <= 2; id++) {
        table_add_number(t, id);
        table_add_number(t, closing);
        table_add(t, id == 1 ? "" : "LISTEN");
    }
    return t;
}

static const char *
argument_of(enum command_id id)
{
    static const struct {
        enum command_id id;
        const char *text;
    } arguments[] = {
        {CMD_EXPLAIN, " SELECT 1"}, {CMD_READS, " green"},     {CMD_WRITES, " green"},
        {CMD_DISABLE, " app"},      {CMD_ENABLE, " app"},      {CMD_KILL, " 2"},
        {CMD_SET, " verbose = 1"},  {CMD_SESSIONS, " PINNED"},
    };
    for (size_t i = 0; i < COUNT_OF(arguments); i++) {
        if (arguments[i].id == id) {
            return arguments[i].text;
        }
    }
    return "";
}

/* Plays what the control thread and the workers would, until the command has ended. */
static void
play_to_the_end(struct stage *s)
{
    for (int i = 0; i < 5 && s->client->dialog.state == DIALOG_BUSY; i++) {
        if (s->report_done != NULL) {
            workers_answer(s, two_rows(0));
        } else if (s->client->look != NULL) {
            s->pause = CONSOLE_WAIT_OVER;
            s->client->look(s->client);
            console_client_turn(s->client);
        } else if (s->runners.of_pair[0].active) {
            runners_done(&s->runners, 0, true, NULL);
        }
    }
}

static void
every_command_ends_with_one_answer(void **state)
{
    (void)state;
    struct stage s;
    for (size_t i = 0; i < command_rows_count(); i++) {
        const struct command_row *row = command_row_at(i);
        char text[128];
        set_up(&s);
        (void)snprintf(text, sizeof(text), "%s%s", row->words, argument_of(row->id));
        say(&s, text);
        play_to_the_end(&s);
        assert_int_equal(s.client->dialog.state, DIALOG_READY);
        const char *types = got(&s);
        const size_t len = strlen(types);
        assert_true(len >= 2 && types[len - 1] == 'Z');
        assert_true(types[len - 2] == 'C' || (types[len - 2] == 'E' && row->reply == REPLY_STEPS));
        tear_down(&s);
    }
}

static void
a_command_that_is_over_at_once_is_one_row(void **state)
{
    (void)state;
    struct stage s;
    set_up(&s);
    say(&s, "RELEASE");
    assert_int_equal(s.performed, CMD_RELEASE);
    assert_string_equal(got(&s), "TDCZ");
    assert_true(said(&s, "done as told") && said(&s, "release"));
    s.refuses = true;
    say(&s, "RELEASE");
    assert_string_equal(got(&s), "EZ");
    tear_down(&s);
}

static void
a_pause_waits_and_can_be_called_off(void **state)
{
    (void)state;
    struct stage s;
    set_up(&s);
    say(&s, "PAUSE");
    assert_string_equal(got(&s), "T");
    s.client->look(s.client);
    assert_int_equal(s.client->dialog.state, DIALOG_BUSY);
    console_client_call_off(s.client);
    assert_true(s.cancelled);
    s.pause = CONSOLE_WAIT_FAILED;
    s.client->look(s.client);
    console_client_turn(s.client);
    assert_string_equal(got(&s), "EZ");
    console_client_call_off(s.client); /* nothing waits any more */
    tear_down(&s);
}

static void
wait_close_looks_until_nothing_is_to_be_closed(void **state)
{
    (void)state;
    struct stage s;
    set_up(&s);
    say(&s, "WAIT_CLOSE");
    s.client->look(s.client);
    workers_answer(&s, two_rows(1));
    assert_int_equal(s.client->dialog.state, DIALOG_BUSY);
    console_client_call_off(s.client);
    s.client->look(s.client);
    workers_answer(&s, two_rows(1));
    assert_string_equal(got(&s), "TEZ");
    assert_true(said(&s, "2 server connections that RECONNECT meant"));
    tear_down(&s);
}

static void
an_answer_for_a_client_that_has_gone_is_dropped(void **state)
{
    (void)state;
    struct stage s;
    set_up(&s);
    say(&s, "SHOW CLIENTS");
    console_client_close(s.client);
    workers_answer(&s, two_rows(0));
    tear_down(&s);
}

static void
only_a_session_that_is_there_is_killed(void **state)
{
    (void)state;
    struct stage s;
    set_up(&s);
    say(&s, "KILL_CLIENT 7");
    workers_answer(&s, two_rows(0));
    assert_string_equal(got(&s), "EZ");
    assert_int_equal(s.performed, CMD_EMPTY);
    tear_down(&s);
}

static void
one_long_command_at_a_time(void **state)
{
    (void)state;
    struct stage s;
    struct stage other;
    set_up(&s);
    say(&s, "CUTOVER");
    assert_int_equal(s.started, CUTOVER_JOB_FLIP);
    assert_string_equal(got(&s), "T");
    set_up(&other);
    other.runners.of_pair[0].active = true; /* as if another client had started one */
    other.runners.of_pair[0].audit = s.client->audit;
    say(&other, "PREPARE");
    assert_string_equal(got(&other), "EZ");
    assert_true(said(&other, "CUTOVER"));
    tear_down(&other);
    tear_down(&s);
}

/* With two pairs, app and shop. */
static void
a_command_that_changes_a_pair_must_name_it(void **state)
{
    (void)state;
    static const char *const refused[] = {"CUTOVER", "READS blue", "HOLD", "RELEASE", "CHECK"};
    struct stage s;
    set_up(&s);
    s.pairs_count = 2;
    for (size_t i = 0; i < COUNT_OF(refused); i++) {
        say(&s, refused[i]);
        assert_string_equal(got(&s), "EZ");
        assert_true(said(&s, "22023") && said(&s, "The pairs are app, shop."));
        assert_int_equal(s.performed, CMD_EMPTY);
        assert_int_equal(s.started, CUTOVER_JOB_NONE);
    }
    assert_true(said(&s, "For instance: CHECK PAIR app."));
    say(&s, "RELEASE PAIR nowhere");
    assert_string_equal(got(&s), "EZ");
    assert_true(said(&s, "42704"));
    say(&s, "RELEASE PAIR shop");
    assert_string_equal(got(&s), "TDCZ");
    assert_int_equal(s.performed, CMD_RELEASE);
    assert_int_equal(s.pair, 1);
    tear_down(&s);
}

static void
each_pair_runs_a_long_command(void **state)
{
    (void)state;
    struct stage s;
    struct stage other;
    set_up(&s);
    set_up(&other);
    s.pairs_count = other.pairs_count = 2;
    say(&s, "CUTOVER PAIR app");
    assert_string_equal(got(&s), "T");
    other.runners.of_pair[0] = s.runners.of_pair[0]; /* as if it were the same console */
    say(&other, "CUTOVER PAIR app DRY RUN");
    assert_string_equal(got(&other), "EZ");
    say(&other, "CUTOVER DRY RUN PAIR shop");
    assert_string_equal(got(&other), "T");
    assert_int_equal(other.pair, 1);
    runners_done(&other.runners, 1, true, NULL);
    assert_string_equal(got(&other), "CZ");
    assert_true(other.runners.of_pair[0].active);
    runners_call_off(&s.runners, s.client);
    assert_true(s.aborted && s.pair == 0);
    tear_down(&other);
    tear_down(&s);
}

static void
reports_tell_pairs_from_each_other_where_they_mix(void **state)
{
    (void)state;
    struct stage s;
    set_up(&s);
    say(&s, "SHOW LAG");
    assert_string_equal(got(&s), "TDDCZ");
    s.pairs_count = 2;
    say(&s, "SHOW LAG");
    assert_string_equal(got(&s), "TDDDDCZ");
    assert_true(said(&s, "shop"));
    say(&s, "SHOW LAG PAIR app");
    assert_string_equal(got(&s), "TDDCZ");
    say(&s, "SHOW PAIR shop");
    assert_string_equal(got(&s), "TDCZ");
    say(&s, "EXPLAIN ROUTE PAIR shop SELECT 1");
    assert_string_equal(got(&s), "TDCZ");
    tear_down(&s);
}

static void
a_flip_streams_its_rows_and_sums_up(void **state)
{
    (void)state;
    struct stage s;
    const struct cutover_report hold = {
        .result = CUTOVER_OK, .step = "hold", .detail = "2 sessions"};
    const struct cutover_report sum = {
        .result = CUTOVER_SUMMARY, .step = "writes", .detail = "the machine's own words"};
    set_up(&s);
    say(&s, "CUTOVER");
    assert_string_equal(got(&s), "T");
    runners_report(&s.runners, 0, &hold);
    assert_string_equal(got(&s), "D");
    runners_report(&s.runners, 0, &sum);
    (void)got(&s);
    assert_true(said(&s, "the machine's own words")); /* a dry run: nothing was moved */
    s.committed = true;
    runners_report(&s.runners, 0, &sum);
    (void)got(&s);
    assert_true(said(&s, "tealctl rollback"));
    runners_call_off(&s.runners, s.client);
    assert_true(s.aborted);
    runners_done(&s.runners, 0, true, NULL);
    assert_string_equal(got(&s), "CZ");
    runners_report(&s.runners, 0, &hold); /* of nobody's command */
    assert_string_equal(got(&s), "");
    tear_down(&s);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_command_ends_with_one_answer),
        cmocka_unit_test(a_command_that_is_over_at_once_is_one_row),
        cmocka_unit_test(a_pause_waits_and_can_be_called_off),
        cmocka_unit_test(wait_close_looks_until_nothing_is_to_be_closed),
        cmocka_unit_test(an_answer_for_a_client_that_has_gone_is_dropped),
        cmocka_unit_test(only_a_session_that_is_there_is_killed),
        cmocka_unit_test(one_long_command_at_a_time),
        cmocka_unit_test(a_command_that_changes_a_pair_must_name_it),
        cmocka_unit_test(each_pair_runs_a_long_command),
        cmocka_unit_test(reports_tell_pairs_from_each_other_where_they_mix),
        cmocka_unit_test(a_flip_streams_its_rows_and_sums_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
