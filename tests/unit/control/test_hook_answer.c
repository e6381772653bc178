/* test_hook_answer.c — what is made of the answers of hooks, good, bad and hostile. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/hook_answer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static struct hook_answer
answer_of(enum process_end end, int status, struct slice out, const char *last_words)
{
    const struct process_result result = {
        .end = end, .status = status, .out = out, .last_words = last_words};
    struct hook_answer a;
    hook_answer_read(HOOK_LAG, 1500 * 1000, &result, &a);
    assert_int_equal(a.ok, !err_is_set(&a.err));
    assert_false(a.ok && a.unknown);
    return a;
}

static struct hook_answer
answer_to(int status, const char *text)
{
    return answer_of(PROCESS_EXITED, status, slice_of_str(text), "");
}

static void
a_good_answer_tells_what_it_says(void **state)
{
    (void)state;
    struct hook_answer a = answer_to(0, "{\"ok\": true}\n");
    assert_true(a.ok);
    assert_false(a.lag_known || a.way_back);
    assert_string_equal(a.message, "");
    a = answer_to(0, " {\"ok\":true,\"lag_bytes\":123456789012,\"lag_ms\":1.5,\"way_back\":true,"
                     "\"message\":\"four\\nfive\",\"more\":[{}]} ");
    assert_true(a.ok);
    assert_true(a.lag_known);
    assert_true(a.lag_bytes == 123456789012u);
    assert_int_equal(a.lag_us, 1500);
    assert_true(a.way_back);
    assert_string_equal(a.message, "four five");
    a = answer_to(0, "{\"ok\": true, \"lag_bytes\": null, \"lag_ms\": null, \"way_back\": null}");
    assert_true(a.ok);
    assert_false(a.lag_known);
}

/* Its own word: then nothing has happened, whatever the exit status. */
static void
a_refusal_is_a_refusal(void **state)
{
    (void)state;
    for (int status = 0; status < 2; status++) {
        struct hook_answer a = answer_to(status, "{\"ok\": false, \"error\": \"no\\tsuch node\"}");
        assert_false(a.ok);
        assert_false(a.unknown);
        assert_string_equal(a.err.text, "hook_lag refuses: no such node");
        assert_string_equal(a.err.sqlstate, "38000");
    }
    struct hook_answer a = answer_to(0, "{\"ok\": false}");
    assert_false(a.unknown);
    assert_string_equal(a.err.text, "hook_lag refuses: without saying why");
}

static void
whatever_is_no_word_leaves_it_unknown(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *text;
        const char *error;
    } cases[] = {
        {0, "", "hook_lag answers nothing"},
        {3, "", "hook_lag ends with exit status 3"},
        {3, "oops", "hook_lag ends with exit status 3"},
        {0, "oops", "hook_lag answers no JSON: line 1: '[' or '{' expected near 'oops'"},
        {0, "[true]", "hook_lag answers JSON that is no object"},
        {0, "{}", "hook_lag answers without \"ok\": true or false"},
        {0, "{\"ok\": 1}", "hook_lag answers without \"ok\": true or false"},
        {0, "{\"ok\": \"true\"}", "hook_lag answers without \"ok\": true or false"},
        {1, "{\"ok\": true}", "hook_lag says that it is ok, and ends with exit status 1"},
        {0, "{\"ok\": true, \"lag_bytes\": -1}",
         "hook_lag answers with a \"lag_bytes\" that is none"},
        {0, "{\"ok\": true, \"lag_bytes\": 0.5}",
         "hook_lag answers with a \"lag_bytes\" that is none"},
        {0, "{\"ok\": true, \"lag_bytes\": \"0\"}",
         "hook_lag answers with a \"lag_bytes\" that is none"},
        {0, "{\"ok\": true, \"lag_ms\": -1}", "hook_lag answers with a \"lag_ms\" that is none"},
        {0, "{\"ok\": true, \"lag_ms\": 1e300}", "hook_lag answers with a \"lag_ms\" that is none"},
        {0, "{\"ok\": true, \"way_back\": \"yes\"}",
         "hook_lag answers with a \"way_back\" that is none"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct hook_answer a = answer_to(cases[i].status, cases[i].text);
        assert_false(a.ok);
        assert_true(a.unknown);
        assert_false(a.lag_known);
        assert_string_equal(a.err.text, cases[i].error);
    }
}

static void
what_follows_or_is_there_twice_is_no_answer(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{\"ok\": true} {\"ok\": false}",
        "{\"ok\": true, \"ok\": false}",
        "{\"ok\": true",
        "{\"ok\": true, \"message\": \"\xff\xfe\"}",
        "{\"ok\": true, \"lag_bytes\": 99999999999999999999999999}",
    };
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_true(answer_to(0, texts[i]).unknown);
    }
    static const char nul[] = "{\"ok\": true}\0";
    assert_true(answer_of(PROCESS_EXITED, 0, slice_of(nul, sizeof(nul) - 1), "").unknown);
}

static void
nesting_does_not_eat_the_stack(void **state)
{
    (void)state;
    static char text[PROCESS_OUT_MAX];
    memset(text, '[', sizeof(text));
    struct hook_answer a = answer_of(PROCESS_EXITED, 0, slice_of(text, sizeof(text)), "");
    assert_true(a.unknown);
}

static void
each_end_is_told_with_its_last_words(void **state)
{
    (void)state;
    static const struct {
        enum process_end end;
        int status;
        const char *error;
    } cases[] = {
        {PROCESS_SIGNALED, 11, "hook_lag was ended by signal 11 (psql: no)"},
        {PROCESS_SIGNALED, 0, "hook_lag has ended, and how is not known (psql: no)"},
        {PROCESS_TIMED_OUT, 15, "hook_lag did not end within 1500 ms (psql: no)"},
        {PROCESS_TOO_LOUD, 15, "hook_lag answers with more than 65536 bytes (psql: no)"},
        {PROCESS_STOPPED, 15, "hook_lag was given up (psql: no)"},
        {PROCESS_EXITED, 2, "hook_lag ends with exit status 2 (psql: no)"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        /* a word that came before does not count */
        const struct slice said =
            cases[i].end == PROCESS_EXITED ? SLICE_EMPTY : slice_of_str("{\"ok\": true}");
        struct hook_answer a = answer_of(cases[i].end, cases[i].status, said, "psql: no");
        assert_true(a.unknown);
        assert_string_equal(a.err.text, cases[i].error);
    }
}

static void
a_long_text_is_cut_between_characters(void **state)
{
    (void)state;
    char umlauts[301];
    char text[400];
    for (size_t i = 0; i < sizeof(umlauts) - 1; i += 2) {
        umlauts[i] = '\xc3';
        umlauts[i + 1] = '\xa4';
    }
    umlauts[sizeof(umlauts) - 1] = '\0';
    (void)snprintf(text, sizeof(text), "{\"ok\": true, \"message\": \"x%s\"}", umlauts);
    struct hook_answer a = answer_to(0, text);
    assert_true(a.ok);
    const size_t len = strlen(a.message);
    assert_int_equal(len, HOOK_MESSAGE_SIZE - 1);
    assert_int_equal((unsigned char)a.message[len - 1], 0xa4);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_answer_tells_what_it_says),
        cmocka_unit_test(a_refusal_is_a_refusal),
        cmocka_unit_test(whatever_is_no_word_leaves_it_unknown),
        cmocka_unit_test(what_follows_or_is_there_twice_is_no_answer),
        cmocka_unit_test(nesting_does_not_eat_the_stack),
        cmocka_unit_test(each_end_is_told_with_its_last_words),
        cmocka_unit_test(a_long_text_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
