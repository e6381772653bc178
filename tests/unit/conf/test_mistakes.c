/* test_mistakes.c — mistakes are printed in the order of their lines. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/mistakes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
those_of_the_whole_file_come_last(void **state)
{
    (void)state;
    struct conf_mistakes m = {0};
    struct buf out;
    buf_init(&out);
    conf_mistake_add(&m, "before.ini", 9, "is not %s", "moved");
    conf_mistake_add(&m, "a.ini", 0, "no line");
    conf_mistake_add(&m, "a.ini", 7, "first of seven");
    conf_mistake_add(&m, "a.ini", 2, "two");
    conf_mistake_add(&m, "a.ini", 7, "second of seven");
    conf_mistakes_sort(&m, 1);
    conf_mistakes_print(&m, &out);
    assert_true(slice_equal_str(buf_slice(&out), "before.ini:9: is not moved\n"
                                                 "a.ini:2: two\n"
                                                 "a.ini:7: first of seven\n"
                                                 "a.ini:7: second of seven\n"
                                                 "a.ini: no line\n"));
    conf_mistakes_fini(&m);
    assert_int_equal(m.count, 0);
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(those_of_the_whole_file_come_last)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
