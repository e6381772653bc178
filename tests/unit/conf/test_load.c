/* test_load.c — reading teal.ini: what it may say, and every kind of mistake with its line. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/load.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Both sides, on one line more each; what a test adds stands before. */
#define SIDES "[blue]\nhost = b\n[green]\nhost = g\n"

static struct conf *
conf_of(const char *text)
{
    struct conf_mistakes mistakes = {NULL, 0};
    struct conf *c = conf_load_string(text, "t.ini", &mistakes);
    if (c == NULL) {
        print_message("%s\n", mistakes.items[0].text);
    }
    assert_non_null(c);
    assert_int_equal(mistakes.count, 0);
    conf_mistakes_fini(&mistakes);
    return c;
}

/* Loads a text that has mistakes, which print as expected. */
static void
assert_mistakes(const char *text, const char *expected)
{
    struct conf_mistakes mistakes = {NULL, 0};
    struct buf printed;
    buf_init(&printed);
    assert_null(conf_load_string(text, "t.ini", &mistakes));
    conf_mistakes_print(&mistakes, &printed);
    buf_put_u8(&printed, 0);
    assert_string_equal((const char *)buf_slice(&printed).p, expected);
    buf_fini(&printed);
    conf_mistakes_fini(&mistakes);
}

/* ---- what may stand there ---- */

static void
two_hosts_are_enough(void **state)
{
    (void)state;
    struct conf *c = conf_of(SIDES);
    assert_string_equal(c->path, "t.ini");
    assert_int_equal(c->listen_addr.count, 1);
    assert_string_equal(c->listen_addr.items[0], "127.0.0.1");
    assert_int_equal(c->listen_port, 6432);
    assert_int_equal(c->unix_socket_mode, 0777);
    assert_int_equal(c->auth_type, AUTH_TYPE_SCRAM_SHA_256);
    assert_int_equal(c->query_wait_timeout_us, 120000000);
    assert_int_equal(c->max_message, 64 << 20);
    assert_int_equal(c->log_level, LOG_LEVEL_INFO);
    assert_true(c->tcp_keepalive);
    assert_string_equal(c->pairs[0].database, "app");
    assert_int_equal(c->pairs[0].initial_writer, SIDE_BLUE);
    assert_int_equal(c->pairs[0].reads, READS_FOLLOW);
    assert_int_equal(c->pairs[0].drain_policy, DRAIN_ABORT);
    assert_int_equal(c->pairs[0].hold_timeout_us, 5000000);
    assert_true(c->pairs[0].require_way_back);
    assert_string_equal(c->pairs[0].side[SIDE_BLUE].host, "b");
    assert_string_equal(c->pairs[0].side[SIDE_GREEN].host, "g");
    assert_int_equal(c->pairs[0].side[SIDE_GREEN].port, 5432);
    assert_string_equal(c->pairs[0].side[SIDE_GREEN].user, "postgres");
    assert_string_equal(c->pairs[0].side[SIDE_GREEN].password, "");
    conf_unref(c);
}

static void
values_go_to_their_fields(void **state)
{
    (void)state;
    struct conf *c = conf_of("[teal]\nlisten_addr = 10.0.0.1, ::1\nworkers=4\nauth_type = trust\n"
                             "[pair]\ninitial_writer = green\nreads=blue\nfence=strict\n"
                             "drain_timeout = 1500ms\nlag_bytes_max = 1GB\n"
                             "[blue]\nhost = b\nport = 5433\nuser = op\n"
                             "[green]\nhost = g\nsslmode = require\n"
                             "[teal]\nlog_level = debug\n");
    assert_int_equal(c->listen_addr.count, 2);
    assert_string_equal(c->listen_addr.items[1], "::1");
    assert_int_equal(c->workers, 4);
    assert_int_equal(c->auth_type, AUTH_TYPE_TRUST);
    assert_int_equal(c->pairs[0].initial_writer, SIDE_GREEN);
    assert_int_equal(c->pairs[0].reads, READS_BLUE);
    assert_int_equal(c->pairs[0].fence, FENCE_STRICT);
    assert_int_equal(c->pairs[0].drain_timeout_us, 1500000);
    assert_int_equal(c->pairs[0].lag_bytes_max, 1 << 30);
    assert_int_equal(c->pairs[0].side[SIDE_BLUE].port, 5433);
    assert_string_equal(c->pairs[0].side[SIDE_BLUE].user, "op");
    assert_int_equal(c->pairs[0].side[SIDE_GREEN].sslmode, TLS_REQUIRE);
    assert_int_equal(c->log_level, LOG_LEVEL_DEBUG);
    conf_unref(c);
}

static void
comments_blanks_and_line_ends_do_not_matter(void **state)
{
    (void)state;
    struct conf *c = conf_of("\xef\xbb\xbf; comment\r\n# another\r\n\r\n"
                             "  [teal]  ; why\r\n"
                             "\t listen_port\t=  7000   ; because\r\n"
                             "   state_file = /a;b # c\r\n" SIDES);
    assert_int_equal(c->listen_port, 7000);
    assert_string_equal(c->state_file, "/a;b # c"); /* # comments whole lines only */
    conf_unref(c);
}

static void
list_may_be_given_in_several_lines(void **state)
{
    (void)state;
    struct conf *c = conf_of("[teal]\nlisten_addr = 10.0.0.1\nread_functions = f, g\n"
                             "read_functions = h\n" SIDES);
    assert_int_equal(c->listen_addr.count, 1); /* the default is gone */
    assert_string_equal(c->listen_addr.items[0], "10.0.0.1");
    assert_int_equal(c->read_functions.count, 3);
    assert_string_equal(c->read_functions.items[2], "h");
    conf_unref(c);
}

static void
replication_is_reached_as_the_side_unless_said(void **state)
{
    (void)state;
    struct conf *c = conf_of("[blue]\nhost = b\nport = 1\nuser = u\npassword = p\n"
                             "[green]\nhost = g\nreplication_host = r\nreplication_port = 2\n"
                             "replication_user = v\nreplication_password = q\n");
    const struct conf_side *blue = &c->pairs[0].side[SIDE_BLUE];
    const struct conf_side *green = &c->pairs[0].side[SIDE_GREEN];
    assert_string_equal(blue->replication_host, "");
    assert_int_equal(blue->replication_port, 0);
    assert_string_equal(blue->replication_user, "u");
    assert_string_equal(blue->replication_password, "p");
    assert_string_equal(green->replication_host, "r");
    assert_int_equal(green->replication_port, 2);
    assert_string_equal(green->replication_user, "v");
    assert_string_equal(green->replication_password, "q");
    conf_unref(c);
}

/* ---- mistakes ---- */

static const struct {
    const char *text;
    const char *mistakes;
} bad_files[] = {
    {"", "t.ini: \"host\" is missing in [blue]\nt.ini: \"host\" is missing in [green]\n"},
    {"[blue]\nhost = b\n", "t.ini: \"host\" is missing in [green]\n"},
    {"[blue]\nhost =\n[green]\nhost = g\n", "t.ini:2: host: the value is empty\n"},
    {"[teal]\nlisten_prt = 1\n" SIDES,
     "t.ini:2: unknown key \"listen_prt\" in [teal]; did you mean \"listen_port\"?\n"},
    {"[teal]\nzzz = 1\n" SIDES, "t.ini:2: unknown key \"zzz\" in [teal]\n"},
    {"[teal]\nhost = 1\n" SIDES, "t.ini:2: unknown key \"host\" in [teal]; it belongs in [blue]\n"},
    {"[users]\nx = 1\ny = 2\n" SIDES, "t.ini:1: unknown section [users]; there are [teal], [pair], "
                                      "[blue], [green] and [databases]\n"},
    {"[tael]\n[paer]\n" SIDES, "t.ini:1: unknown section [tael]; there are [teal], [pair], [blue], "
                               "[green] and [databases]\nt.ini:2: unknown section [paer]; did you "
                               "mean [pair]?\n"},
    {"listen_port = 1\n" SIDES, "t.ini:1: a key before the first section; begin with [teal]\n"},
    {"[teal\nlisten_port = 1\n" SIDES, "t.ini:1: a section is written [name]\n"},
    {"[teal] x\n" SIDES, "t.ini:1: unexpected text behind the section's name\n"},
    {"[teal]\nlisten_port\n" SIDES, "t.ini:2: expected key = value\n"},
    {"[teal]\nlisten_port: 1\n" SIDES, "t.ini:2: expected key = value\n"},
    {"[teal]\n= 1\n" SIDES, "t.ini:2: expected key = value\n"},
    {"[teal]\nlisten_port ; = 1\n" SIDES, "t.ini:2: expected key = value\n"},
    {"[teal]\nlisten_port = 1\n  2\n" SIDES, "t.ini:3: expected key = value\n"},
    {"[teal]\nlisten_port = 1\nlisten_port = 2\n" SIDES,
     "t.ini:3: \"listen_port\" is set twice in [teal]; first in line 2\n"},
    {"[teal]\nlisten_port = 0\n" SIDES,
     "t.ini:2: listen_port: \"0\" is outside the limits 1 to 65535\n"},
    {"[teal]\nlisten_port =\n" SIDES, "t.ini:2: listen_port: \"\" is not a whole number\n"},
    {"[teal]\nlisten_port = 1 2\n" SIDES, "t.ini:2: listen_port: \"1 2\" is not a whole number\n"},
    {"[teal]\nstate_file = ; none\n" SIDES, "t.ini:2: state_file: the value is empty\n"},
    {"[teal]\nserver_lifetime = 1y\n" SIDES,
     "t.ini:2: server_lifetime: \"1y\" is not a duration: a whole number and us, ms, s, min, h or "
     "d\n"},
    {"[teal]\nmax_message = 1TB\n" SIDES,
     "t.ini:2: max_message: \"1TB\" is not a size: a whole number and B, kB, MB or GB\n"},
    {"[pair]\nfence = hard\n" SIDES,
     "t.ini:2: fence: \"hard\" is none of auto|soft|strict|database\n"},
    {"[pair]\nname = a\x01\n" SIDES, "t.ini:2: the line has a control character\n"},
    {"[teal]\nlisten_addr =\n" SIDES,
     "t.ini:2: listen_addr and unix_socket_dir are both empty: no client could connect\n"},
    {"[teal]\nunix_socket_dir = /run/teal\nlisten_port = 5432\n" SIDES,
     "t.ini:2: the clients' socket and the admin socket would be the same file\n"},
    {"[blue]\nhost = a\n[green]\nhost = a\n",
     "t.ini:4: [blue] and [green] are the same server, a port 5432\n"},
    {"[blue]\nhost = b\npassword = a ;b\n[green]\nhost = g\n",
     "t.ini:3: password: a secret with \" ;\" in it would be cut off there as a comment; put it "
     "into a file of its own\n"},
    {"[blue]\nhost = b\npassword = a\npassword_file = /p\n[green]\nhost = g\n",
     "t.ini:4: both password and password_file are set in [blue]\n"},
    {"[blue]\nhost = b\npassword_file = /nonexistent/p\n[green]\nhost = g\n",
     "t.ini:3: password_file: could not open \"/nonexistent/p\": No such file or directory\n"},
    {"[blue]\nhost = b\npassword_file = /dev/null\n[green]\nhost = g\n",
     "t.ini:3: password_file: \"/dev/null\" is not a plain file\n"},
    /* all of them at once, by line */
    {"x = 1\n[teal]\nworkers = many\n[green]\nhost = g\n[pair]\nreads = red\nlag_max = 0\n",
     "t.ini:1: a key before the first section; begin with [teal]\n"
     "t.ini:3: workers: \"many\" is not a whole number\n"
     "t.ini:7: reads: \"red\" is none of follow|blue|green\n"
     "t.ini:8: lag_max: \"0\" is outside the limits 1ms to 86400s\n"
     "t.ini: \"host\" is missing in [blue]\n"},
};

static void
every_mistake_is_reported_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_files); i++) {
        assert_mistakes(bad_files[i].text, bad_files[i].mistakes);
    }
}

/* "[teal]" and a line of exactly so many bytes. */
static char *
text_with_line(size_t len)
{
    char *line = xcalloc(1, len + 1);
    memset(line, 'x', len);
    memcpy(line, "logfile = /", 11);
    char *text = xasprintf("[teal]\n%s\n" SIDES, line);
    mem_free(line);
    return text;
}

static void
long_line_is_read_whole_or_refused(void **state)
{
    (void)state;
    char *longest = text_with_line(197);
    struct conf *c = conf_of(longest);
    assert_int_equal(strlen(c->logfile), 197 - strlen("logfile = "));
    conf_unref(c);
    char *longer = text_with_line(198);
    assert_mistakes(longer, "t.ini:2: the line has 198 bytes; at most 197 can be read\n");
    char *comment = xcalloc(1, 100001);
    memset(comment, ';', 100000);
    char *text = xasprintf("%s\n" SIDES, comment); /* comments may be of any length */
    conf_unref(conf_of(text));
    mem_free(text);
    mem_free(comment);
    mem_free(longer);
    mem_free(longest);
}

static void
socket_path_must_fit(void **state)
{
    (void)state;
    assert_mistakes("[teal]\nadmin_socket_dir = "
                    "/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/"
                    "0123456789/xxxxx\n" SIDES,
                    "t.ini:2: admin_socket_dir: the path of the socket would have 108 bytes; the "
                    "system takes 107\n");
}

/* ---- files ---- */

struct files {
    char dir[32];
    char *ini;
    char *password;
};

static void
file_write(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chmod(path, mode), 0);
}

static void
files_make(struct files *f)
{
    (void)snprintf(f->dir, sizeof(f->dir), "/tmp/teal-conf-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    f->ini = xasprintf("%s/teal.ini", f->dir);
    f->password = xasprintf("%s/password", f->dir);
    char *text =
        xasprintf("[blue]\nhost = b\npassword_file = %s\n[green]\nhost = g\n", f->password);
    file_write(f->ini, text, 0644);
    mem_free(text);
}

static void
files_remove(struct files *f)
{
    (void)unlink(f->ini);
    (void)unlink(f->password);
    assert_int_equal(rmdir(f->dir), 0);
    mem_free(f->ini);
    mem_free(f->password);
}

static void
password_is_the_first_line_of_its_file(void **state)
{
    (void)state;
    struct files f;
    struct conf_mistakes mistakes = {NULL, 0};
    files_make(&f);
    file_write(f.password, "a ;b = \"c\" \r\nsecond line\n", 0600);
    struct conf *c = conf_load(f.ini, &mistakes);
    assert_non_null(c);
    assert_string_equal(c->pairs[0].side[SIDE_BLUE].password, "a ;b = \"c\" ");
    assert_string_equal(c->pairs[0].side[SIDE_BLUE].replication_password, "a ;b = \"c\" ");
    conf_unref(c);
    files_remove(&f);
}

static void
password_file_that_others_may_use_is_refused(void **state)
{
    (void)state;
    static const mode_t modes[] = {0640, 0604, 0620, 0610, 0601};
    struct files f;
    files_make(&f);
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        struct conf_mistakes mistakes = {NULL, 0};
        file_write(f.password, "secret\n", modes[i]);
        assert_null(conf_load(f.ini, &mistakes));
        assert_int_equal(mistakes.count, 1);
        assert_int_equal(mistakes.items[0].line, 3);
        assert_string_equal(mistakes.items[0].file, f.ini);
        assert_non_null(strstr(mistakes.items[0].text, "chmod 600"));
        conf_mistakes_fini(&mistakes);
    }
    files_remove(&f);
}

static void
password_file_without_a_password_is_refused(void **state)
{
    (void)state;
    struct files f;
    char *huge = xcalloc(1, 5001);
    memset(huge, 'x', 5000);
    const char *const texts[] = {"", "\n", "\r\nsecond\n", huge};
    files_make(&f);
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        struct conf_mistakes mistakes = {NULL, 0};
        file_write(f.password, texts[i], 0600);
        assert_null(conf_load(f.ini, &mistakes));
        assert_int_equal(mistakes.count, 1);
        assert_non_null(strstr(mistakes.items[0].text, "is not a password"));
        conf_mistakes_fini(&mistakes);
    }
    mem_free(huge);
    files_remove(&f);
}

static void
missing_file_is_a_mistake(void **state)
{
    (void)state;
    struct conf_mistakes mistakes = {NULL, 0};
    assert_null(conf_load("/nonexistent/teal.ini", &mistakes));
    assert_int_equal(mistakes.count, 1);
    assert_int_equal(mistakes.items[0].line, 0);
    conf_mistakes_fini(&mistakes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(two_hosts_are_enough),
        cmocka_unit_test(values_go_to_their_fields),
        cmocka_unit_test(comments_blanks_and_line_ends_do_not_matter),
        cmocka_unit_test(list_may_be_given_in_several_lines),
        cmocka_unit_test(replication_is_reached_as_the_side_unless_said),
        cmocka_unit_test(every_mistake_is_reported_with_its_line),
        cmocka_unit_test(long_line_is_read_whole_or_refused),
        cmocka_unit_test(socket_path_must_fit),
        cmocka_unit_test(password_is_the_first_line_of_its_file),
        cmocka_unit_test(password_file_that_others_may_use_is_refused),
        cmocka_unit_test(password_file_without_a_password_is_refused),
        cmocka_unit_test(missing_file_is_a_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
