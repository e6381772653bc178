/* test_balance.c — which of several servers a read goes to. */
/* SPDX-License-Identifier: PostgreSQL */
#include "route/balance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

enum { ALL = 7 };

static struct view_side
of_weights(uint32_t a, uint32_t b, uint32_t c)
{
    struct view_side s = {.nodes_count = 3};
    s.node[0].weight = a;
    s.node[1].weight = b;
    s.node[2].weight = c;
    return s;
}

/* How often each of three is picked in so many picks; nothing stays under way. */
static void
pick(struct balance *b, const struct view_side *side, uint32_t nodes, unsigned times,
     unsigned got[3])
{
    memset(got, 0, 3 * sizeof(*got));
    for (unsigned i = 0; i < times; i++) {
        got[balance_pick(b, side, nodes, 1)]++;
    }
}

static void
idle_servers_take_turns_by_weight(void **state)
{
    (void)state;
    static const struct {
        uint32_t weights[3], nodes;
        unsigned want[3];
    } rows[] = {
        {{1, 1, 1}, ALL, {200, 200, 200}}, {{1, 2, 3}, ALL, {100, 200, 300}},
        {{1, 1, 1}, 6, {0, 300, 300}},     {{5, 1, 1}, 2, {0, 600, 0}},
        {{0, 0, 0}, 5, {300, 0, 300}}, /* asked although it has no weight: then it has one */
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const uint32_t *w = rows[i].weights;
        const struct view_side side = of_weights(w[0], w[1], w[2]);
        struct balance b = {.now = 0};
        unsigned got[3];
        pick(&b, &side, rows[i].nodes, 600, got);
        for (int n = 0; n < 3; n++) {
            assert_in_range(got[n], rows[i].want[n] == 0 ? 0 : rows[i].want[n] - 2,
                            rows[i].want[n] == 0 ? 0 : rows[i].want[n] + 2);
        }
    }
}

static void
the_least_busy_for_its_weight_is_picked(void **state)
{
    (void)state;
    static const struct {
        uint32_t weights[3], busy[3], want;
    } rows[] = {
        {{1, 1, 1}, {3, 1, 2}, 1}, {{1, 1, 1}, {0, 1, 2}, 0}, {{1, 1, 4}, {1, 1, 3}, 2},
        {{1, 1, 4}, {1, 2, 5}, 0}, {{2, 1, 1}, {3, 2, 2}, 0},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const uint32_t *w = rows[i].weights;
        const struct view_side side = of_weights(w[0], w[1], w[2]);
        struct balance b = {.busy = {rows[i].busy[0], rows[i].busy[1], rows[i].busy[2]}};
        for (int again = 0; again < 3; again++) { /* its turn does not matter */
            assert_int_equal(balance_pick(&b, &side, ALL, 1), rows[i].want);
        }
    }
}

static void
one_that_was_away_gets_no_more_than_its_share(void **state)
{
    (void)state;
    const struct view_side side = of_weights(1, 1, 1);
    struct balance b = {.now = 0};
    unsigned got[3];
    pick(&b, &side, 3, 1000, got);
    assert_int_equal(got[2], 0);
    pick(&b, &side, ALL, 300, got);
    assert_in_range(got[2], 99, 102);
}

static void
one_that_has_just_failed_is_avoided_where_another_will_do(void **state)
{
    (void)state;
    const struct view_side side = of_weights(1, 1, 1);
    struct balance b = {.now = 0};
    unsigned got[3];
    balance_avoid(&b, 0, 10);
    pick(&b, &side, 3, 10, got);
    assert_int_equal(got[1], 10);
    assert_int_equal(balance_pick(&b, &side, 1, 1), 0); /* there is no other */
    balance_avoid(&b, 1, 10);
    pick(&b, &side, 3, 10, got);
    assert_int_equal(got[0] + got[1], 10);
    assert_int_not_equal(balance_pick(&b, &side, ALL, 9), 0);
    balance_avoid(&b, 0, 10);
    b.busy[1] = b.busy[2] = 1;
    assert_int_equal(balance_pick(&b, &side, ALL, 10), 0); /* the time is over */
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idle_servers_take_turns_by_weight),
        cmocka_unit_test(the_least_busy_for_its_weight_is_picked),
        cmocka_unit_test(one_that_was_away_gets_no_more_than_its_share),
        cmocka_unit_test(one_that_has_just_failed_is_avoided_where_another_will_do),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
