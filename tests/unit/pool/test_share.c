/* test_share.c — the caps over all workers, and which worker has waited longest. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/share.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* Two pools of one user on one side, as the registry makes them. */
struct shares {
    atomic_uint of_database, of_user;
    struct pool_share a, b;
};

static int
setup(void **state)
{
    static struct shares s;
    s = (struct shares){.of_database = 0};
    s.a.of_database = s.b.of_database = &s.of_database;
    s.a.of_user = s.b.of_user = &s.of_user;
    *state = &s;
    return 0;
}

static void
each_cap_bounds_by_itself(void **state)
{
    struct shares *s = *state;
    const struct {
        struct pool_caps caps;
        bool may;
    } rows[] = {
        {{1, 0, 0}, false}, {{2, 0, 0}, true}, {{9, 1, 0}, false}, {{9, 2, 0}, true},
        {{9, 0, 1}, false}, {{9, 0, 2}, true}, {{9, 2, 2}, true},
    };
    const struct pool_caps any = {9, 0, 0};
    assert_true(pool_share_open(&s->a, &any));
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        assert_int_equal(pool_share_open(&s->a, &rows[i].caps), rows[i].may);
        assert_int_equal(s->of_database, rows[i].may ? 2 : 1);
        assert_int_equal(s->of_user, rows[i].may ? 2 : 1);
        if (rows[i].may) {
            pool_share_close(&s->a);
        }
    }
    assert_true(pool_share_has_open(&s->a));
    pool_share_close(&s->a);
    assert_false(pool_share_has_open(&s->a));
}

static void
another_pool_is_in_the_way_only_at_a_cap_over_several(void **state)
{
    struct shares *s = *state;
    const struct pool_caps of_user = {2, 0, 1};
    const struct pool_caps of_database = {2, 1, 0};
    bool by_user;
    assert_true(pool_share_open(&s->a, &of_user));
    assert_true(pool_share_is_crowded(&s->b, &of_user, &by_user));
    assert_true(by_user);
    assert_true(pool_share_is_crowded(&s->b, &of_database, &by_user));
    assert_false(by_user);
    assert_false(pool_share_is_crowded(&s->a, &(struct pool_caps){1, 1, 1}, &by_user));
    assert_false(pool_share_is_over(&s->a, &of_user));
    assert_true(pool_share_open(&s->b, &(struct pool_caps){2, 0, 0}));
    assert_true(pool_share_is_over(&s->a, &of_user));
    pool_share_close(&s->a);
    pool_share_close(&s->b);
}

static void
the_one_who_waits_longest_is_found(void **state)
{
    struct shares *s = *state;
    assert_int_equal(pool_share_hungriest(&s->a, 0, 4, 0), -1);
    pool_share_wait(&s->a, 0, 100);
    pool_share_wait(&s->a, 1, 300);
    pool_share_wait(&s->a, 3, 200);
    assert_int_equal(pool_share_hungriest(&s->a, 0, 4, 0), 3);
    assert_int_equal(pool_share_hungriest(&s->a, 1, 4, 0), 0);
    assert_int_equal(pool_share_hungriest(&s->a, 0, 4, 200), -1);
    assert_int_equal(pool_share_hungriest(&s->a, 0, 4, 201), 3);
    for (uint32_t worker = 0; worker < 4; worker++) {
        pool_share_wait(&s->a, worker, 0);
        pool_share_wait(&s->a, worker, 0); /* told twice, counted once */
    }
    assert_int_equal(s->a.waiting, 0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(each_cap_bounds_by_itself, setup),
        cmocka_unit_test_setup(another_pool_is_in_the_way_only_at_a_cap_over_several, setup),
        cmocka_unit_test_setup(the_one_who_waits_longest_is_found, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
