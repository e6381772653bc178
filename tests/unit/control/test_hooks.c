/* test_hooks.c — hooks as they are run: what they are told, and one at a time. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/hooks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "conf/load.h"

enum { ANSWERS_MAX = 8, SECOND = 1000 * 1000 };

struct bench {
    struct loop *loop;
    struct hooks *hooks;
    size_t count;
    size_t stop_at;
    uint32_t lead[SIDES_COUNT];
    struct hook_answer answers[ANSWERS_MAX];
};

static void
on_answer(void *arg, const struct hook_answer *answer)
{
    struct bench *b = arg;
    assert_true(b->count < ANSWERS_MAX);
    b->answers[b->count++] = *answer;
    if (b->count == b->stop_at) {
        loop_stop(b->loop);
    }
}

/* hook_fence is the script, the others are /bin/true. */
static void
bench_init(struct bench *b, const char *fence, size_t stop_at)
{
    char text[1024];
    struct conf_mistakes mistakes = {0};
    (void)snprintf(
        text, sizeof(text),
        "[pair p1]\ndatabase = shop\nkind = external\nhook_lag = /bin/true\n"
        "hook_fence = /bin/sh -c '%s'\nhook_unfence = /bin/echo '{\"ok\": true}'\n"
        "hook_promote = /bin/true\n"
        "[blue p1]\nhosts = b.example:1111, b2.example:1112\nuser = ub\npassword = secret\n"
        "[green p1]\nhost = g.example\nport = 2222\nuser = ug\npassword = secret\n",
        fence);
    struct conf *conf = conf_load_string(text, "t.ini", &mistakes);
    assert_non_null(conf);
    *b = (struct bench){.loop = loop_new(), .stop_at = stop_at};
    b->hooks = hooks_new(b->loop, conf, 0);
    assert_int_equal(hooks_known(&conf->pairs[0]),
                     1u << HOOK_LAG | 1u << HOOK_FENCE | 1u << HOOK_UNFENCE | 1u << HOOK_PROMOTE);
    conf_unref(conf);
}

static void
bench_fini(struct bench *b)
{
    hooks_free(b->hooks);
    loop_free(b->loop);
}

static void
bench_run(struct bench *b, enum hook hook)
{
    const struct hook_about about = {.hook = hook,
                                     .from = SIDE_BLUE,
                                     .to = SIDE_GREEN,
                                     .epoch = 8,
                                     .flip_id = 99,
                                     .position = "0/3000060"};
    hooks_run(b->hooks, &about, b->lead, 10 * SECOND, on_answer, b);
}

static void
assert_told(const char *variable, const char *expected)
{
    struct bench b;
    char script[256];
    (void)snprintf(script, sizeof(script),
                   "printf \"{\\\"ok\\\": true, \\\"message\\\": \\\"$%s\\\"}\"", variable);
    bench_init(&b, script, 1);
    bench_run(&b, HOOK_FENCE);
    loop_run(b.loop);
    assert_true(b.answers[0].ok);
    assert_string_equal(b.answers[0].message, expected);
    bench_fini(&b);
}

static void
a_hook_is_told_what_it_is_about(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        const char *value;
    } variables[] = {
        {"TEAL_HOOK", "fence"},
        {"TEAL_PAIR", "p1"},
        {"TEAL_DATABASE", "shop"},
        {"TEAL_FROM", "blue"},
        {"TEAL_TO", "green"},
        {"TEAL_EPOCH", "8"},
        {"TEAL_FLIP_ID", "99"},
        {"TEAL_LSN", "0/3000060"},
        {"TEAL_TIMEOUT_MS", "10000"},
        {"TEAL_BLUE_HOST", "b.example"},
        {"TEAL_BLUE_PORT", "1111"},
        {"TEAL_BLUE_USER", "ub"},
        {"TEAL_BLUE_HOSTS", "b.example:1111,b2.example:1112"},
        {"TEAL_GREEN_HOSTS", "g.example:2222"},
        {"TEAL_GREEN_HOST", "g.example"},
        {"TEAL_GREEN_PORT", "2222"},
        {"TEAL_GREEN_USER", "ug"},
        {"TEAL_FROM_PORT", "1111"},
        {"TEAL_TO_PORT", "2222"},
        {"TEAL_TO_USER", "ug"},
        {"PGPASSFILE", "/of/the/operator"},
        {"TEAL_CRASH_AT", ""},
    };
    (void)setenv("PGPASSFILE", "/of/the/operator", 1);
    (void)setenv("TEAL_CRASH_AT", "nowhere", 1);
    for (size_t i = 0; i < COUNT_OF(variables); i++) {
        assert_told(variables[i].name, variables[i].value);
    }
}

/* The server that takes the writes, where a side has several. */
static void
a_hook_is_told_of_the_lead(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b,
               "printf \"{\\\"ok\\\": true, \\\"message\\\": "
               "\\\"$TEAL_FROM_HOST:$TEAL_BLUE_PORT\\\"}\"",
               1);
    b.lead[SIDE_BLUE] = 1;
    bench_run(&b, HOOK_FENCE);
    loop_run(b.loop);
    assert_string_equal(b.answers[0].message, "b2.example:1112");
    bench_fini(&b);
}

static void
no_hook_is_told_a_password(void **state)
{
    (void)state;
    struct bench b;
    bench_init(
        &b, "if env | grep -q secret; then echo \"{}\"; else printf \"{\\\"ok\\\": true}\"; fi", 1);
    bench_run(&b, HOOK_FENCE);
    loop_run(b.loop);
    assert_true(b.answers[0].ok);
    bench_fini(&b);
}

/* The next hook ends the one before, and waits until it is gone. */
static void
hooks_run_one_at_a_time(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, "sleep 30", 2);
    bench_run(&b, HOOK_FENCE);
    bench_run(&b, HOOK_UNFENCE);
    loop_run(b.loop);
    assert_false(b.answers[0].ok);
    assert_true(b.answers[1].ok);
    bench_fini(&b);
}

static void
later(void *arg)
{
    bench_run(arg, HOOK_UNFENCE);
}

static void
a_hook_that_is_left_is_ended_for_the_next(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, "sleep 30", 2);
    bench_run(&b, HOOK_FENCE);
    struct timer *timer = timer_new(b.loop, later, &b);
    timer_start(timer, 50 * 1000);
    loop_run(b.loop);
    timer_free(timer);
    assert_true(b.answers[0].unknown);
    assert_string_equal(b.answers[0].err.text, "hook_fence was given up");
    assert_true(b.answers[1].ok);
    bench_fini(&b);
}

static void
a_hook_that_cannot_run_is_told_and_known_to_have_done_nothing(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, "exit 0", 1);
    bench_run(&b, HOOK_PAUSE_HA);
    loop_run(b.loop);
    assert_false(b.answers[0].ok);
    assert_false(b.answers[0].unknown);
    assert_string_equal(b.answers[0].err.text, "hook_pause_ha is not configured");
    bench_fini(&b);
}

static void
what_runs_is_killed_with_its_owner(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, "sleep 30", 1);
    bench_run(&b, HOOK_FENCE);
    bench_run(&b, HOOK_UNFENCE);
    bench_fini(&b);
    assert_int_equal(b.count, 0);
}

int
main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_hook_is_told_what_it_is_about),
        cmocka_unit_test(a_hook_is_told_of_the_lead),
        cmocka_unit_test(no_hook_is_told_a_password),
        cmocka_unit_test(hooks_run_one_at_a_time),
        cmocka_unit_test(a_hook_that_is_left_is_ended_for_the_next),
        cmocka_unit_test(a_hook_that_cannot_run_is_told_and_known_to_have_done_nothing),
        cmocka_unit_test(what_runs_is_killed_with_its_owner),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
