/* test_log.c — one fact is one line, whatever is in it. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/log.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

enum { TIME_LEN = 27 }; /* "2026-11-20 11:30:00.123 UTC" */

static char path[] = "/tmp/teal-test-log-XXXXXX";

/* Everything that was logged since the last call, with its NUL; the caller frees it. */
static struct buf
logged(void)
{
    struct buf out;
    struct err err;
    buf_init(&out);
    assert_true(file_read(path, 16 << 20, &out, &err));
    assert_int_equal(truncate(path, 0), 0);
    buf_put_u8(&out, 0);
    return out;
}

static void
assert_logged(const char *behind_the_time)
{
    struct buf out = logged();
    const char *text = (const char *)buf_slice(&out).p;
    assert_true(strlen(text) > TIME_LEN);
    assert_int_equal(text[4], '-');
    assert_int_equal(text[19], '.');
    assert_memory_equal(text + TIME_LEN - 4, " UTC", 4);
    assert_string_equal(text + TIME_LEN, behind_the_time);
    buf_fini(&out);
}

static void
a_line_has_level_context_message_and_keys(void **state)
{
    (void)state;
    const struct log_ctx ctx = {"session", 17, "app", "shop", "blue"};
    log_info(&ctx, "client connected", "addr=%s port=%d", "::1", 5432);
    assert_logged(" info session=17 node=blue user=\"app\" database=\"shop\" "
                  "msg=\"client connected\" addr=::1 port=5432\n");
    log_warn(NULL, "nothing more", "%s", "");
    assert_logged(" warn msg=\"nothing more\" \n");
    static const struct log_ctx bare = {.kind = "cutover"};
    log_line(LOG_LEVEL_ERROR, &bare, "gone", "took_ms=%d", 7);
    assert_logged(" error msg=\"gone\" took_ms=7\n");
}

static void
what_came_from_outside_stays_in_its_place(void **state)
{
    (void)state;
    const struct log_ctx ctx = {"session", 1, "a\"\\ node=blue\nx", "\x1b[2J\x7f", NULL};
    log_info(&ctx, "m", "reason=\"%s\"", "line\r\n2026-11-20 error\tforged\x01");
    assert_logged(" info session=1 user=\"a\\\"\\\\ node=blue?x\" database=\"?[2J?\" "
                  "msg=\"m\" reason=\"line??2026-11-20 error?forged?\"\n");
    log_info(NULL, "letters beyond ASCII stay", "user=%s", "J\xc3\xb6rg");
    assert_logged(" info msg=\"letters beyond ASCII stay\" user=J\xc3\xb6rg\n");
}

static void
a_line_that_is_too_long_is_cut_and_ended(void **state)
{
    (void)state;
    for (size_t len = 1900; len < 2200; len += 7) {
        char *text = calloc(1, len + 1);
        assert_non_null(text);
        memset(text, 'x', len);
        const struct log_ctx ctx = {"session", 1, text, text, "blue"};
        log_info(NULL, "m", "k=%s l=%s", text, text);
        log_info(&ctx, text, "k=%s", text);
        free(text);
        struct buf out = logged();
        const char *first = (const char *)buf_slice(&out).p;
        const char *second = strchr(first, '\n') + 1;
        assert_in_range(second - first, 1900, 2048);
        assert_in_range(strlen(second), 1900, 2048);
        assert_ptr_equal(strchr(second, '\n'), second + strlen(second) - 1);
        buf_fini(&out);
    }
}

static void
a_level_filters_what_is_less_grave(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        enum log_level level;
    } words[] = {{"error", LOG_LEVEL_ERROR},
                 {"warn", LOG_LEVEL_WARN},
                 {"info", LOG_LEVEL_INFO},
                 {"debug", LOG_LEVEL_DEBUG}};
    for (size_t i = 0; i < COUNT_OF(words); i++) {
        log_set_level(words[i].level);
        for (size_t j = 0; j < COUNT_OF(words); j++) {
            assert_int_equal(log_enabled(words[j].level), j <= i);
            log_line(words[j].level, NULL, words[j].word, "%s", "");
        }
        struct buf out = logged();
        size_t lines = 0;
        for (size_t k = 0; k < buf_len(&out); k++) {
            lines += buf_slice(&out).p[k] == '\n' ? 1 : 0;
        }
        assert_int_equal(lines, i + 1);
        buf_fini(&out);
    }
    log_set_level(LOG_LEVEL_INFO);
}

static void
a_rotated_file_is_left_alone_after_reopening(void **state)
{
    (void)state;
    struct err err;
    struct buf rotated;
    char old[sizeof(path) + 4];
    buf_init(&rotated);
    (void)snprintf(old, sizeof(old), "%s.old", path);
    log_info(NULL, "before", "%s", "");
    assert_int_equal(rename(path, old), 0);
    log_info(NULL, "between", "%s", "");
    assert_true(log_open(path));
    log_info(NULL, "after", "%s", "");
    assert_logged(" info msg=\"after\" \n");
    assert_true(file_read(old, 1 << 20, &rotated, &err));
    buf_put_u8(&rotated, 0);
    assert_non_null(strstr((const char *)buf_slice(&rotated).p, "before"));
    assert_non_null(strstr((const char *)buf_slice(&rotated).p, "between"));
    assert_null(strstr((const char *)buf_slice(&rotated).p, "after"));
    buf_fini(&rotated);
    assert_int_equal(unlink(old), 0);
}

static void
a_sink_that_cannot_be_opened_leaves_the_one_before(void **state)
{
    (void)state;
    assert_false(log_open("/nowhere/at/all/teal.log"));
    assert_int_equal(errno, ENOENT);
    log_info(NULL, "still here", "%s", "");
    assert_logged(" info msg=\"still here\" \n");
}

static void
a_full_disk_loses_the_line_and_keeps_errno(void **state)
{
    (void)state;
    assert_true(log_open("/dev/full"));
    errno = EBADMSG;
    log_info(NULL, "lost", "%s", "");
    assert_int_equal(errno, EBADMSG);
    assert_true(log_open(path));
    log_info(NULL, "here", "%s", "");
    assert_logged(" info msg=\"here\" \n");
}

static void *
write_lines(void *arg)
{
    const struct log_ctx ctx = {.kind = "thread", .id = *(uint64_t *)arg};
    for (int i = 0; i < 500; i++) {
        log_info(&ctx, "a line that is long enough to be torn, if lines could be", "i=%d", i);
    }
    return NULL;
}

static void
lines_of_threads_do_not_mix(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    pthread_t threads[THREADS];
    uint64_t ids[THREADS];
    for (uint64_t i = 0; i < THREADS; i++) {
        ids[i] = i + 1;
        assert_int_equal(pthread_create(&threads[i], NULL, write_lines, &ids[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    struct buf out = logged();
    int next[THREADS + 1] = {0};
    char *line = (char *)out.data;
    for (char *end = strchr(line, '\n'); end != NULL; end = strchr(line, '\n')) {
        unsigned id;
        int i;
        *end = '\0';
        assert_int_equal(sscanf(line + TIME_LEN,
                                " info thread=%u msg=\"a line that is long enough to be torn, "
                                "if lines could be\" i=%d",
                                &id, &i),
                         2);
        assert_in_range(id, 1, THREADS);
        assert_int_equal(i, next[id]);
        next[id]++;
        line = end + 1;
    }
    for (size_t i = 1; i <= THREADS; i++) {
        assert_int_equal(next[i], 500);
    }
    buf_fini(&out);
}

static int
sink_open(void **state)
{
    (void)state;
    const int fd = mkstemp(path);
    return fd == -1 || close(fd) == -1 || !log_open(path) ? -1 : 0;
}

static int
sink_close(void **state)
{
    (void)state;
    return !log_open(NULL) || unlink(path) == -1 ? -1 : 0;
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_level_context_message_and_keys),
        cmocka_unit_test(what_came_from_outside_stays_in_its_place),
        cmocka_unit_test(a_line_that_is_too_long_is_cut_and_ended),
        cmocka_unit_test(a_level_filters_what_is_less_grave),
        cmocka_unit_test(a_rotated_file_is_left_alone_after_reopening),
        cmocka_unit_test(a_sink_that_cannot_be_opened_leaves_the_one_before),
        cmocka_unit_test(a_full_disk_loses_the_line_and_keeps_errno),
        cmocka_unit_test(lines_of_threads_do_not_mix),
    };
    return cmocka_run_group_tests(tests, sink_open, sink_close);
}
