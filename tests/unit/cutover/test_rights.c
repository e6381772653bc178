/* test_rights.c — which fence follows from what the operator's role may do. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/flip/rights.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/check.h"

static const struct rights_side superuser = {
    .known = true, .superuser = true, .alters_system = true, .owns = true, .keeps = true};
static const struct rights_side granted = {
    .known = true, .alters_system = true, .owns = true, .keeps = true};
static const struct rights_side owner = {.known = true, .owns = true, .keeps = true};
static const struct rights_side nobody = {.known = true, .keeps = true};

/* Blue is left; green is the target. */
static struct fence_choice
choose(struct rights_side blue, struct rights_side green, enum fence_policy fence, bool partial)
{
    const struct rights rights = {.of = {[SIDE_BLUE] = blue, [SIDE_GREEN] = green}};
    const struct fence_wish wish = {
        .fence = fence, .partial = partial, .from = SIDE_BLUE, .to = SIDE_GREEN};
    return rights_choose(&rights, &wish);
}

static void
assert_refused(struct fence_choice choice, const char *why)
{
    assert_false(choice.possible);
    if (strstr(choice.why, why) == NULL) {
        fail_msg("\"%s\" says nothing of \"%s\"", choice.why, why);
    }
}

static void
the_means_follow_from_the_rights(void **state)
{
    (void)state;
    static const struct {
        const struct rights_side *blue, *green;
        enum fence_policy fence;
        bool partial;
        bool database, strict;
    } cases[] = {
        {&superuser, &superuser, FENCE_AUTO, false, false, false},
        {&superuser, &superuser, FENCE_SOFT, false, false, false},
        {&superuser, &superuser, FENCE_STRICT, false, false, true},
        {&superuser, &superuser, FENCE_DATABASE, false, true, false},
        {&superuser, &superuser, FENCE_AUTO, true, true, false},
        {&superuser, &superuser, FENCE_STRICT, true, true, true},
        {&granted, &granted, FENCE_AUTO, false, false, false},
        {&granted, &owner, FENCE_AUTO, false, true, false},
        {&owner, &granted, FENCE_AUTO, false, true, false},
        {&owner, &owner, FENCE_STRICT, false, true, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct fence_choice choice =
            choose(*cases[i].blue, *cases[i].green, cases[i].fence, cases[i].partial);
        assert_true(choice.possible);
        assert_int_equal(choice.database, cases[i].database);
        assert_int_equal(choice.strict, cases[i].strict);
        assert_non_null(strstr(choice.why, cases[i].database ? "ALTER DATABASE" : "ALTER SYSTEM"));
    }
}

static void
what_the_role_may_not_is_refused_with_the_side(void **state)
{
    (void)state;
    assert_refused(choose(granted, owner, FENCE_SOFT, false), "may not ALTER SYSTEM on green");
    assert_refused(choose(owner, nobody, FENCE_AUTO, false), "no owner of the databases of green");
    assert_refused(choose(nobody, superuser, FENCE_DATABASE, false),
                   "no owner of the databases of blue");
    assert_refused(choose(superuser, superuser, FENCE_SOFT, true), "not of this pair");
    assert_refused(choose((struct rights_side){0}, owner, FENCE_AUTO, false), "not known");
}

static void
roles_that_beat_the_fence_and_cannot_be_altered_are_named(void **state)
{
    (void)state;
    struct rights_side blue = superuser;
    (void)snprintf(blue.overrides, sizeof(blue.overrides), "app");
    assert_true(choose(blue, superuser, FENCE_AUTO, false).possible);
    (void)snprintf(blue.overrides_stuck, sizeof(blue.overrides_stuck), "app");
    assert_refused(choose(blue, superuser, FENCE_AUTO, false), "sessions of app on blue");
}

static void
strict_needs_every_application(void **state)
{
    (void)state;
    struct rights_side blue = owner;
    (void)snprintf(blue.logins_stuck, sizeof(blue.logins_stuck), "app, other");
    assert_refused(choose(blue, owner, FENCE_STRICT, false), "app, other on blue");
    assert_true(choose(blue, owner, FENCE_AUTO, false).possible);
    blue.superuser = true;
    assert_true(choose(blue, owner, FENCE_STRICT, false).possible);
}

static void
what_must_be_kept_needs_where_to_keep_it(void **state)
{
    (void)state;
    struct rights_side blue = superuser;
    blue.keeps = false;
    assert_true(choose(blue, superuser, FENCE_AUTO, false).possible);
    assert_refused(choose(blue, superuser, FENCE_STRICT, false), "run PREPARE");
    assert_refused(choose(blue, superuser, FENCE_DATABASE, false), "run PREPARE");
    (void)snprintf(blue.overrides, sizeof(blue.overrides), "app");
    assert_refused(choose(blue, superuser, FENCE_AUTO, false), "run PREPARE");
}

static void
a_target_that_cannot_be_opened_is_refused(void **state)
{
    (void)state;
    struct rights_side green = owner;
    green.system_on = true;
    assert_refused(choose(owner, green, FENCE_AUTO, false), "the configuration of green");
    green.alters_system = true;
    assert_true(choose(owner, green, FENCE_AUTO, false).possible);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_means_follow_from_the_rights),
        cmocka_unit_test(what_the_role_may_not_is_refused_with_the_side),
        cmocka_unit_test(roles_that_beat_the_fence_and_cannot_be_altered_are_named),
        cmocka_unit_test(strict_needs_every_application),
        cmocka_unit_test(what_must_be_kept_needs_where_to_keep_it),
        cmocka_unit_test(a_target_that_cannot_be_opened_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
