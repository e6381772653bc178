/* test_argv.c — commands as lists of words, and the keys of the hooks. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/argv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "conf/conf.h"
#include "conf/load.h"

/* The words with bars between, or the error. */
static void
assert_split(const char *text, const char *expected)
{
    struct argv argv = {0};
    struct err err;
    char got[512] = "";
    err_clear(&err);
    if (argv_split(&argv, text, &err)) {
        assert_null(argv.words[argv.count]);
        for (size_t i = 0; i < argv.count; i++) {
            const size_t len = strlen(got);
            (void)snprintf(got + len, sizeof(got) - len, "%s%s", i > 0 ? "|" : "", argv.words[i]);
        }
    } else {
        assert_int_equal(argv.count, 0);
        (void)snprintf(got, sizeof(got), "%s", err.text);
    }
    argv_fini(&argv);
    assert_string_equal(got, expected);
}

static void
a_command_is_words_and_quotes_and_no_shell(void **state)
{
    (void)state;
    assert_split("/bin/a", "/bin/a");
    assert_split("  /bin/a \t b  c ", "/bin/a|b|c");
    assert_split("/bin/a 'b c' \"d e\" f\\ g", "/bin/a|b c|d e|f g");
    assert_split("/bin/a '' \"\"", "/bin/a||");
    assert_split("/bin/a x'y z'w", "/bin/a|xy zw");
    assert_split("/bin/a '\\' \"\\\"\" \\'", "/bin/a|\\|\"|'");
    assert_split("/bin/a $HOME `id` *.c ~ a&&b >c", "/bin/a|$HOME|`id`|*.c|~|a&&b|>c");
}

static void
a_command_that_is_none_is_refused(void **state)
{
    (void)state;
    assert_split("", "the command is empty");
    assert_split(" \t", "the command is empty");
    assert_split("/bin/a 'b", "the command ends within quotes or behind a backslash");
    assert_split("/bin/a \"b'", "the command ends within quotes or behind a backslash");
    assert_split("/bin/a b\\", "the command ends within quotes or behind a backslash");
    assert_split("1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3",
                 "the command has more than 32 words");
}

static void
assert_program(const char *text, const char *expected)
{
    struct argv argv = {0};
    struct err err;
    err_clear(&err);
    assert_true(argv_split(&argv, text, &err));
    assert_int_equal(argv_check(&argv, &err), expected == NULL);
    argv_fini(&argv);
    assert_string_equal(err.text, expected == NULL ? "" : expected);
}

static void
a_program_is_there_and_may_be_run(void **state)
{
    (void)state;
    assert_program("/bin/true x", NULL);
    assert_program("true", "\"true\" is no absolute path");
    assert_program("/no/such", "\"/no/such\" cannot be run: No such file or directory");
    assert_program("/tmp", "\"/tmp\" is no file");
    assert_program("/etc/passwd", "\"/etc/passwd\" cannot be run: Permission denied");
}

#define SIDES "[blue]\nhost = b\n[green]\nhost = g\n"

static void
assert_mistakes(const char *pair, const char *expected)
{
    char text[1024];
    struct conf_mistakes mistakes = {0};
    struct buf out;
    (void)snprintf(text, sizeof(text), "[pair]\ndatabase = app\n%s" SIDES, pair);
    struct conf *conf = conf_load_string(text, "t.ini", &mistakes);
    assert_int_equal(conf != NULL, expected[0] == '\0');
    buf_init(&out);
    conf_mistakes_print(&mistakes, &out);
    buf_put_u8(&out, '\0');
    assert_string_equal((const char *)buf_slice(&out).p, expected);
    buf_fini(&out);
    conf_mistakes_fini(&mistakes);
    conf_unref(conf);
}

static void
an_external_pair_has_its_hooks(void **state)
{
    (void)state;
    assert_mistakes("kind = external\nhook_lag = /bin/true\nhook_fence = /bin/true 'a b'\n"
                    "hook_unfence = /bin/true\nhook_promote = /bin/true\n",
                    "");
    assert_mistakes("kind = external\nhook_lag = /bin/true\nhook_fence = bin/true\n"
                    "hook_promote = /no/such\n",
                    "t.ini:1: \"hook_unfence\" is missing in [pair], and kind = external needs it\n"
                    "t.ini:5: hook_fence: \"bin/true\" is no absolute path\n"
                    "t.ini:6: hook_promote: \"/no/such\" cannot be run: No such file or "
                    "directory\n");
}

/* Each pair for itself: p1 is Teal's own, p2 lacks one. */
static void
each_pair_has_its_own_kind(void **state)
{
    (void)state;
    struct conf_mistakes mistakes = {0};
    struct buf out;
    struct conf *conf =
        conf_load_string("[pair p1]\ndatabases = app\n[blue p1]\nhost = b\n[green p1]\nhost = g\n"
                         "[pair p2]\ndatabases = other\nkind = external\nhook_lag = /bin/true\n"
                         "hook_fence = /bin/true\nhook_promote = /bin/true\n"
                         "[blue p2]\nhost = b2\n[green p2]\nhost = g2\n",
                         "t.ini", &mistakes);
    assert_null(conf);
    buf_init(&out);
    conf_mistakes_print(&mistakes, &out);
    buf_put_u8(&out, '\0');
    assert_non_null(strstr((const char *)buf_slice(&out).p,
                           "t.ini:7: \"hook_unfence\" is missing in [pair p2], and"));
    assert_null(strstr((const char *)buf_slice(&out).p, "p1"));
    buf_fini(&out);
    conf_mistakes_fini(&mistakes);
}

static void
another_pair_has_those_for_failover_only(void **state)
{
    (void)state;
    assert_mistakes("hook_pause_ha = /bin/true\nhook_resume_ha = /bin/true\n", "");
    assert_mistakes("hook_pause_ha = /bin/true\n",
                    "t.ini:1: \"hook_resume_ha\" is missing in [pair], and the other of the two is "
                    "set\n");
    assert_mistakes("hook_promote = /bin/true\n",
                    "t.ini:3: hook_promote: it is for kind = external only\n");
    assert_mistakes("kind = manual\n", "t.ini:3: kind: \"manual\" is none of auto|external\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_is_words_and_quotes_and_no_shell),
        cmocka_unit_test(a_command_that_is_none_is_refused),
        cmocka_unit_test(a_program_is_there_and_may_be_run),
        cmocka_unit_test(an_external_pair_has_its_hooks),
        cmocka_unit_test(each_pair_has_its_own_kind),
        cmocka_unit_test(another_pair_has_those_for_failover_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
