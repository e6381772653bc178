/* test_check_hosts.c — two names of one server are a mistake, a name that leads nowhere a warning.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "app/check_hosts.h"

#include "conf/load.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void
assert_printed(const struct conf_mistakes *m, const char *expected)
{
    struct buf out;
    buf_init(&out);
    conf_mistakes_print(m, &out);
    buf_put_u8(&out, 0);
    assert_string_equal((const char *)buf_slice(&out).p, expected);
    buf_fini(&out);
}

static void
assert_said(const char *text, const char *mistake, const char *warning)
{
    struct conf_mistakes mistakes = {NULL, 0};
    struct conf_mistakes warnings = {NULL, 0};
    struct conf *c = conf_load_string(text, "t.ini", &mistakes);
    assert_non_null(c);
    check_hosts(c, &mistakes, &warnings);
    assert_printed(&mistakes, mistake);
    assert_int_equal(warnings.count, warning[0] == '\0' ? 0 : 1);
    if (warnings.count > 0) {
        assert_non_null(strstr(warnings.items[0].text, warning));
    }
    conf_mistakes_fini(&mistakes);
    conf_mistakes_fini(&warnings);
    conf_unref(c);
}

static void
different_servers_are_fine(void **state)
{
    (void)state;
    assert_said(
        "[blue]\nhosts = 127.0.0.1:1, 127.0.0.1:2, /tmp:1\n[green]\nhosts = 127.0.0.2:1, [::1]:3\n",
        "", "");
}

static void
two_names_of_one_address_are_a_mistake(void **state)
{
    (void)state;
    assert_said("[blue]\nhost = 127.0.0.1\n[green]\nhost = localhost\n",
                "t.ini: \"127.0.0.1\" of [blue] and \"localhost\" of [green] are the same server: "
                "they have an "
                "address in common, at port 5432\n",
                "");
    assert_said("[blue]\nhost = 127.0.0.1\n[green]\nhost = localhost\nport = 5433\n", "", "");
}

static void
a_name_that_leads_nowhere_is_a_warning(void **state)
{
    (void)state;
    assert_said("[pair a]\n[blue a]\nhosts = 127.0.0.1, no-such-host.invalid\n[green a]\nhost = "
                "127.0.0.2\n",
                "", "warning: [blue a]: ");
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(different_servers_are_fine),
        cmocka_unit_test(two_names_of_one_address_are_a_mistake),
        cmocka_unit_test(a_name_that_leads_nowhere_is_a_warning),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
