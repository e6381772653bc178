/* test_read_policy.c — READS changes all or nothing, and says what came of it. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/read_policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Blue writes, green is a standby whose lag is known. */
struct pair {
    struct view view;
    struct monitor_facts facts;
    struct read_policy reads;
    struct buf detail;
    struct err err;
    bool ok;
};

static void
set_up(struct pair *p)
{
    memset(p, 0, sizeof(*p));
    p->view = (struct view){.writer = SIDE_BLUE, .writes_known = true};
    p->facts.side[SIDE_BLUE].node[0] = (struct node_facts){.up = true, .role = NODE_PRIMARY};
    p->facts.side[SIDE_GREEN].node[0] =
        (struct node_facts){.up = true, .role = NODE_STANDBY, .lag_known = true, .lag_ok = true};
    p->reads.percent = PERCENT_ALL;
    buf_init(&p->detail);
}

static void
tear_down(struct pair *p)
{
    read_policy_fini(&p->reads);
    buf_fini(&p->detail);
}

static void
say(struct pair *p, const char *text)
{
    struct command c;
    assert_true(command_parse(slice_of_str(text), &c, &p->err));
    buf_clear(&p->detail);
    p->ok = read_policy_apply(&p->reads, &c, &p->view, &p->facts, &p->detail, &p->err);
    assert_true(p->ok || err_is_set(&p->err));
}

static void
each_command_says_what_came_of_it(void **state)
{
    (void)state;
    static const struct {
        const char *text, *detail;
        enum reads to;
        uint32_t percent, rules;
    } cases[] = {
        {"READS green 5%", "reads -> green, 5 % of the sessions", READS_GREEN, 500, 0},
        {"READS green USER u", "sessions that match read from green, 1 rule", READS_GREEN, 500, 1},
        {"READS blue USER u", "sessions that match read from blue, 1 rule", READS_GREEN, 500, 1},
        {"READS green APPLICATION a", "sessions that match read from green, 2 rules", READS_GREEN,
         500, 2},
        {"READS follow USER u", "the rule is gone, 1 left", READS_GREEN, 500, 1},
        {"READS follow", "reads follow the writer, blue; 1 rule dropped", READS_FOLLOW, PERCENT_ALL,
         0},
    };
    struct pair p;
    set_up(&p);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        say(&p, cases[i].text);
        assert_true(p.ok);
        assert_true(slice_equal_str(buf_slice(&p.detail), cases[i].detail));
        assert_int_equal(p.reads.to, cases[i].to);
        assert_int_equal(p.reads.percent, cases[i].percent);
        assert_int_equal(p.reads.rules_count, cases[i].rules);
    }
    tear_down(&p);
}

static void
a_side_that_cannot_serve_reads_is_refused(void **state)
{
    (void)state;
    static const struct {
        struct node_facts node;
        bool writer_unknown;
        const char *sqlstate;
    } cases[] = {
        {{.up = false}, false, SQLSTATE_OBJECT_NOT_IN_STATE},
        {{.up = true, .role = NODE_PRIMARY}, false, SQLSTATE_OBJECT_NOT_IN_STATE},
        {{.up = true, .role = NODE_LOGICAL_FOLLOWER}, false, SQLSTATE_OBJECT_NOT_IN_STATE},
        {{.up = true, .role = NODE_STANDBY}, false, SQLSTATE_OBJECT_NOT_IN_STATE},
        {{.up = true, .role = NODE_STANDBY, .lag_known = true}, true, SQLSTATE_CANNOT_CONNECT_NOW},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct pair p;
        set_up(&p);
        p.facts.side[SIDE_GREEN].node[0] = cases[i].node;
        p.view.writes_known = !cases[i].writer_unknown;
        say(&p, "READS green");
        assert_false(p.ok);
        assert_string_equal(p.err.sqlstate, cases[i].sqlstate);
        assert_false(p.reads.set);
        tear_down(&p);
    }
}

static void
rules_have_a_limit_and_a_missing_one_is_told(void **state)
{
    (void)state;
    struct pair p;
    char text[64];
    set_up(&p);
    for (int i = 0; i <= 256; i++) {
        (void)snprintf(text, sizeof(text), "READS green USER u%d", i);
        say(&p, text);
        assert_int_equal(p.ok, i < 256);
    }
    assert_string_equal(p.err.sqlstate, "54000");
    say(&p, "READS follow USER nobody");
    assert_string_equal(p.err.sqlstate, SQLSTATE_UNDEFINED_OBJECT);
    assert_int_equal(p.reads.rules_count, 256);
    tear_down(&p);
}

static void
what_the_operator_said_outlasts_the_configuration(void **state)
{
    (void)state;
    const struct conf_pair conf = {.reads = READS_GREEN, .reads_percent = 2000};
    struct pair p;
    set_up(&p);
    read_policy_from_conf(&p.reads, &conf);
    assert_true(p.reads.to == READS_GREEN && p.reads.percent == 2000);
    say(&p, "READS follow");
    read_policy_from_conf(&p.reads, &conf);
    assert_int_equal(p.reads.to, READS_FOLLOW);
    tear_down(&p);
}

static void
what_was_said_before_a_restart_is_said(void **state)
{
    (void)state;
    const struct conf_pair conf = {.reads = READS_FOLLOW, .reads_percent = PERCENT_ALL};
    struct pair before;
    struct pair after;
    set_up(&before);
    set_up(&after);
    say(&before, "READS green 5%");
    say(&before, "READS green USER u");
    const struct wish_reads said = read_policy_wish(&before.reads);
    read_policy_from_conf(&after.reads, &conf);
    read_policy_restore(&after.reads, &said);
    assert_true(after.reads.set && after.reads.to == READS_GREEN && after.reads.percent == 500);
    assert_int_equal(after.reads.rules_count, 1);
    assert_string_equal(after.reads.rules[0].user, "u");
    assert_ptr_not_equal(after.reads.rules, before.reads.rules);
    tear_down(&before);
    tear_down(&after);
}

static void
a_rule_alone_leaves_the_rest_to_the_configuration(void **state)
{
    (void)state;
    const struct conf_pair conf = {.reads = READS_BLUE, .reads_percent = 2000};
    struct pair before;
    struct pair after;
    set_up(&before);
    set_up(&after);
    say(&before, "READS green USER u");
    const struct wish_reads said = read_policy_wish(&before.reads);
    read_policy_from_conf(&after.reads, &conf);
    read_policy_restore(&after.reads, &said);
    assert_true(!after.reads.set && after.reads.to == READS_BLUE && after.reads.percent == 2000);
    assert_int_equal(after.reads.rules_count, 1);
    tear_down(&before);
    tear_down(&after);
}

static void
default_is_what_the_configuration_says(void **state)
{
    (void)state;
    const struct conf_pair conf = {.reads = READS_BLUE, .reads_percent = 2000};
    struct pair p;
    set_up(&p);
    say(&p, "READS green 5%");
    say(&p, "READS green USER u");
    buf_clear(&p.detail);
    read_policy_reset(&p.reads, &conf, &p.detail);
    assert_true(!p.reads.set && p.reads.to == READS_BLUE && p.reads.percent == 2000);
    assert_int_equal(p.reads.rules_count, 0);
    assert_true(
        slice_equal_str(buf_slice(&p.detail), "reads as configured: blue, 20 % of the sessions"));
    tear_down(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_command_says_what_came_of_it),
        cmocka_unit_test(a_side_that_cannot_serve_reads_is_refused),
        cmocka_unit_test(rules_have_a_limit_and_a_missing_one_is_told),
        cmocka_unit_test(what_the_operator_said_outlasts_the_configuration),
        cmocka_unit_test(what_was_said_before_a_restart_is_said),
        cmocka_unit_test(a_rule_alone_leaves_the_rest_to_the_configuration),
        cmocka_unit_test(default_is_what_the_configuration_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
