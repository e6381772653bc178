/* test_check_places.c — folders and addresses that cannot be used are named. */
/* SPDX-License-Identifier: PostgreSQL */
#include "app/check_places.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "conf/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* What the check says of a file whose [teal] has the lines; %s in them is a folder that is there,
 * and DIR in what is said. */
static void
assert_said(const char *lines, const char *expected)
{
    char dir[] = "/tmp/teal-places-XXXXXX";
    struct conf_mistakes mistakes = {NULL, 0};
    struct buf said;
    buf_init(&said);
    assert_non_null(mkdtemp(dir));
    char *file = xasprintf("%s/file", dir);
    FILE *f = fopen(file, "w");
    assert_non_null(f);
    assert_int_equal(fclose(f), 0);
    assert_int_equal(chdir(dir), 0);
    char *text = xasprintf("[teal]\nadmin_socket_dir = %s\n%s[blue]\nhost = b\n[green]\nhost = g\n",
                           dir, lines);
    struct conf *c = conf_load_string(text, "t.ini", &mistakes);
    assert_non_null(c);
    check_places(c, &mistakes);
    conf_mistakes_print(&mistakes, &said);
    buf_put_u8(&said, 0);
    assert_string_equal((const char *)buf_slice(&said).p, expected);
    conf_mistakes_fini(&mistakes);
    conf_unref(c);
    assert_int_equal(chdir("/"), 0);
    assert_int_equal(unlink(file), 0);
    assert_int_equal(rmdir(dir), 0);
    mem_free(text);
    mem_free(file);
    buf_fini(&said);
}

static void
what_can_be_used_is_not_named(void **state)
{
    (void)state;
    assert_said(
        "state_file = state\nlogfile = file\nunix_socket_dir = .\nlisten_addr = 127.0.0.1, *\n",
        "");
    assert_said("state_file = ./state\nadmin_socket_port = 7\nlogfile = /dev/null\n", "");
}

static void
what_cannot_be_used_is_named_with_its_key(void **state)
{
    (void)state;
    assert_said(
        "state_file = no/state\n",
        "t.ini: state_file: the directory \"no\" cannot be used: No such file or directory\n");
    assert_said("state_file = file/state\n", "t.ini: state_file: \"file\" is not a directory\n");
    assert_said("state_file = /\n", "t.ini: state_file: \"/\" is a directory\n");
    assert_said("state_file = s\nunix_socket_dir = no\n",
                "t.ini: unix_socket_dir: the directory \"no\" "
                "cannot be used: No such file or directory\n");
    assert_said("state_file = s\nlogfile = no/log\npidfile = .\n",
                "t.ini: logfile: the directory \"no\" cannot be used: No such file or directory\n"
                "t.ini: pidfile: \".\" is a directory\n");
}

static void
an_address_of_another_machine_is_named(void **state)
{
    (void)state;
    /* from a block that is for documents and of no machine */
    assert_said("state_file = s\nlisten_addr = 192.0.2.1\n",
                "t.ini: listen_addr: nothing can listen at \"192.0.2.1\": Cannot assign requested "
                "address\n");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_can_be_used_is_not_named),
        cmocka_unit_test(what_cannot_be_used_is_named_with_its_key),
        cmocka_unit_test(an_address_of_another_machine_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
