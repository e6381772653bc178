/* test_route.c — where transactions go, and why. */
/* SPDX-License-Identifier: PostgreSQL */
#include "route/route.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct view
a_view(void)
{
    struct view v = {
        .version = 1,
        .epoch = 1,
        .writer = SIDE_BLUE,
        .writes_known = true,
        .reads = READS_FOLLOW,
        .reads_percent = PERCENT_ALL,
        .freshness = FRESHNESS_OWN_WRITES,
    };
    for (int i = 0; i < SIDES_COUNT; i++) {
        v.side[i].nodes_count = 1;
        v.side[i].node[0] =
            (struct view_node){.up = true, .lag_ok = true, .fresh_until_us = 1000, .weight = 1};
    }
    return v;
}

static struct view
reading_from_green(void)
{
    struct view v = a_view();
    v.reads = READS_GREEN;
    return v;
}

static struct view
held(struct view v)
{
    v.writes_held = true;
    return v;
}

static const struct route_database no_facts;

static struct route_session
a_session(void)
{
    return (struct route_session){
        .facts = &no_facts, .user = "u", .database = "d", .application = "a", .bucket = 5000};
}

static struct route_session
a_reader(void)
{
    struct route_session s = a_session();
    s.reader = true;
    return s;
}

static struct route_decision
to(enum side side, enum route_reason reason)
{
    return (struct route_decision){.side = side, .reason = reason};
}

static struct route_decision
read_only(enum side side, enum route_reason reason)
{
    return (struct route_decision){.side = side, .reason = reason, .read_only = true};
}

static struct route_decision
waiting(enum side side)
{
    return (struct route_decision){.side = side, .reason = ROUTE_HELD, .wait = true};
}

static void
expect(const struct view *v, struct route_session s, enum sql_class class,
       struct route_decision want)
{
    const struct route_decision got = route_decide(v, &s, class);
    assert_string_equal(route_reason_name(got.reason), route_reason_name(want.reason));
    assert_int_equal(got.side, want.side);
    assert_int_equal(got.read_only, want.read_only);
    assert_int_equal(got.wait, want.wait);
}

static void
writes_go_to_the_writer(void **state)
{
    (void)state;
    struct view v = reading_from_green();
    expect(&v, a_session(), SQL_WRITE, to(SIDE_BLUE, ROUTE_WRITE));
    expect(&v, a_session(), SQL_BEGIN, to(SIDE_BLUE, ROUTE_WRITE));
    v.writer = SIDE_GREEN;
    expect(&v, a_session(), SQL_WRITE, to(SIDE_GREEN, ROUTE_WRITE));
}

static void
writes_wait_while_they_are_held(void **state)
{
    (void)state;
    const struct view v = held(reading_from_green());
    expect(&v, a_session(), SQL_WRITE, waiting(SIDE_BLUE));
    expect(&v, a_session(), SQL_BEGIN, waiting(SIDE_BLUE));
}

static void
writes_wait_while_the_writer_is_unknown(void **state)
{
    (void)state;
    struct view v = a_view();
    v.writes_known = false;
    expect(&v, a_session(), SQL_WRITE, waiting(SIDE_BLUE));
    expect(&v, a_session(), SQL_READ, waiting(SIDE_BLUE));
    v.writes_held = true;
    expect(&v, a_session(), SQL_WRITE, waiting(SIDE_BLUE));
}

static void
reads_follow_the_writer(void **state)
{
    (void)state;
    struct view v = a_view();
    expect(&v, a_session(), SQL_READ, to(SIDE_BLUE, ROUTE_FOLLOW));
    v.writer = SIDE_GREEN;
    expect(&v, a_session(), SQL_BEGIN_READ, to(SIDE_GREEN, ROUTE_FOLLOW));
    v.writes_held = true; /* reads go on where they were, where they cannot write */
    expect(&v, a_session(), SQL_READ, read_only(SIDE_GREEN, ROUTE_FOLLOW));
}

static void
reads_go_where_they_are_sent(void **state)
{
    (void)state;
    static const enum sql_class reads[] = {SQL_READ, SQL_BEGIN_READ, SQL_EMPTY, SQL_END};
    struct view v = reading_from_green();
    for (size_t i = 0; i < COUNT_OF(reads); i++) {
        expect(&v, a_session(), reads[i], read_only(SIDE_GREEN, ROUTE_READS));
    }
    v.reads = READS_BLUE;
    expect(&v, a_session(), SQL_READ, to(SIDE_BLUE, ROUTE_READS));
    v.writer = SIDE_GREEN;
    expect(&v, a_session(), SQL_READ, read_only(SIDE_BLUE, ROUTE_READS));
}

static void
reads_go_on_during_a_hold(void **state)
{
    (void)state;
    struct view v = held(reading_from_green());
    expect(&v, a_session(), SQL_READ, read_only(SIDE_GREEN, ROUTE_READS));
    v.reads = READS_BLUE;
    expect(&v, a_session(), SQL_READ, read_only(SIDE_BLUE, ROUTE_READS));
}

static void
the_share_decides_by_the_bucket(void **state)
{
    (void)state;
    struct view v = reading_from_green();
    v.reads_percent = 5000;
    struct route_session s = a_session();
    s.bucket = 4999;
    expect(&v, s, SQL_READ, read_only(SIDE_GREEN, ROUTE_PERCENT));
    s.bucket = 5000;
    expect(&v, s, SQL_READ, to(SIDE_BLUE, ROUTE_OUTSIDE_PERCENT));
    v.reads_percent = 0;
    s.bucket = 0;
    expect(&v, s, SQL_READ, to(SIDE_BLUE, ROUTE_OUTSIDE_PERCENT));
}

static void
raising_the_share_never_removes_a_session(void **state)
{
    (void)state;
    struct view v = reading_from_green();
    for (int i = 0; i < 500; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "session-%d", i);
        struct route_session s = a_session();
        s.bucket = route_bucket("d", key);
        bool inside = false;
        for (uint32_t percent = 0; percent <= PERCENT_ALL; percent += 50) {
            v.reads_percent = percent;
            const bool now = route_decide(&v, &s, SQL_READ).side == SIDE_GREEN;
            assert_true(now || !inside);
            inside = now;
        }
        assert_true(inside);
    }
}

static void
buckets_are_spread_and_stable(void **state)
{
    (void)state;
    uint32_t tenth[10] = {0};
    enum { KEYS = 20000 };
    for (int i = 0; i < KEYS; i++) {
        char key[32];
        (void)snprintf(key, sizeof(key), "user%d:app", i);
        const uint32_t bucket = route_bucket("app", key);
        assert_true(bucket < PERCENT_ALL);
        assert_int_equal(bucket, route_bucket("app", key));
        tenth[bucket / 1000]++;
    }
    for (int i = 0; i < 10; i++) {
        assert_in_range(tenth[i], KEYS / 10 * 9 / 10, KEYS / 10 * 11 / 10);
    }
    assert_true(route_bucket("a", "k") != route_bucket("b", "k"));
    assert_int_equal(route_bucket("a", NULL), route_bucket("a", ""));
}

static void
the_first_rule_that_matches_decides(void **state)
{
    (void)state;
    char user[] = "u";
    char other[] = "other";
    char application[] = "a";
    struct view_rule rules[] = {
        {.user = other, .side = SIDE_BLUE},
        {.user = user, .application = application, .side = SIDE_GREEN},
        {.user = user, .side = SIDE_BLUE},
    };
    struct view v = a_view();
    v.rules = rules;
    v.rules_count = COUNT_OF(rules);
    expect(&v, a_session(), SQL_READ, read_only(SIDE_GREEN, ROUTE_RULE));
    expect(&v, a_session(), SQL_WRITE, to(SIDE_BLUE, ROUTE_WRITE));
    struct route_session s = a_session();
    s.application = NULL;
    expect(&v, s, SQL_READ, to(SIDE_BLUE, ROUTE_RULE));
    s.user = "nobody";
    expect(&v, s, SQL_READ, to(SIDE_BLUE, ROUTE_FOLLOW));
    v.reads_percent = 0;
    expect(&v, a_session(), SQL_READ, read_only(SIDE_GREEN, ROUTE_RULE));
}

static void
a_rule_of_a_database_matches_it_alone(void **state)
{
    (void)state;
    char database[] = "d";
    struct view_rule rule = {.database = database, .side = SIDE_GREEN};
    struct view v = a_view();
    v.rules = &rule;
    v.rules_count = 1;
    struct route_session s = a_session();
    expect(&v, s, SQL_READ, read_only(SIDE_GREEN, ROUTE_RULE));
    s.database = "D";
    expect(&v, s, SQL_READ, to(SIDE_BLUE, ROUTE_FOLLOW));
}

static void
a_follower_that_fails_a_guard_is_passed_over(void **state)
{
    (void)state;
    struct view v = reading_from_green();
    v.side[SIDE_GREEN].node[0].lag_ok = false;
    expect(&v, a_session(), SQL_READ, to(SIDE_BLUE, ROUTE_LAG));
    v.side[SIDE_GREEN].node[0].up = false;
    expect(&v, a_session(), SQL_READ, to(SIDE_BLUE, ROUTE_DOWN));
    v.writes_held = true;
    expect(&v, a_session(), SQL_READ, read_only(SIDE_BLUE, ROUTE_DOWN));
}

static void
the_guards_do_not_concern_the_writer(void **state)
{
    (void)state;
    struct view v = a_view();
    v.side[SIDE_BLUE].node[0] = (struct view_node){.up = false};
    struct route_session s = a_session();
    s.last_write_us = 5000;
    expect(&v, s, SQL_READ, to(SIDE_BLUE, ROUTE_FOLLOW));
}

static void
own_writes_are_read_from_the_writer_until_the_follower_has_them(void **state)
{
    (void)state;
    struct view v = reading_from_green();
    struct route_session s = a_session();
    s.last_write_us = 1000; /* fresh until 1000 means: before 1000 */
    expect(&v, s, SQL_READ, to(SIDE_BLUE, ROUTE_OWN_WRITES));
    s.last_write_us = 999;
    expect(&v, s, SQL_READ, read_only(SIDE_GREEN, ROUTE_READS));
    v.side[SIDE_GREEN].node[0].fresh_until_us = 0;
    expect(&v, s, SQL_READ, to(SIDE_BLUE, ROUTE_OWN_WRITES));
    s.last_write_us = 0;
    expect(&v, s, SQL_READ, read_only(SIDE_GREEN, ROUTE_READS));
    s.last_write_us = 5000;
    v.freshness = FRESHNESS_EVENTUAL;
    expect(&v, s, SQL_READ, read_only(SIDE_GREEN, ROUTE_READS));
    v.freshness = FRESHNESS_OWN_WRITES;
    v.writes_held = true;
    expect(&v, s, SQL_READ, read_only(SIDE_BLUE, ROUTE_OWN_WRITES));
}

static void
a_reader_is_read_only_on_every_side_and_never_held(void **state)
{
    (void)state;
    struct view v = held(a_view());
    expect(&v, a_reader(), SQL_WRITE, read_only(SIDE_BLUE, ROUTE_FOLLOW));
    expect(&v, a_reader(), SQL_READ, read_only(SIDE_BLUE, ROUTE_FOLLOW));
    v.reads = READS_GREEN;
    expect(&v, a_reader(), SQL_BEGIN, read_only(SIDE_GREEN, ROUTE_READS));
    v.side[SIDE_GREEN].node[0].up = false;
    expect(&v, a_reader(), SQL_READ, read_only(SIDE_BLUE, ROUTE_DOWN));
}

static void
a_reader_waits_until_the_writer_is_known(void **state)
{
    (void)state;
    struct view v = held(a_view());
    v.writes_known = false;
    struct route_decision want = waiting(SIDE_BLUE);
    want.read_only = true;
    expect(&v, a_reader(), SQL_READ, want);
    v.reads = READS_GREEN;
    expect(&v, a_reader(), SQL_READ, read_only(SIDE_GREEN, ROUTE_READS));
}

/* The writer's side has two servers; the bits say how they are. */
static void
add_replica(struct view *v, unsigned bits)
{
    struct view_side *side = &v->side[v->writer];
    side->nodes_count = 2;
    side->lead = 1;
    side->node[0].up = (bits & 1) != 0;
    side->node[1] = (struct view_node){
        .up = (bits & 2) != 0, .is_primary = (bits & 4) != 0, .lag_ok = true, .weight = 1};
}

static bool
is_served_by_all(const struct view *v, const struct route_decision *d)
{
    const struct view_side *side = &v->side[d->side];
    bool all = d->nodes != 0 && d->nodes < 1U << side->nodes_count;
    for (uint32_t i = 0; i < side->nodes_count; i++) {
        all = all && ((d->nodes & 1U << i) == 0 || side->node[i].up);
    }
    return all;
}

/* ---- several servers a side ---- */

enum { LEAD = 1, REPLICA = 2, OTHER = 4 };

/* Blue takes the writes and has a lead and two replicas; green follows and has two servers. */
static struct view
an_estate(void)
{
    struct view v = a_view();
    const struct view_node replica = {
        .up = true, .lag_ok = true, .fresh_until_us = 1000, .weight = 1};
    v.side[SIDE_BLUE].nodes_count = 3;
    v.side[SIDE_BLUE].node[0].is_primary = true;
    v.side[SIDE_BLUE].node[1] = v.side[SIDE_BLUE].node[2] = replica;
    v.side[SIDE_GREEN].nodes_count = 2;
    v.side[SIDE_GREEN].node[1] = replica;
    return v;
}

static struct route_session
a_session_that_wrote(uint64_t at_us)
{
    struct route_session s = a_session();
    s.last_write_us = at_us;
    return s;
}

static void
expect_nodes(const struct view *v, struct route_session s, enum sql_class class,
             struct route_decision want, uint32_t nodes)
{
    expect(v, s, class, want);
    assert_int_equal(route_decide(v, &s, class).nodes, nodes);
}

static struct route_decision
lost(enum side side)
{
    return (struct route_decision){.side = side, .reason = ROUTE_FAILOVER, .wait = true};
}

static void
writes_go_to_the_lead_and_reads_to_all(void **state)
{
    (void)state;
    struct view v = an_estate();
    expect_nodes(&v, a_session(), SQL_WRITE, to(SIDE_BLUE, ROUTE_WRITE), LEAD);
    expect_nodes(&v, a_session(), SQL_READ, read_only(SIDE_BLUE, ROUTE_FOLLOW),
                 LEAD | REPLICA | OTHER);
    v.side[SIDE_BLUE].node[0].weight = 0; /* the primary is for writes */
    expect_nodes(&v, a_session(), SQL_READ, read_only(SIDE_BLUE, ROUTE_FOLLOW), REPLICA | OTHER);
    v.reads = READS_GREEN;
    expect_nodes(&v, a_session(), SQL_READ, read_only(SIDE_GREEN, ROUTE_READS), LEAD | REPLICA);
    assert_false(route_is_single(&v));
    v.reads = READS_FOLLOW;
    assert_false(route_is_single(&v)); /* to one side, but not to one server */
}

static void
a_server_that_fails_a_guard_serves_no_read(void **state)
{
    (void)state;
    struct view v = an_estate();
    v.side[SIDE_BLUE].node[1].up = false;
    expect_nodes(&v, a_session(), SQL_READ, read_only(SIDE_BLUE, ROUTE_FOLLOW), LEAD | OTHER);
    v.side[SIDE_BLUE].node[2].lag_ok = false;
    expect_nodes(&v, a_session(), SQL_READ, read_only(SIDE_BLUE, ROUTE_FOLLOW), LEAD);
    v = an_estate();
    v.side[SIDE_BLUE].node[2].fresh_until_us = 3000;
    expect_nodes(&v, a_session_that_wrote(2000), SQL_READ, read_only(SIDE_BLUE, ROUTE_FOLLOW),
                 LEAD | OTHER);
    v.reads = READS_GREEN; /* none of which has it: the writer's side takes the read */
    expect_nodes(&v, a_session_that_wrote(2000), SQL_READ, read_only(SIDE_BLUE, ROUTE_OWN_WRITES),
                 LEAD | OTHER);
    v.side[SIDE_GREEN].node[1].fresh_until_us = 3000;
    expect_nodes(&v, a_session_that_wrote(2000), SQL_READ, read_only(SIDE_GREEN, ROUTE_READS),
                 REPLICA);
}

static void
the_nearest_to_serving_is_the_reason(void **state)
{
    (void)state;
    struct view v = an_estate();
    v.reads = READS_GREEN;
    v.side[SIDE_GREEN].node[0].up = false;
    v.side[SIDE_GREEN].node[1].lag_ok = false;
    expect(&v, a_session(), SQL_READ, read_only(SIDE_BLUE, ROUTE_LAG));
    v.side[SIDE_GREEN].node[1].up = false;
    expect(&v, a_session(), SQL_READ, read_only(SIDE_BLUE, ROUTE_DOWN));
}

static void
writes_wait_while_the_writer_is_lost(void **state)
{
    (void)state;
    struct view v = an_estate();
    v.side[SIDE_BLUE].node[0].up = false;
    expect(&v, a_session(), SQL_WRITE, lost(SIDE_BLUE));
    expect_nodes(&v, a_session(), SQL_READ, read_only(SIDE_BLUE, ROUTE_FOLLOW), REPLICA | OTHER);
    expect(&v, a_session_that_wrote(2000), SQL_READ, lost(SIDE_BLUE)); /* no replica has it */
    v.side[SIDE_BLUE].node[0].up = true;
    v.side[SIDE_BLUE].node[0].is_primary = false; /* it came back as a standby */
    expect(&v, a_session(), SQL_WRITE, lost(SIDE_BLUE));
    v.side[SIDE_BLUE].lead = 2;
    v.side[SIDE_BLUE].node[2].is_primary = true;
    expect_nodes(&v, a_session(), SQL_WRITE, to(SIDE_BLUE, ROUTE_WRITE), OTHER);
    v.writes_held = true;
    expect(&v, a_session(), SQL_WRITE, waiting(SIDE_BLUE));
}

static void
a_reader_waits_while_all_servers_are_lost(void **state)
{
    (void)state;
    struct view v = an_estate();
    for (int i = 0; i < 3; i++) {
        v.side[SIDE_BLUE].node[i].up = false;
    }
    struct route_decision want = lost(SIDE_BLUE);
    want.read_only = true;
    expect(&v, a_reader(), SQL_READ, want);
    v.side[SIDE_BLUE].node[2].up = true;
    expect_nodes(&v, a_reader(), SQL_READ, read_only(SIDE_BLUE, ROUTE_FOLLOW), OTHER);
}

/* ---- what a view says of a database ---- */

static void
a_stream_of_its_own_tells_how_far_a_database_is(void **state)
{
    (void)state;
    char names[3][8] = {"late", "new", "other"};
    struct view_database databases[] = {
        {.name = names[0], .has_stream = true, .fresh_until_us = 5000},
        {.name = names[1], .has_stream = true, .lag_ok = true, .fresh_until_us = 500},
        {.name = names[2]},
    };
    struct view v = an_estate();
    v.reads = READS_GREEN;
    v.databases = databases;
    v.databases_count = 3;
    const struct route_database late = route_database(&v, "x", "late");
    const struct route_database fresh = route_database(&v, "x", "new");
    const struct route_database other = route_database(&v, "x", "other");
    struct route_session s = a_session();
    s.facts = &late;
    expect(&v, s, SQL_READ, read_only(SIDE_BLUE, ROUTE_LAG));
    s.facts = &fresh;
    expect_nodes(&v, s, SQL_READ, read_only(SIDE_GREEN, ROUTE_READS), LEAD | REPLICA);
    s.last_write_us = 400; /* the lead has it; how far its replica is with the stream, who knows */
    expect_nodes(&v, s, SQL_READ, read_only(SIDE_GREEN, ROUTE_READS), LEAD);
    s.last_write_us = 600;
    expect(&v, s, SQL_READ, read_only(SIDE_BLUE, ROUTE_OWN_WRITES));
    s.facts = &other;
    expect_nodes(&v, s, SQL_READ, read_only(SIDE_GREEN, ROUTE_READS), LEAD | REPLICA);
    assert_null(view_database(&v, "lat"));
    assert_null(view_database(&v, "zz"));
}

static void
a_database_is_paused_and_disabled_by_the_name_of_clients(void **state)
{
    (void)state;
    char shop[] = "shop";
    struct view_stop stop = {.alias = shop, .paused = true};
    struct view v = a_view();
    v.stops = &stop;
    v.stops_count = 1;
    const struct route_database paused = route_database(&v, "shop", "app");
    assert_true(paused.paused && !paused.disabled);
    assert_false(route_database(&v, "app", "shop").paused);
    struct route_session s = a_session();
    s.facts = &paused;
    expect(&v, s, SQL_READ,
           (struct route_decision){.side = SIDE_BLUE, .reason = ROUTE_PAUSED, .wait = true});
    stop = (struct view_stop){.alias = shop, .disabled = true};
    assert_true(route_database(&v, "shop", "app").disabled);
    assert_false(route_database(&v, "app", "shop").disabled);
}

/* All combinations of what a decision looks at: what must hold always does, and every reason comes
 * up. */
static void
the_promises_hold_for_every_view(void **state)
{
    (void)state;
    unsigned seen[ROUTE_REASONS_COUNT] = {0};
    char user[] = "u";
    struct view_rule rule = {.user = user, .side = SIDE_GREEN};
    for (unsigned bits = 0; bits < 1U << 18; bits++) {
        struct view v = a_view();
        v.writer = (bits & 1) != 0 ? SIDE_GREEN : SIDE_BLUE;
        v.writes_held = (bits & 2) != 0;
        v.writes_known = !v.writes_held || (bits & 4) == 0;
        v.reads = (enum reads)((bits >> 3 & 3) % 3);
        v.reads_percent = (bits & 32) != 0 ? PERCENT_ALL : (bits & 64) != 0 ? 6000 : 4000;
        v.side[SIDE_GREEN].node[0].up = (bits & 128) != 0;
        v.side[SIDE_BLUE].node[0].lag_ok = (bits & 256) != 0;
        v.rules = &rule;
        v.rules_count = (bits & 512) != 0 ? 1 : 0;
        v.paused = (bits >> 14 & 1) != 0;
        if (bits >> 15 != 0) {
            add_replica(&v, bits >> 15);
        }
        struct route_session s = a_session();
        s.last_write_us = (bits & 1024) != 0 ? 2000 : 0;
        s.reader = (bits & 2048) != 0;
        const enum sql_class class = (enum sql_class)((bits >> 12 & 3) + 1);
        const struct route_decision d = route_decide(&v, &s, class);
        seen[d.reason]++;
        assert_true(d.read_only || d.side == v.writer);
        assert_true(d.wait || d.read_only || !v.writes_held);
        assert_true(!s.reader || d.read_only);
        assert_true(!d.read_only || s.reader || class == SQL_READ || class == SQL_BEGIN_READ);
        assert_int_equal(d.wait, d.reason == ROUTE_HELD || d.reason == ROUTE_PAUSED ||
                                     d.reason == ROUTE_FAILOVER);
        assert_int_equal(v.paused, d.reason == ROUTE_PAUSED);
        assert_true(d.side == v.writer || is_served_by_all(&v, &d));
        assert_true(d.wait || v.side[d.side].nodes_count == 1 || is_served_by_all(&v, &d));
        assert_true(d.read_only || d.nodes == 1U << v.side[d.side].lead);
        assert_true(d.wait || d.read_only || !route_writer_is_lost(&v));
        assert_true(s.reader || !route_is_single(&v) || d.side == v.writer);
    }
    for (int i = 0; i < ROUTE_REASONS_COUNT; i++) {
        assert_true(seen[i] > 0);
    }
}

static void
a_view_is_single_when_nothing_can_read_elsewhere(void **state)
{
    (void)state;
    struct view v = a_view();
    assert_true(route_is_single(&v));
    v.reads = READS_BLUE;
    assert_true(route_is_single(&v));
    v.reads = READS_GREEN;
    assert_false(route_is_single(&v));
    v.reads_percent = 0;
    assert_true(route_is_single(&v));
    struct view_rule rule = {.side = SIDE_BLUE};
    v.rules = &rule;
    v.rules_count = 1;
    assert_true(route_is_single(&v));
    rule.side = SIDE_GREEN;
    assert_false(route_is_single(&v));
}

static void
every_reason_has_a_name_and_a_sentence(void **state)
{
    (void)state;
    for (int i = 0; i < ROUTE_REASONS_COUNT; i++) {
        assert_true(strlen(route_reason_name((enum route_reason)i)) > 0);
        assert_true(strlen(route_reason_sentence((enum route_reason)i)) > 10);
        for (int j = 0; j < i; j++) {
            assert_string_not_equal(route_reason_name((enum route_reason)i),
                                    route_reason_name((enum route_reason)j));
        }
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_go_to_the_writer),
        cmocka_unit_test(writes_wait_while_they_are_held),
        cmocka_unit_test(writes_wait_while_the_writer_is_unknown),
        cmocka_unit_test(reads_follow_the_writer),
        cmocka_unit_test(reads_go_where_they_are_sent),
        cmocka_unit_test(reads_go_on_during_a_hold),
        cmocka_unit_test(the_share_decides_by_the_bucket),
        cmocka_unit_test(raising_the_share_never_removes_a_session),
        cmocka_unit_test(buckets_are_spread_and_stable),
        cmocka_unit_test(the_first_rule_that_matches_decides),
        cmocka_unit_test(a_rule_of_a_database_matches_it_alone),
        cmocka_unit_test(a_follower_that_fails_a_guard_is_passed_over),
        cmocka_unit_test(the_guards_do_not_concern_the_writer),
        cmocka_unit_test(own_writes_are_read_from_the_writer_until_the_follower_has_them),
        cmocka_unit_test(a_reader_is_read_only_on_every_side_and_never_held),
        cmocka_unit_test(a_reader_waits_until_the_writer_is_known),
        cmocka_unit_test(writes_go_to_the_lead_and_reads_to_all),
        cmocka_unit_test(a_server_that_fails_a_guard_serves_no_read),
        cmocka_unit_test(the_nearest_to_serving_is_the_reason),
        cmocka_unit_test(writes_wait_while_the_writer_is_lost),
        cmocka_unit_test(a_reader_waits_while_all_servers_are_lost),
        cmocka_unit_test(a_stream_of_its_own_tells_how_far_a_database_is),
        cmocka_unit_test(a_database_is_paused_and_disabled_by_the_name_of_clients),
        cmocka_unit_test(the_promises_hold_for_every_view),
        cmocka_unit_test(a_view_is_single_when_nothing_can_read_elsewhere),
        cmocka_unit_test(every_reason_has_a_name_and_a_sentence),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
