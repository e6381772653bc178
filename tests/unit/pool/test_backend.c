/* test_backend.c — which statements stand on a backend, and which goes when there are too many. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/backend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"

/* As much of a backend as its statements and parameters need. */
static int
backend_set_up(void **state)
{
    static struct backend b;
    memset(&b, 0, sizeof(b));
    map_init(&b.prepared, 5);
    list_init(&b.prepared_lru);
    b.params = params_new();
    *state = &b;
    return 0;
}

static int
backend_tear_down(void **state)
{
    struct backend *b = *state;
    backend_forget_all_statements(b);
    map_fini(&b->prepared);
    params_unref(b->params);
    return 0;
}

static void
a_statement_stands_until_it_is_forgotten(void **state)
{
    struct backend *b = *state;
    assert_false(backend_has_statement(b, 7));
    backend_add_statement(b, 7);
    backend_add_statement(b, 7);
    assert_true(backend_has_statement(b, 7));
    assert_int_equal(map_count(&b->prepared), 1);
    backend_forget_statement(b, 8);
    backend_forget_statement(b, 7);
    assert_false(backend_has_statement(b, 7));
    backend_forget_statement(b, 7);
    assert_true(list_empty(&b->prepared_lru));
}

static void
forgetting_all_includes_the_unnamed_one(void **state)
{
    struct backend *b = *state;
    for (uint64_t id = 1; id <= 100; id++) {
        backend_add_statement(b, id << 40 | id);
    }
    b->unnamed = 5;
    backend_forget_all_statements(b);
    assert_int_equal(map_count(&b->prepared), 0);
    assert_true(list_empty(&b->prepared_lru));
    assert_int_equal(b->unnamed, 0);
    assert_int_equal(backend_statement_to_evict(b, 0), 0);
}

static void
the_one_unused_for_longest_goes_first(void **state)
{
    struct backend *b = *state;
    backend_add_statement(b, 1);
    backend_add_statement(b, 2);
    backend_add_statement(b, 3);
    assert_int_equal(backend_statement_to_evict(b, 3), 0);
    assert_int_equal(backend_statement_to_evict(b, 2), 1);
    assert_true(backend_has_statement(b, 1)); /* asking is using */
    assert_int_equal(backend_statement_to_evict(b, 2), 2);
    backend_add_statement(b, 2); /* so is adding again */
    assert_int_equal(backend_statement_to_evict(b, 2), 3);
    backend_forget_statement(b, 3);
    assert_int_equal(backend_statement_to_evict(b, 2), 0);
    assert_int_equal(backend_statement_to_evict(b, 1), 1);
    assert_int_equal(backend_statement_to_evict(b, 0), 1);
}

static void
random_use_equals_a_table_of_last_uses(void **state)
{
    enum { IDS = 40, MAX = 10 };
    struct backend *b = *state;
    uint64_t used[IDS] = {0}; /* when, 0: not there */
    size_t count = 0;
    struct dice dice = {17};
    for (uint64_t now = 1; now < 20000; now++) {
        const uint32_t id = 1 + dice_below(&dice, IDS - 1);
        const bool there = used[id] != 0;
        if (dice_below(&dice, 5) == 0) {
            backend_forget_statement(b, id);
            count -= there ? 1 : 0;
            used[id] = 0;
        } else {
            assert_int_equal(backend_has_statement(b, id), there);
            backend_add_statement(b, id);
            count += there ? 0 : 1;
            used[id] = now;
        }
        uint32_t oldest = 0;
        for (uint32_t i = 1; i < IDS; i++) {
            oldest = used[i] != 0 && (oldest == 0 || used[i] < used[oldest]) ? i : oldest;
        }
        const uint64_t evicted = backend_statement_to_evict(b, MAX);
        assert_int_equal(evicted, count > MAX ? oldest : 0);
        if (evicted != 0) {
            backend_forget_statement(b, evicted);
            used[evicted] = 0;
            count--;
        }
    }
}

static void
names_at_the_server_are_of_the_number(void **state)
{
    (void)state;
    char name[STATEMENT_NAME_SIZE];
    backend_statement_name(1, name);
    assert_string_equal(name, "teal_1");
    backend_statement_name(UINT64_MAX, name);
    assert_string_equal(name, "teal_ffffffffffffffff");
}

static void
a_parameter_is_taken_over_when_it_is_well_formed(void **state)
{
    struct backend *b = *state;
    static const struct {
        const char *body;
        size_t len;
        bool ok;
    } bodies[] = {
        {"TimeZone\0CET\0", 13, true},
        {"x\0\0", 3, true},
        {"", 0, false},
        {"TimeZone", 8, false},
        {"TimeZone\0", 9, false},
        {"TimeZone\0UTC", 12, false},
        {"TimeZone\0UTC\0x", 14, false},
        {"TimeZone\0UTC\0\0", 14, false},
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        assert_int_equal(backend_take_parameter(b, slice_of(bodies[i].body, bodies[i].len)),
                         bodies[i].ok);
    }
    assert_int_equal(b->params->count, 2);
    assert_string_equal(params_get(b->params, "TimeZone"), "CET");
    assert_string_equal(params_get(b->params, "x"), "");
    assert_int_equal(b->params->refs, 1);
}

static void
the_role_of_the_node_is_not_kept(void **state)
{
    struct backend *b = *state;
    struct params *before = b->params;
    assert_true(backend_take_parameter(b, slice_of("in_hot_standby\0on\0", 18)));
    assert_ptr_equal(b->params, before);
    assert_int_equal(b->params->count, 0);
}

int
main(void)
{
#define ON_BACKEND(claim) cmocka_unit_test_setup_teardown(claim, backend_set_up, backend_tear_down)
    const struct CMUnitTest tests[] = {
        ON_BACKEND(a_statement_stands_until_it_is_forgotten),
        ON_BACKEND(forgetting_all_includes_the_unnamed_one),
        ON_BACKEND(the_one_unused_for_longest_goes_first),
        ON_BACKEND(random_use_equals_a_table_of_last_uses),
        ON_BACKEND(names_at_the_server_are_of_the_number),
        ON_BACKEND(a_parameter_is_taken_over_when_it_is_well_formed),
        ON_BACKEND(the_role_of_the_node_is_not_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
