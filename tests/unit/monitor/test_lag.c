/* test_lag.c — samples in, verdict out. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/lag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "base/mem.h"

/* A sample taken at the moment, answered 1 ms later. */
static void
sample_unflushed(struct lag *lag, uint64_t taken_us, uint64_t position, uint64_t flushed)
{
    lag_add(lag, (struct lag_sample){taken_us, taken_us + 1000, position, flushed});
}

static void
sample(struct lag *lag, uint64_t taken_us, uint64_t position)
{
    sample_unflushed(lag, taken_us, position, position);
}

static struct lag_verdict
read_at(struct lag *lag, uint64_t now_us, uint64_t reached)
{
    const struct lag_reading reading = {.asked_us = now_us, .now_us = now_us, .reached = reached};
    struct lag_verdict verdict;
    lag_read(lag, &reading, &verdict);
    return verdict;
}

static int
setup(void **state)
{
    *state = xcalloc(1, sizeof(struct lag));
    return 0;
}

static int
teardown(void **state)
{
    lag_fini(*state);
    mem_free(*state);
    return 0;
}

/* One reading after the samples 100000/10, 200000/20, 300000/30, 300000+/30 of an idle end. */
struct row {
    uint64_t now_us;
    uint64_t reached;
    bool caught_up;
    uint64_t us;
    uint64_t distance;
    uint64_t fresh_until_us;
};

static void
a_reading_is_judged_by_the_first_sample_not_reached(void **state)
{
    struct lag *lag = *state;
    static const struct row rows[] = {
        {500000, 5, false, 400000, 25, 0},
        {500000, 9, false, 400000, 21, 0},
        {500000, 10, false, 300000, 20, 100000},
        {500000, 19, false, 300000, 11, 100000},
        {500000, 20, false, 200000, 10, 200000},
        {500000, 30, true, 0, 0, 300000},
        {500000, 99, true, 0, 0, 300000},
        {9900000, 30, true, 0, 0, 300000}, /* an idle writer does not grow old */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct row *r = &rows[i];
        lag_reset(lag);
        sample(lag, 100000, 10);
        sample(lag, 200000, 20);
        sample(lag, 300000, 30);
        const struct lag_verdict v = read_at(lag, r->now_us, r->reached);
        assert_true(v.known);
        assert_int_equal(v.caught_up, r->caught_up);
        assert_int_equal(v.us, r->us);
        assert_int_equal(v.distance, r->distance);
        assert_int_equal(lag->fresh_until_us, r->fresh_until_us);
    }
}

static void
without_a_sample_nothing_is_known(void **state)
{
    struct lag *lag = *state;
    const struct lag_verdict v = read_at(lag, 500000, 1000);
    assert_false(v.known);
    assert_false(v.caught_up);
    assert_int_equal(lag->fresh_until_us, 0);
    assert_int_equal(lag_newest_us(lag), 0);
    assert_int_equal(lag_newest_position(lag), 0);
}

static void
an_idle_writer_moves_freshness_on(void **state)
{
    struct lag *lag = *state;
    for (uint64_t t = 100000; t <= 1000000; t += 100000) {
        sample(lag, t, 10);
        const struct lag_verdict v = read_at(lag, t + 20000, 10);
        assert_true(v.caught_up);
        assert_int_equal(v.us, 0);
        assert_int_equal(lag->fresh_until_us, t);
    }
}

static void
freshness_never_decreases(void **state)
{
    struct lag *lag = *state;
    uint64_t before = 0;
    uint64_t reached = 0;
    for (uint64_t i = 1; i <= 3 * LAG_SAMPLES_MAX; i++) {
        sample_unflushed(lag, i * 1000, i * 7, i * 5);
        reached = i % 13 == 0 ? i * 3 : reached / 2; /* a follower that also answers nonsense */
        (void)read_at(lag, i * 1000 + 500, reached);
        assert_true(lag->fresh_until_us >= before);
        before = lag->fresh_until_us;
    }
    assert_true(before > 0);
}

static void
a_sample_answered_after_the_question_to_the_follower_is_not_missed(void **state)
{
    struct lag *lag = *state;
    sample(lag, 100000, 10);
    sample(lag, 200000, 20); /* answered at 201000 */
    const struct lag_reading early = {.asked_us = 200500, .now_us = 205000, .reached = 10};
    struct lag_verdict v;
    lag_read(lag, &early, &v);
    assert_true(v.caught_up);
    assert_int_equal(v.us, 0);
    assert_int_equal(v.distance, 10);
    const struct lag_reading later = {.asked_us = 201000, .now_us = 205000, .reached = 10};
    lag_read(lag, &later, &v);
    assert_false(v.caught_up);
    assert_int_equal(v.us, 5000);
}

static void
a_position_that_goes_back_begins_anew(void **state)
{
    struct lag *lag = *state;
    sample(lag, 100000, 1000);
    (void)read_at(lag, 110000, 1000);
    assert_int_equal(lag->fresh_until_us, 100000);
    sample(lag, 200000, 10);
    assert_int_equal(lag->fresh_until_us, 0);
    assert_int_equal(lag->count, 1);
    const struct lag_verdict v = read_at(lag, 300000, 9);
    assert_int_equal(v.us, 100000);
    assert_int_equal(v.distance, 1);
}

static void
a_long_backlog_keeps_the_age_of_its_oldest_sample(void **state)
{
    struct lag *lag = *state;
    const uint64_t samples = 100 * LAG_SAMPLES_MAX;
    for (uint64_t i = 1; i <= samples; i++) {
        sample(lag, i * 100000, i);
        assert_true(lag->count <= LAG_SAMPLES_MAX);
    }
    const uint64_t now_us = samples * 100000 + 50000;
    const struct lag_verdict v = read_at(lag, now_us, 0);
    assert_int_equal(v.us, now_us - 100000);
    assert_int_equal(v.distance, samples);
    /* Half-way: what is proven is at most what is true, and not absurdly less. */
    (void)read_at(lag, now_us, samples / 2);
    assert_true(lag->fresh_until_us <= samples / 2 * 100000);
    assert_true(lag->fresh_until_us > (samples / 2 - samples / 1024) * 100000);
    assert_true(read_at(lag, now_us, samples).caught_up);
    assert_int_equal(lag->fresh_until_us, samples * 100000);
}

/* The writer is asked at at_us, the follower 20 ms later; then this holds. */
struct step {
    uint64_t at_us;
    uint64_t position;
    uint64_t flushed;
    uint64_t reached;
    uint64_t us;
    uint64_t distance;
    uint64_t fresh_until_us;
    uint64_t unflushed_since_us;
};

static void
walk(struct lag *lag, const struct step *steps, size_t count)
{
    lag_reset(lag);
    for (size_t i = 0; i < count; i++) {
        const struct step *s = &steps[i];
        sample_unflushed(lag, s->at_us, s->position, s->flushed);
        const struct lag_verdict v = read_at(lag, s->at_us + 20000, s->reached);
        assert_int_equal(v.us, s->us);
        assert_int_equal(v.caught_up, s->us == 0);
        assert_int_equal(v.distance, s->distance);
        assert_int_equal(lag->fresh_until_us, s->fresh_until_us);
        assert_int_equal(lag_unflushed_since_us(lag), s->unflushed_since_us);
    }
}

static void
a_writer_idle_in_a_transaction_makes_no_lag(void **state)
{
    static const struct step steps[] = {
        {100000, 10, 10, 10, 0, 0, 100000, 0},
        {200000, 30, 10, 10, 0, 0, 100000, 200000}, /* it wrote, and waits */
        {300000, 30, 10, 10, 0, 0, 100000, 200000},
        {900000, 30, 10, 10, 0, 0, 100000, 200000}, /* freshness stands still... */
        {1000000, 35, 35, 35, 0, 0, 1000000, 0},    /* ...until the writer flushes */
        {1100000, 35, 35, 35, 0, 0, 1100000, 0},
    };
    walk(*state, steps, COUNT_OF(steps));
}

static void
a_record_flushed_by_half_is_lag_until_the_rest_is_flushed(void **state)
{
    static const struct step steps[] = {
        {100000, 8000, 8000, 8000, 0, 0, 100000, 0},
        {200000, 9000, 8192, 8000, 20000, 192, 100000, 200000},
        {300000, 9000, 8192, 8000, 120000, 192, 100000, 200000},
        {400000, 9100, 9100, 9100, 0, 0, 400000, 0},
    };
    walk(*state, steps, COUNT_OF(steps));
}

static void
an_asynchronous_commit_is_not_fresh_before_it_is_there(void **state)
{
    static const struct step steps[] = {
        {100000, 10, 10, 10, 0, 0, 100000, 0},
        {200000, 20, 10, 10, 0, 0, 100000, 200000},  /* acknowledged, not flushed */
        {300000, 30, 20, 20, 0, 0, 200000, 300000},  /* the first one is, a second is not */
        {400000, 40, 20, 20, 0, 0, 200000, 300000},  /* flushed says nothing of it */
        {900000, 40, 20, 20, 0, 0, 200000, 300000},  /* however long it takes */
        {1000000, 40, 40, 20, 20000, 20, 200000, 0}, /* on its way */
        {1100000, 50, 45, 30, 120000, 15, 300000, 1100000},
        {1200000, 50, 50, 50, 0, 0, 1200000, 0},
    };
    walk(*state, steps, COUNT_OF(steps));
}

static void
a_busy_writer_shows_the_age_of_what_is_unflushed_now(void **state)
{
    struct lag *lag = *state;
    for (uint64_t i = 1; i <= 100; i++) { /* always 15 behind with the flush, which is 1.5 rounds */
        sample_unflushed(lag, i * 100000, i * 10 + 15, i * 10);
        assert_true(lag_unflushed_since_us(lag) + 300000 > i * 100000);
    }
}

static void
a_flushed_position_that_goes_back_begins_anew(void **state)
{
    struct lag *lag = *state;
    sample_unflushed(lag, 100000, 1000, 900);
    (void)read_at(lag, 110000, 1000);
    sample_unflushed(lag, 200000, 1000, 800);
    assert_int_equal(lag->fresh_until_us, 0);
    assert_int_equal(lag->count, 1);
    assert_int_equal(lag_unflushed_since_us(lag), 200000);
    lag_reset(lag);
    assert_int_equal(lag_unflushed_since_us(lag), 0);
}

static void
samples_that_wait_for_a_flush_are_bounded(void **state)
{
    struct lag *lag = *state;
    sample(lag, 1000, 10);
    (void)read_at(lag, 1500, 10);
    for (uint64_t i = 2; i <= 10 * LAG_SAMPLES_MAX; i++) {
        sample_unflushed(lag, i * 1000, 20, 10);
        const struct lag_verdict v = read_at(lag, i * 1000 + 500, 10);
        assert_true(v.caught_up);
        assert_int_equal(lag->fresh_until_us, 1000);
        assert_true(lag->count <= LAG_SAMPLES_MAX);
    }
}

static void
a_lone_page_header_is_not_waited_for(void **state)
{
    (void)state;
    static const struct {
        uint64_t insert_lsn;
        uint64_t wal_end;
    } rows[] = {
        {0x3A002000, 0x3A002000}, {0x3A002018, 0x3A002000},
        {0x3A002028, 0x3A002000}, {0x3A000028, 0x3A000000},
        {0x3A002030, 0x3A002030}, {0x3A001F20, 0x3A001F20},
        {0x3A002020, 0x3A002020}, {24, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(lag_wal_end(rows[i].insert_lsn, 8192), rows[i].wal_end);
    }
    assert_int_equal(lag_wal_end(8192 + 24, 16384), 8192 + 24);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_reading_is_judged_by_the_first_sample_not_reached, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_a_sample_nothing_is_known, setup, teardown),
        cmocka_unit_test_setup_teardown(an_idle_writer_moves_freshness_on, setup, teardown),
        cmocka_unit_test_setup_teardown(freshness_never_decreases, setup, teardown),
        cmocka_unit_test_setup_teardown(
            a_sample_answered_after_the_question_to_the_follower_is_not_missed, setup, teardown),
        cmocka_unit_test_setup_teardown(a_position_that_goes_back_begins_anew, setup, teardown),
        cmocka_unit_test_setup_teardown(a_long_backlog_keeps_the_age_of_its_oldest_sample, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_writer_idle_in_a_transaction_makes_no_lag, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_record_flushed_by_half_is_lag_until_the_rest_is_flushed,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(an_asynchronous_commit_is_not_fresh_before_it_is_there,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_busy_writer_shows_the_age_of_what_is_unflushed_now, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_flushed_position_that_goes_back_begins_anew, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(samples_that_wait_for_a_flush_are_bounded, setup, teardown),
        cmocka_unit_test(a_lone_page_header_is_not_waited_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
