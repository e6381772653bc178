/* test_process.c — programs that behave, and programs that do not. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/process.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "base/clock.h"
#include "base/log.h"

enum { OUT_SIZE = 256, SECOND = 1000 * 1000 };

/* One run. */
struct run {
    struct loop *loop;
    uint32_t done_calls;
    enum process_end end;
    int status;
    char out[OUT_SIZE];
    size_t out_len;
    char last_words[OUT_SIZE];
};

static void
on_done(void *arg, const struct process_result *result)
{
    struct run *r = arg;
    r->done_calls++;
    r->end = result->end;
    r->status = result->status;
    r->out_len = result->out.len;
    (void)snprintf(r->out, sizeof(r->out), "%.*s", (int)result->out.len,
                   result->out.len > 0 ? (const char *)result->out.p : "");
    (void)snprintf(r->last_words, sizeof(r->last_words), "%s", result->last_words);
    loop_stop(r->loop);
}

static void
run_with(struct run *r, const char *const *argv, const char *const *env, uint64_t timeout_us)
{
    const struct process_spec spec = {
        .name = "test", .argv = argv, .env = env, .timeout_us = timeout_us};
    struct err err;
    err_clear(&err);
    *r = (struct run){.loop = loop_new()};
    const struct process *p = process_start(r->loop, &spec, on_done, r, &err);
    assert_non_null(p);
    loop_run(r->loop);
    loop_free(r->loop);
    assert_int_equal(r->done_calls, 1);
}

static struct run
run_script(const char *script, uint64_t timeout_us)
{
    const char *const argv[] = {"/bin/sh", "-c", script, NULL};
    const char *const env[] = {"PATH=/usr/bin:/bin", "WORD=of mouth", NULL};
    struct run r;
    run_with(&r, argv, env, timeout_us);
    return r;
}

static void
it_hears_what_a_program_says_and_how_it_ends(void **state)
{
    (void)state;
    struct run r = run_script("echo answer; echo \"$WORD\"; exit 7", 10 * SECOND);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_int_equal(r.status, 7);
    assert_string_equal(r.out, "answer\nof mouth\n");
    assert_string_equal(r.last_words, "");
}

static void
a_program_that_says_nothing_has_said_nothing(void **state)
{
    (void)state;
    struct run r = run_script("exit 0", 10 * SECOND);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_int_equal(r.status, 0);
    assert_int_equal(r.out_len, 0);
}

static void
a_crash_is_told_by_its_signal(void **state)
{
    (void)state;
    struct run r = run_script("echo half; kill -SEGV $$", 10 * SECOND);
    assert_int_equal(r.end, PROCESS_SIGNALED);
    assert_int_equal(r.status, SIGSEGV);
    assert_string_equal(r.out, "half\n");
}

static void
the_last_line_of_its_errors_is_kept_and_clean(void **state)
{
    (void)state;
    struct run r =
        run_script("echo first >&2; printf 'no\\033[31m \"way\"\\n\\n' >&2; exit 1", 10 * SECOND);
    assert_int_equal(r.status, 1);
    assert_string_equal(r.last_words, "no?[31m 'way'");
    r = run_script("printf 'without an end' >&2", 10 * SECOND);
    assert_string_equal(r.last_words, "without an end");
}

static void
endless_errors_do_not_fill_anything(void **state)
{
    (void)state;
    struct run r = run_script("head -c 3000000 /dev/zero >&2; echo last >&2", 20 * SECOND);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_string_equal(r.last_words, "last");
}

static void
as_much_as_is_kept_is_no_more_than_allowed(void **state)
{
    (void)state;
    struct run r = run_script("head -c 65536 /dev/zero", 10 * SECOND);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_int_equal(r.out_len, PROCESS_OUT_MAX);
    r = run_script("head -c 65537 /dev/zero; sleep 30", 10 * SECOND);
    assert_int_equal(r.end, PROCESS_TOO_LOUD);
    assert_int_equal(r.out_len, PROCESS_OUT_MAX);
}

static void
one_that_hangs_is_ended(void **state)
{
    (void)state;
    const uint64_t before = clock_now_us();
    struct run r = run_script("sleep 30", SECOND / 10);
    assert_int_equal(r.end, PROCESS_TIMED_OUT);
    assert_true(clock_now_us() - before < SECOND);
}

static void
one_that_does_not_listen_is_killed(void **state)
{
    (void)state;
    const uint64_t before = clock_now_us();
    struct run r = run_script("trap '' TERM; while :; do sleep 0.1; done", SECOND / 10);
    assert_int_equal(r.end, PROCESS_TIMED_OUT);
    assert_true(clock_now_us() - before >= 2 * SECOND);
    assert_true(clock_now_us() - before < 4 * SECOND);
}

static bool
is_gone(pid_t pid)
{
    const uint64_t until = clock_now_us() + 5 * SECOND;
    while (kill(pid, 0) == 0 && clock_now_us() < until) {
        char path[64];
        char text[256] = "";
        (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
        FILE *f = fopen(path, "r");
        if (f == NULL || fgets(text, sizeof(text), f) == NULL || strstr(text, ") Z ") != NULL) {
            if (f != NULL) {
                (void)fclose(f);
            }
            return true; /* a zombie whose new parent has not looked yet */
        }
        (void)fclose(f);
    }
    return kill(pid, 0) == -1 && errno == ESRCH;
}

/* The grandchild holds both pipes; nobody waits for it, and it does not stay. */
static void
what_it_leaves_behind_neither_delays_nor_survives_it(void **state)
{
    (void)state;
    const uint64_t before = clock_now_us();
    struct run r = run_script("sleep 60 & echo $!; exit 3", 10 * SECOND);
    assert_true(clock_now_us() - before < 2 * SECOND);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_int_equal(r.status, 3);
    const pid_t grandchild = (pid_t)strtol(r.out, NULL, 10);
    assert_true(grandchild > 1);
    assert_true(is_gone(grandchild));
}

static void
one_that_closes_its_pipes_early_is_awaited_all_the_same(void **state)
{
    (void)state;
    struct run r = run_script("echo said; exec >&- 2>&-; sleep 0.2; exit 5", 10 * SECOND);
    assert_int_equal(r.end, PROCESS_EXITED);
    assert_int_equal(r.status, 5);
    assert_string_equal(r.out, "said\n");
}

static void
it_inherits_no_descriptor_no_input_and_no_mask(void **state)
{
    (void)state;
    const int leak = open("/dev/null", O_RDONLY); /* without O_CLOEXEC */
    assert_true(leak > STDERR_FILENO);
    sigset_t term;
    sigset_t old;
    (void)sigemptyset(&term);
    (void)sigaddset(&term, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &term, &old);
    struct run r =
        run_script("cat; ls /proc/self/fd | wc -l; grep SigBlk /proc/self/status", 10 * SECOND);
    (void)sigprocmask(SIG_SETMASK, &old, NULL);
    (void)close(leak);
    /* ls has 0, 1, 2 and the folder that it reads */
    assert_string_equal(r.out, "4\nSigBlk:\t0000000000000000\n");
}

/* Whoever started the process may have left it so: the kernel reaps the children then. */
static void
an_end_that_cannot_be_seen_is_told_as_such(void **state)
{
    (void)state;
    (void)signal(SIGCHLD, SIG_IGN);
    struct run r = run_script("echo said; exit 7", 10 * SECOND);
    (void)signal(SIGCHLD, SIG_DFL);
    assert_int_equal(r.end, PROCESS_SIGNALED);
    assert_int_equal(r.status, 0);
}

static void
what_cannot_be_run_is_told_at_once(void **state)
{
    (void)state;
    struct loop *loop = loop_new();
    static const struct {
        const char *path;
        const char *error;
    } cases[] = {
        {"/nowhere/at/all", "\"/nowhere/at/all\" cannot be run: No such file or directory"},
        {"/etc/passwd", "\"/etc/passwd\" cannot be run: Permission denied"},
        {"/tmp", "\"/tmp\" cannot be run: Permission denied"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *const argv[] = {cases[i].path, NULL};
        const char *const env[] = {NULL};
        const struct process_spec spec = {
            .name = "test", .argv = argv, .env = env, .timeout_us = SECOND};
        struct err err;
        err_clear(&err);
        assert_null(process_start(loop, &spec, on_done, NULL, &err));
        assert_string_equal(err.text, cases[i].error);
    }
    loop_free(loop);
}

/* A run that somebody else ends. */
struct stopped {
    struct run run;
    struct process *process;
};

static void
stop_it(void *arg)
{
    struct stopped *s = arg;
    process_stop(s->process);
}

static void
one_that_is_stopped_says_so(void **state)
{
    (void)state;
    const char *const argv[] = {"/bin/sleep", "30", NULL};
    const char *const env[] = {NULL};
    const struct process_spec spec = {
        .name = "test", .argv = argv, .env = env, .timeout_us = 20 * SECOND};
    struct err err;
    struct stopped s = {.run = {.loop = loop_new()}};
    s.process = process_start(s.run.loop, &spec, on_done, &s.run, &err);
    assert_non_null(s.process);
    struct timer *timer = timer_new(s.run.loop, stop_it, &s);
    timer_start(timer, 1000);
    loop_run(s.run.loop);
    timer_free(timer);
    loop_free(s.run.loop);
    assert_int_equal(s.run.end, PROCESS_STOPPED);
}

static void
one_that_is_freed_is_killed_and_never_heard_of(void **state)
{
    (void)state;
    const char *const argv[] = {"/bin/sleep", "30", NULL};
    const char *const env[] = {NULL};
    const struct process_spec spec = {
        .name = "test", .argv = argv, .env = env, .timeout_us = 20 * SECOND};
    struct err err;
    struct run r = {.loop = loop_new()};
    struct process *p = process_start(r.loop, &spec, on_done, &r, &err);
    assert_non_null(p);
    process_free(p);
    loop_free(r.loop);
    assert_int_equal(r.done_calls, 0);
}

int
main(void)
{
    log_set_level(LOG_LEVEL_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_hears_what_a_program_says_and_how_it_ends),
        cmocka_unit_test(a_program_that_says_nothing_has_said_nothing),
        cmocka_unit_test(a_crash_is_told_by_its_signal),
        cmocka_unit_test(the_last_line_of_its_errors_is_kept_and_clean),
        cmocka_unit_test(endless_errors_do_not_fill_anything),
        cmocka_unit_test(as_much_as_is_kept_is_no_more_than_allowed),
        cmocka_unit_test(one_that_hangs_is_ended),
        cmocka_unit_test(one_that_does_not_listen_is_killed),
        cmocka_unit_test(what_it_leaves_behind_neither_delays_nor_survives_it),
        cmocka_unit_test(one_that_closes_its_pipes_early_is_awaited_all_the_same),
        cmocka_unit_test(it_inherits_no_descriptor_no_input_and_no_mask),
        cmocka_unit_test(an_end_that_cannot_be_seen_is_told_as_such),
        cmocka_unit_test(what_cannot_be_run_is_told_at_once),
        cmocka_unit_test(one_that_is_stopped_says_so),
        cmocka_unit_test(one_that_is_freed_is_killed_and_never_heard_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
