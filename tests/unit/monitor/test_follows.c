/* test_follows.c — which databases are followed, and what is known while nobody is asked. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/follows.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "net/loop.h"

struct fixture {
    struct loop *loop; /* owned */
    struct follows *follows;
    int changes;
};

static void
on_changed(void *ctx)
{
    struct fixture *f = ctx;
    f->changes++;
}

static int
setup(void **state)
{
    static struct fixture f;
    f = (struct fixture){.loop = loop_new()};
    f.follows = follows_new(f.loop, on_changed, &f);
    *state = &f;
    return 0;
}

static int
teardown(void **state)
{
    struct fixture *f = *state;
    follows_free(f->follows);
    loop_free(f->loop);
    return 0;
}

static void
tick(struct fixture *f, bool is_on, bool may_beat)
{
    follows_tick(f->follows, &(struct follows_terms){.is_on = is_on,
                                                     .may_beat = may_beat,
                                                     .generation = 1,
                                                     .interval_us = 100000,
                                                     .news_age_max_us = 1000000});
}

static void
names_are_sorted_and_single(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"b", "a", "b", "c", "a"};
    uint32_t count;
    follows_want(f->follows, names, 5);
    tick(f, true, false);
    const struct database_facts *facts = follows_facts(f->follows, &count);
    assert_int_equal(count, 3);
    assert_string_equal(facts[0].name, "a");
    assert_string_equal(facts[1].name, "b");
    assert_string_equal(facts[2].name, "c");
}

static void
what_was_known_of_a_name_stays_with_it(void **state)
{
    struct fixture *f = *state;
    static const char *const before[] = {"a", "b"};
    static const char *const after[] = {"b", "c"};
    uint32_t count;
    follows_want(f->follows, before, 2);
    tick(f, true, false);
    follows_facts(f->follows, &count)[1].fresh_until_us = 77;
    follows_want(f->follows, after, 2);
    const struct database_facts *facts = follows_facts(f->follows, &count);
    assert_int_equal(count, 2);
    assert_string_equal(facts[0].name, "b");
    assert_int_equal(facts[0].fresh_until_us, 77);
    assert_int_equal(facts[1].fresh_until_us, 0);
}

static void
what_nobody_has_proven_is_unknown(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"a"};
    uint32_t count;
    follows_want(f->follows, names, 1);
    tick(f, true, false); /* the writer may not be written to: nobody is asked */
    const struct database_facts *facts = follows_facts(f->follows, &count);
    assert_false(facts[0].lag_known || facts[0].lag_ok);
    assert_int_equal(facts[0].fresh_until_us, 0);
}

static void
while_it_is_off_there_are_none(void **state)
{
    struct fixture *f = *state;
    static const char *const names[] = {"a"};
    uint32_t count;
    follows_want(f->follows, names, 1);
    tick(f, false, false);
    (void)follows_facts(f->follows, &count);
    assert_int_equal(count, 0);
    tick(f, true, false);
    (void)follows_facts(f->follows, &count);
    assert_int_equal(count, 1);
    follows_want(f->follows, NULL, 0);
    (void)follows_facts(f->follows, &count);
    assert_int_equal(count, 0);
}

static void
names_are_bounded(void **state)
{
    struct fixture *f = *state;
    enum { NAMES = DATABASES_MAX + 5 };
    static char texts[NAMES][16];
    const char *names[NAMES];
    uint32_t count;
    for (int i = 0; i < NAMES; i++) {
        (void)snprintf(texts[i], sizeof(texts[i]), "db%05d", i);
        names[i] = texts[i];
    }
    follows_want(f->follows, names, NAMES);
    tick(f, true, false);
    (void)follows_facts(f->follows, &count);
    assert_int_equal(count, DATABASES_MAX);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_are_sorted_and_single, setup, teardown),
        cmocka_unit_test_setup_teardown(what_was_known_of_a_name_stays_with_it, setup, teardown),
        cmocka_unit_test_setup_teardown(what_nobody_has_proven_is_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(while_it_is_off_there_are_none, setup, teardown),
        cmocka_unit_test_setup_teardown(names_are_bounded, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
