/* test_ident.c — rows of pg_ident.conf. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/ident.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
names_are_mapped(void **state)
{
    (void)state;
    struct buf mistakes;
    buf_init(&mistakes);
    struct ident *i = ident_load_slice(
        slice_of_str("# maps\nm  root  app\nm  \"Ann Smith\" ann\nother root postgres\n"), "i",
        &mistakes);
    assert_non_null(i);
    assert_true(ident_allows(i, "m", "root", "app"));
    assert_true(ident_allows(i, "m", "Ann Smith", "ann"));
    assert_false(ident_allows(i, "m", "root", "postgres"));
    assert_false(ident_allows(i, "m", "app", "app"));
    assert_false(ident_allows(i, "none", "app", "app"));
    assert_true(ident_allows(i, NULL, "app", "app"));
    assert_false(ident_allows(i, NULL, "root", "app"));
    assert_false(ident_allows(NULL, "m", "root", "app"));
    ident_free(i);
    assert_null(ident_load_slice(slice_of_str("m root\nm /^r app\n"), "i", &mistakes));
    buf_fini(&mistakes);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_mapped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
