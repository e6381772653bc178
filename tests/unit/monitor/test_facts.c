/* test_facts.c — who follows whom, and how. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/facts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those before it */
#include <cmocka.h>

static struct node_facts
a_primary(void)
{
    return (struct node_facts){.up = true,
                               .role = NODE_PRIMARY,
                               .system_identifier = 7,
                               .timeline = 1,
                               .schema_exists = true};
}

static struct node_facts
a_standby(void)
{
    struct node_facts f = a_primary();
    f.role = NODE_STANDBY;
    f.in_recovery = true;
    return f;
}

static struct node_facts
a_logical_follower(void)
{
    struct node_facts f = a_primary();
    f.role = NODE_LOGICAL_FOLLOWER;
    f.system_identifier = 8;
    f.subscription_ready = true;
    return f;
}

static void
a_standby_of_the_same_history_is_physical(void **state)
{
    (void)state;
    const struct node_facts writer = a_primary();
    struct node_facts follower = a_standby();
    assert_int_equal(facts_stream(&writer, &follower, &follower), STREAM_PHYSICAL);
    follower.timeline = 2;
    assert_int_equal(facts_stream(&writer, &follower, &follower), STREAM_NONE);
    follower.timeline = 1;
    follower.system_identifier = 9;
    assert_int_equal(facts_stream(&writer, &follower, &follower), STREAM_NONE);
}

static void
an_unknown_timeline_proves_nothing(void **state)
{
    (void)state;
    struct node_facts writer = a_primary();
    struct node_facts follower = a_standby();
    writer.timeline = follower.timeline = 0;
    assert_int_equal(facts_stream(&writer, &follower, &follower), STREAM_NONE);
}

static void
a_subscription_in_its_copy_is_no_stream_yet(void **state)
{
    (void)state;
    const struct node_facts writer = a_primary();
    struct node_facts follower = a_logical_follower();
    assert_int_equal(facts_stream(&writer, &follower, &follower), STREAM_LOGICAL);
    follower.subscription_ready = false;
    assert_int_equal(facts_stream(&writer, &follower, &follower), STREAM_NONE);
}

/* It has another history than the writer, and the heartbeat as its primary has applied it. */
static void
a_standby_of_a_logical_follower_follows_logically(void **state)
{
    (void)state;
    const struct node_facts writer = a_primary();
    struct node_facts lead = a_logical_follower();
    struct node_facts standby = lead;
    standby.role = NODE_STANDBY;
    standby.in_recovery = true;
    assert_int_equal(facts_stream(&writer, &standby, &lead), STREAM_LOGICAL);
    standby.subscription_ready = false;
    assert_int_equal(facts_stream(&writer, &standby, &lead), STREAM_NONE);
    standby.subscription_ready = true;
    standby.timeline = 2;
    assert_int_equal(facts_stream(&writer, &standby, &lead), STREAM_NONE);
    standby.timeline = lead.timeline;
    lead.up = false;
    assert_int_equal(facts_stream(&writer, &standby, &lead), STREAM_NONE);
}

static void
a_follower_that_was_within_the_guard_stays_so_while_nothing_is_written(void **state)
{
    (void)state;
    struct node_facts facts = a_standby();
    facts_set_lag(&facts, 1, 1, (struct lag_limits){.us = 50, .bytes = 100});
    facts_keep_lag_ok(&facts);
    assert_true(facts.lag_ok);
    assert_false(facts.lag_known);
    facts_set_lag(&facts, 200, 1, (struct lag_limits){.us = 50, .bytes = 100});
    facts_keep_lag_ok(&facts);
    assert_false(facts.lag_ok);
}

static void
a_side_that_is_down_has_no_stream(void **state)
{
    (void)state;
    struct node_facts writer = a_primary();
    struct node_facts follower = a_standby();
    follower.up = false;
    assert_int_equal(facts_stream(&writer, &follower, &follower), STREAM_NONE);
    follower.up = true;
    writer.up = false;
    assert_int_equal(facts_stream(&writer, &follower, &follower), STREAM_NONE);
}

static void
two_primaries_do_not_follow_each_other(void **state)
{
    (void)state;
    const struct node_facts writer = a_primary();
    const struct node_facts other = a_primary();
    assert_int_equal(facts_stream(&writer, &other, &other), STREAM_NONE);
}

static void
the_heart_beats_only_on_an_open_writer_with_a_logical_follower(void **state)
{
    (void)state;
    struct node_facts writer = a_primary();
    const struct node_facts logical = a_logical_follower();
    const struct node_facts standby = a_standby();
    assert_true(facts_wants_beat(&writer, &logical));
    assert_false(facts_wants_beat(&writer, &standby));
    writer.read_only = true;
    assert_false(facts_wants_beat(&writer, &logical));
    writer = a_primary();
    writer.schema_exists = false;
    assert_false(facts_wants_beat(&writer, &logical));
    writer = a_primary();
    writer.in_recovery = true;
    assert_false(facts_wants_beat(&writer, &logical));
}

static void
an_open_writer_with_a_standby_may_be_nudged(void **state)
{
    (void)state;
    struct node_facts writer = a_primary();
    struct node_facts standby = a_standby();
    const struct node_facts logical = a_logical_follower();
    assert_true(facts_allow_nudge(&writer, &standby));
    assert_false(facts_allow_nudge(&writer, &logical));
    writer.read_only = true;
    assert_false(facts_allow_nudge(&writer, &standby));
    writer.read_only = false;
    standby.up = false;
    assert_false(facts_allow_nudge(&writer, &standby));
}

static void
with_subscriptions_both_ways_the_writer_is_a_primary(void **state)
{
    (void)state;
    struct node_facts facts = {0};
    const struct answer answer = {.subscription_enabled = true, .subscription_ready = true};
    facts_apply(&facts, &answer, true);
    assert_int_equal(facts.role, NODE_PRIMARY);
    facts_apply(&facts, &answer, false);
    assert_int_equal(facts.role, NODE_LOGICAL_FOLLOWER);
    assert_true(facts.subscription_ready);
}

static void
an_answer_that_was_not_asked_for_the_local_state_leaves_it(void **state)
{
    (void)state;
    struct node_facts facts = {0};
    const struct answer full = {.schema_exists = true,
                                .local_state_known = true,
                                .local_state = {.present = true, .epoch = 3}};
    const struct answer plain = {.schema_exists = true};
    const struct answer gone = {.schema_exists = false};
    facts_apply(&facts, &full, true);
    facts_apply(&facts, &plain, true);
    assert_true(facts.local_state.present);
    assert_int_equal(facts.local_state.epoch, 3);
    facts_apply(&facts, &gone, true);
    assert_false(facts.local_state.present);
}

static void
the_guard_needs_both_bytes_and_seconds(void **state)
{
    (void)state;
    static const struct {
        uint64_t bytes;
        uint64_t us;
        bool ok;
    } rows[] = {{0, 0, true}, {100, 50, true}, {101, 50, false}, {100, 51, false}};
    const struct lag_limits limits = {.us = 50, .bytes = 100};
    struct node_facts facts = a_standby();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        facts_set_lag(&facts, rows[i].bytes, rows[i].us, limits);
        assert_true(facts.lag_known);
        assert_int_equal(facts.lag_ok, rows[i].ok);
    }
    facts_forget_lag(&facts);
    assert_false(facts.lag_known || facts.lag_ok);
}

static void
positions_alone_are_no_change(void **state)
{
    (void)state;
    const struct node_facts before = a_standby();
    struct node_facts after = before;
    after.lsn = 99;
    after.lag_bytes = 5;
    after.asked_us = 77;
    assert_false(facts_differ(&before, &after));
    after.fresh_until_us = 1;
    assert_true(facts_differ(&before, &after));
    after = before;
    after.read_only = true;
    assert_true(facts_differ(&before, &after));
    after = before;
    after.local_state.epoch = 2;
    assert_true(facts_differ(&before, &after));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_standby_of_the_same_history_is_physical),
        cmocka_unit_test(an_unknown_timeline_proves_nothing),
        cmocka_unit_test(a_subscription_in_its_copy_is_no_stream_yet),
        cmocka_unit_test(a_standby_of_a_logical_follower_follows_logically),
        cmocka_unit_test(a_follower_that_was_within_the_guard_stays_so_while_nothing_is_written),
        cmocka_unit_test(a_side_that_is_down_has_no_stream),
        cmocka_unit_test(two_primaries_do_not_follow_each_other),
        cmocka_unit_test(the_heart_beats_only_on_an_open_writer_with_a_logical_follower),
        cmocka_unit_test(an_open_writer_with_a_standby_may_be_nudged),
        cmocka_unit_test(with_subscriptions_both_ways_the_writer_is_a_primary),
        cmocka_unit_test(an_answer_that_was_not_asked_for_the_local_state_leaves_it),
        cmocka_unit_test(the_guard_needs_both_bytes_and_seconds),
        cmocka_unit_test(positions_alone_are_no_change),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
