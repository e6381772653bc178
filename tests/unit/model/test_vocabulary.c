/* test_vocabulary.c — every value of the vocabulary has a name of its own, and parses back from it.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "model/side.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/log.h"
#include "model/auth_type.h"
#include "model/channel_binding.h"
#include "model/drain.h"
#include "model/fence.h"
#include "model/freshness.h"
#include "model/reads.h"
#include "model/tls_mode.h"

struct vocabulary {
    const char *bar;          /* "|blue|green" */
    const char *const *names; /* NULL behind the last */
};

/* clang-format off */
#define VOCABULARY(VALUES) {VALUES(WORDS_BAR), (const char *const[]){VALUES(WORDS_NAME) NULL}}
/* clang-format on */

static const struct vocabulary vocabularies[] = {
    VOCABULARY(AUTH_TYPE_KEY_VALUES), VOCABULARY(CHANNEL_BINDING_VALUES),
    VOCABULARY(DRAIN_VALUES),         VOCABULARY(FENCE_VALUES),
    VOCABULARY(FRESHNESS_VALUES),     VOCABULARY(LOG_LEVEL_VALUES),
    VOCABULARY(READS_VALUES),         VOCABULARY(SIDE_VALUES),
    VOCABULARY(TLS_MODE_VALUES),
};

static size_t
names_count(const struct vocabulary *v)
{
    size_t count = 0;
    while (v->names[count] != NULL) {
        count++;
    }
    return count;
}

static void
every_name_is_found_at_its_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(vocabularies); i++) {
        const struct vocabulary *v = &vocabularies[i];
        const size_t count = names_count(v);
        char bar[128] = "";
        assert_true(count >= 2);
        for (size_t value = 0; value < count; value++) {
            unsigned found;
            assert_true(words_find(v->names, count, v->names[value], &found));
            assert_int_equal(found, value); /* so no name stands twice */
            const size_t len = strlen(bar);
            (void)snprintf(bar + len, sizeof(bar) - len, "|%s", v->names[value]);
        }
        assert_string_equal(bar, v->bar);
    }
}

static void
case_does_not_matter_but_the_rest_does(void **state)
{
    enum side side = SIDE_BLUE;
    (void)state;
    assert_true(side_parse("GREEN", &side));
    assert_int_equal(side, SIDE_GREEN);
    static const char *const bad[] = {"", "gree", "greens", " green", "follow"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        assert_false(side_parse(bad[i], &side));
        assert_int_equal(side, SIDE_GREEN); /* as it was */
    }
}

static void
what_is_printed_parses_back(void **state)
{
    (void)state;
    for (unsigned i = 0; i < SIDES_COUNT; i++) {
        enum side side;
        assert_true(side_parse(side_name((enum side)i), &side));
        assert_int_equal(side, i);
    }
    for (unsigned i = 0; i < READS_COUNT; i++) {
        enum reads reads;
        assert_true(reads_parse(reads_name((enum reads)i), &reads));
        assert_int_equal(reads, i);
    }
}

static void
a_drain_policy_is_one_of_three_words(void **state)
{
    enum drain_policy policy = DRAIN_ABORT;
    (void)state;
    assert_true(drain_policy_parse("terminate", &policy));
    assert_int_equal(policy, DRAIN_TERMINATE);
    assert_true(drain_policy_parse("Cancel", &policy));
    assert_int_equal(policy, DRAIN_CANCEL);
    assert_false(drain_policy_parse("wait", &policy));
    assert_int_equal(policy, DRAIN_CANCEL);
}

static void
tls_modes_have_the_words_of_libpq(void **state)
{
    (void)state;
    assert_string_equal(tls_mode_name(TLS_DISABLE), "disable");
    assert_string_equal(tls_mode_name(TLS_VERIFY_FULL), "verify-full");
}

static void
reads_go_to_their_side_or_follow_the_writer(void **state)
{
    (void)state;
    for (int i = 0; i < SIDES_COUNT; i++) {
        const enum side writer = (enum side)i;
        assert_int_equal(side_other(side_other(writer)), writer);
        assert_int_equal(reads_side(READS_FOLLOW, writer), writer);
        assert_int_equal(reads_side(READS_BLUE, writer), SIDE_BLUE);
        assert_int_equal(reads_side(READS_GREEN, writer), SIDE_GREEN);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_is_found_at_its_value),
        cmocka_unit_test(case_does_not_matter_but_the_rest_does),
        cmocka_unit_test(what_is_printed_parses_back),
        cmocka_unit_test(a_drain_policy_is_one_of_three_words),
        cmocka_unit_test(tls_modes_have_the_words_of_libpq),
        cmocka_unit_test(reads_go_to_their_side_or_follow_the_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
