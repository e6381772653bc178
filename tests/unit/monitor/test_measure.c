/* test_measure.c — from answers of both sides to the follower's lag. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/measure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those before it */
#include <cmocka.h>

static const struct measure_terms terms = {
    .limits = {1000000, 1000000}, .news_age_max_us = 1000, .backlog_known = true, .backlog = 77};

/* Blue is the writer, green follows it in one of the two ways. */
struct fixture {
    struct measure measure;
    struct monitor_facts facts;
};

static int
setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.facts = {.writer_known = true, .writer = SIDE_BLUE}};
    f.facts.side[SIDE_BLUE].node[0] = (struct node_facts){
        .up = true, .role = NODE_PRIMARY, .system_identifier = 7, .timeline = 1};
    f.facts.side[SIDE_GREEN].node[0] = f.facts.side[SIDE_BLUE].node[0];
    f.facts.side[SIDE_GREEN].node[0].role = NODE_STANDBY;
    f.facts.side[SIDE_GREEN].node[0].in_recovery = true;
    measure_see_stream(&f.measure, &f.facts);
    *state = &f;
    return 0;
}

static void
follow_logically(struct fixture *f)
{
    struct node_facts *green = &f->facts.side[SIDE_GREEN].node[0];
    green->role = NODE_LOGICAL_FOLLOWER;
    green->in_recovery = false;
    green->subscription_ready = true;
    measure_see_stream(&f->measure, &f->facts);
}

static struct measure_answer
at(const struct fixture *f, const struct answer *answer, uint64_t asked_us)
{
    return (struct measure_answer){answer, asked_us, asked_us + 1, f->measure.generation};
}

static void
writer_says(struct fixture *f, uint64_t us, uint64_t position)
{
    const struct answer answer = {
        .lsn = position, .flushed = position, .beat_known = true, .beat = position};
    const struct measure_answer a = at(f, &answer, us);
    measure_sample(&f->measure, &a);
}

static void
follower_says(struct fixture *f, uint64_t us, uint64_t reached)
{
    const struct answer answer = {.lsn = reached, .heard_known = true, .heard = reached};
    const struct measure_answer a = at(f, &answer, us);
    measure_judge(&f->measure, &f->facts, &a, &terms);
}

static const struct node_facts *
green(const struct fixture *f)
{
    return &f->facts.side[SIDE_GREEN].node[0];
}

static void
a_standby_is_behind_by_bytes_and_time(void **state)
{
    struct fixture *f = *state;
    writer_says(f, 100, 1000);
    follower_says(f, 200, 1000);
    assert_true(green(f)->lag_known && green(f)->lag_ok);
    assert_int_equal(green(f)->lag_bytes, 0);
    assert_int_equal(green(f)->fresh_until_us, 100);
    writer_says(f, 300, 1500);
    follower_says(f, 400, 1200);
    assert_int_equal(green(f)->lag_bytes, 300);
    assert_int_equal(green(f)->lag_us, 101);
}

static void
a_logical_follower_is_behind_by_what_its_slot_has_not_confirmed(void **state)
{
    struct fixture *f = *state;
    follow_logically(f);
    writer_says(f, 100, 5);
    writer_says(f, 200, 6);
    follower_says(f, 300, 5);
    assert_int_equal(green(f)->lag_bytes, terms.backlog);
    follower_says(f, 400, 6);
    assert_int_equal(green(f)->lag_bytes, 0);
    follower_says(f, 500, 7); /* which the writer has not sent */
    assert_false(green(f)->lag_known);
}

static void
an_answer_of_an_earlier_generation_does_not_count(void **state)
{
    struct fixture *f = *state;
    const struct answer answer = {.lsn = 1000, .flushed = 1000};
    const struct measure_answer before = at(f, &answer, 100);
    measure_forget(&f->measure, &f->facts);
    measure_sample(&f->measure, &before);
    follower_says(f, 200, 1000);
    assert_false(green(f)->lag_known);
    writer_says(f, 300, 1000);
    measure_judge(&f->measure, &f->facts, &before, &terms);
    assert_false(green(f)->lag_known);
    follower_says(f, 400, 1000);
    assert_true(green(f)->lag_known);
}

static void
old_news_proves_nothing(void **state)
{
    struct fixture *f = *state;
    writer_says(f, 100, 1000);
    follower_says(f, 100 + terms.news_age_max_us + 1, 1000);
    assert_false(green(f)->lag_known);
    assert_int_equal(green(f)->fresh_until_us, 100);
}

static void
another_kind_of_stream_begins_anew_and_an_absence_does_not(void **state)
{
    struct fixture *f = *state;
    writer_says(f, 100, 1000);
    const uint64_t generation = f->measure.generation;
    f->facts.side[SIDE_GREEN].node[0].up = false;
    measure_see_stream(&f->measure, &f->facts);
    assert_int_equal(f->measure.generation, generation);
    f->facts.side[SIDE_GREEN].node[0].up = true;
    follow_logically(f);
    assert_int_equal(f->measure.generation, generation + 1);
    assert_int_equal(lag_newest_us(&f->measure.lag), 0);
    assert_true(f->facts.side[SIDE_BLUE].node[0].lag_known);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_standby_is_behind_by_bytes_and_time, setup),
        cmocka_unit_test_setup(a_logical_follower_is_behind_by_what_its_slot_has_not_confirmed,
                               setup),
        cmocka_unit_test_setup(an_answer_of_an_earlier_generation_does_not_count, setup),
        cmocka_unit_test_setup(old_news_proves_nothing, setup),
        cmocka_unit_test_setup(another_kind_of_stream_begins_anew_and_an_absence_does_not, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
