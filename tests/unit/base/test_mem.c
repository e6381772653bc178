/* test_mem.c — memory is zeroed, copies are copies, and a bug ends the process. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/mem.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/rand.h"

static void
memory_is_zeroed(void **state)
{
    (void)state;
    uint8_t *p = xcalloc(100, 3);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(p[i], 0);
    }
    mem_free(p);
    p = xcalloc(0, 0);
    assert_non_null(p);
    mem_free(p);
    mem_free(NULL);
    mem_wipe_free(NULL, 0);
}

static void
strings_are_copied(void **state)
{
    (void)state;
    char *whole = xstrdup("pencil");
    char *part = xstrndup("pencil", 3);
    char *nothing = xstrndup(NULL, 0);
    char *text = xasprintf("%s/%d", "blue", 5432);
    assert_string_equal(whole, "pencil");
    assert_string_equal(part, "pen");
    assert_string_equal(nothing, "");
    assert_string_equal(text, "blue/5432");
    mem_free(whole);
    mem_free(part);
    mem_free(nothing);
    mem_wipe_free(text, strlen(text));
}

static void
growing_keeps_what_is_there(void **state)
{
    (void)state;
    char *p = xstrdup("abc");
    p = xrealloc(p, 100000);
    assert_string_equal(p, "abc");
    char *more = mem_try_realloc(p, 200000);
    assert_non_null(more);
    assert_string_equal(more, "abc");
    mem_free(more);
    p = xrealloc(NULL, 0);
    assert_non_null(p);
    mem_free(p);
}

/* Aborts of a child: what it says on standard error is read back. */
static void
assert_aborts(void (*bug)(void), const char *says)
{
    int fds[2];
    char said[512];
    size_t len = 0;
    assert_int_equal(pipe(fds), 0);
    const pid_t child = fork();
    assert_true(child != -1);
    if (child == 0) {
        static const struct rlimit no_core = {0, 0};
        (void)setrlimit(RLIMIT_CORE, &no_core);
        (void)signal(SIGABRT, SIG_DFL);
        (void)dup2(fds[1], STDERR_FILENO);
        bug();
        _exit(0);
    }
    assert_int_equal(close(fds[1]), 0);
    for (ssize_t n = 1; n > 0 && len < sizeof(said) - 1; len += (size_t)n) {
        n = read(fds[0], said + len, sizeof(said) - 1 - len);
        assert_true(n >= 0);
    }
    said[len] = '\0';
    assert_int_equal(close(fds[0]), 0);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
    assert_non_null(strstr(said, says));
}

static void
check_false(void)
{
    const int sides = 3;
    CHECK(sides == 2);
}

static void
reach_unreachable(void)
{
    UNREACHABLE();
}

static void
a_failed_check_names_itself_and_aborts(void **state)
{
    (void)state;
    assert_aborts(check_false, "teal: bug: sides == 2 does not hold (");
    assert_aborts(reach_unreachable, "unreachable");
}

static void
randomness_fills_every_byte_and_differs(void **state)
{
    (void)state;
    uint8_t seen[64] = {0};
    assert_true(rand_u64() != rand_u64());
    rand_bytes(NULL, 0);
    for (int i = 0; i < 64; i++) {
        uint8_t bytes[sizeof(seen)];
        rand_bytes(bytes, sizeof(bytes));
        for (size_t j = 0; j < sizeof(seen); j++) {
            seen[j] |= bytes[j];
        }
    }
    for (size_t j = 0; j < sizeof(seen); j++) {
        assert_int_equal(seen[j], 0xff);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed),
        cmocka_unit_test(strings_are_copied),
        cmocka_unit_test(growing_keeps_what_is_there),
        cmocka_unit_test(a_failed_check_names_itself_and_aborts),
        cmocka_unit_test(randomness_fills_every_byte_and_differs),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
