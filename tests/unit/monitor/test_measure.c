/* test_measure.c — from answers of two servers to the follower's lag. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/measure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those before it */
#include <cmocka.h>

static const struct measure_terms terms = {
    .news_age_max_us = 1000, .backlog_known = true, .backlog = 77};

struct fixture {
    struct measure measure;
    enum stream_kind stream; /* now */
    uint64_t generation;     /* the newest */
    struct measure_verdict verdict;
};

static int
setup(void **state)
{
    static struct fixture f;
    measure_fini(&f.measure);
    f = (struct fixture){.stream = STREAM_PHYSICAL, .generation = 1};
    assert_true(measure_see_stream(&f.measure, STREAM_PHYSICAL, 1));
    *state = &f;
    return 0;
}

static void
follow_logically(struct fixture *f)
{
    f->stream = STREAM_LOGICAL;
    assert_true(measure_see_stream(&f->measure, STREAM_LOGICAL, ++f->generation));
}

static struct measure_answer
at(const struct fixture *f, const struct answer *answer, uint64_t asked_us)
{
    return (struct measure_answer){answer, asked_us, asked_us + 1, f->generation};
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
    measure_judge(&f->measure, f->stream, &a, &terms, &f->verdict);
}

static void
a_standby_is_behind_by_bytes_and_time(void **state)
{
    struct fixture *f = *state;
    writer_says(f, 100, 1000);
    follower_says(f, 200, 1000);
    assert_true(f->verdict.known);
    assert_int_equal(f->verdict.bytes, 0);
    assert_int_equal(f->verdict.fresh_until_us, 100);
    writer_says(f, 300, 1500);
    follower_says(f, 400, 1200);
    assert_int_equal(f->verdict.bytes, 300);
    assert_int_equal(f->verdict.us, 101);
}

static void
a_logical_follower_is_behind_by_what_its_slot_has_not_confirmed(void **state)
{
    struct fixture *f = *state;
    follow_logically(f);
    writer_says(f, 100, 5);
    writer_says(f, 200, 6);
    follower_says(f, 300, 5);
    assert_int_equal(f->verdict.bytes, terms.backlog);
    follower_says(f, 400, 6);
    assert_int_equal(f->verdict.bytes, 0);
    follower_says(f, 500, 7); /* which the writer has not sent */
    assert_false(f->verdict.known);
    assert_int_equal(f->verdict.fresh_until_us, 200);
}

static void
an_answer_of_an_earlier_generation_does_not_count(void **state)
{
    struct fixture *f = *state;
    const struct answer answer = {.lsn = 1000, .flushed = 1000};
    const struct measure_answer before = at(f, &answer, 100);
    measure_forget(&f->measure, ++f->generation);
    measure_sample(&f->measure, &before);
    follower_says(f, 200, 1000);
    assert_false(f->verdict.known);
    writer_says(f, 300, 1000);
    measure_judge(&f->measure, f->stream, &before, &terms, &f->verdict);
    assert_false(f->verdict.known);
    follower_says(f, 400, 1000);
    assert_true(f->verdict.known);
}

/* Generations are common to all measures: that of another one may have grown. */
static void
an_answer_of_a_later_generation_counts(void **state)
{
    struct fixture *f = *state;
    f->generation++;
    writer_says(f, 100, 1000);
    follower_says(f, 200, 1000);
    assert_true(f->verdict.known);
}

static void
old_news_proves_nothing(void **state)
{
    struct fixture *f = *state;
    writer_says(f, 100, 1000);
    follower_says(f, 100 + terms.news_age_max_us + 1, 1000);
    assert_false(f->verdict.known);
    assert_int_equal(f->verdict.fresh_until_us, 100);
}

static void
another_kind_of_stream_begins_anew_and_an_absence_does_not(void **state)
{
    struct fixture *f = *state;
    writer_says(f, 100, 1000);
    assert_false(measure_see_stream(&f->measure, STREAM_NONE, f->generation + 1));
    assert_int_equal(lag_newest_us(&f->measure.lag), 100);
    follow_logically(f);
    assert_int_equal(f->measure.generation, f->generation);
    assert_int_equal(lag_newest_us(&f->measure.lag), 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(a_standby_is_behind_by_bytes_and_time, setup),
        cmocka_unit_test_setup(a_logical_follower_is_behind_by_what_its_slot_has_not_confirmed,
                               setup),
        cmocka_unit_test_setup(an_answer_of_an_earlier_generation_does_not_count, setup),
        cmocka_unit_test_setup(an_answer_of_a_later_generation_counts, setup),
        cmocka_unit_test_setup(old_news_proves_nothing, setup),
        cmocka_unit_test_setup(another_kind_of_stream_begins_anew_and_an_absence_does_not, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
