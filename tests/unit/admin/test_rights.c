/* test_rights.c — who may do what on the console. */
/* SPDX-License-Identifier: PostgreSQL */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "admin/rights.h"
#include "base/check.h"

enum { OWN = 500, STRANGER = 1234 };

static char name_of_admin[] = "dba";
static char number_of_admin[] = "777";
static char name_of_viewer[] = "metrics";
static char *admins[] = {name_of_admin, number_of_admin};
static char *viewers[] = {name_of_viewer, name_of_admin};

static struct conf
lists(void)
{
    return (struct conf){.admin_users = {admins, COUNT_OF(admins)},
                         .stats_users = {viewers, COUNT_OF(viewers)}};
}

static void
root_and_the_own_user_operate_without_any_list(void **state)
{
    (void)state;
    const struct conf none = {0};
    assert_int_equal(right_of(&none, 0, OWN, "root"), RIGHT_OPERATE);
    assert_int_equal(right_of(&none, OWN, OWN, "teal"), RIGHT_OPERATE);
    assert_int_equal(right_of(&none, STRANGER, OWN, "teal"), RIGHT_NONE);
    assert_int_equal(right_of(&none, STRANGER, OWN, ""), RIGHT_NONE);
}

static void
the_lists_name_users_by_name_or_number(void **state)
{
    (void)state;
    const struct conf conf = lists();
    assert_int_equal(right_of(&conf, STRANGER, OWN, "dba"), RIGHT_OPERATE); /* in both: the wider */
    assert_int_equal(right_of(&conf, 777, OWN, ""), RIGHT_OPERATE);
    assert_int_equal(right_of(&conf, STRANGER, OWN, "metrics"), RIGHT_VIEW);
    assert_int_equal(right_of(&conf, STRANGER, OWN, "db"), RIGHT_NONE);
    assert_int_equal(right_of(&conf, 7777, OWN, "777x"), RIGHT_NONE);
}

static void
a_peer_that_the_kernel_does_not_tell_may_nothing(void **state)
{
    (void)state;
    const struct conf conf = lists();
    assert_int_equal(right_of(&conf, (uid_t)-1, (uid_t)-1, "dba"), RIGHT_NONE);
}

/* Each command with each right: the matrix is made from the table itself. */
static void
every_command_needs_what_its_row_says(void **state)
{
    (void)state;
    unsigned operate = 0;
    for (size_t i = 0; i < command_rows_count(); i++) {
        const enum command_needs needs = command_row_at(i)->needs;
        assert_false(right_suffices(RIGHT_NONE, needs));
        assert_int_equal(right_suffices(RIGHT_VIEW, needs), needs == NEEDS_VIEW);
        assert_true(right_suffices(RIGHT_OPERATE, needs));
        operate += needs == NEEDS_OPERATE ? 1 : 0;
    }
    assert_true(operate > 10);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(root_and_the_own_user_operate_without_any_list),
        cmocka_unit_test(the_lists_name_users_by_name_or_number),
        cmocka_unit_test(a_peer_that_the_kernel_does_not_tell_may_nothing),
        cmocka_unit_test(every_command_needs_what_its_row_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
