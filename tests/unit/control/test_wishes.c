/* test_wishes.c — what the operator has said: what is written is read, and nothing else is. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/wishes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/crc32.h"
#include "base/mem.h"

/* Two pairs with everything that can be said, in names that hold whatever a name may. */
static void
say_all(struct wishes *w)
{
    char bob[] = "bob's \\ \n\x01\xc3\xa4";
    char shop[] = "shop";
    struct view_rule rules[] = {{.user = bob, .side = SIDE_GREEN},
                                {.database = shop, .application = shop, .side = SIDE_BLUE}};
    *w = (struct wishes){0};
    wish_set_put(w, "default_pool_size", "30");
    wish_set_put(w, "auth_query", "SELECT 'x'\n, $1");
    struct wishes_pair *app = wishes_pair(w, "app");
    wish_reads_put(
        &app->reads,
        &(struct wish_reads){
            .set = true, .to = READS_GREEN, .percent = 500, .rules = rules, .rules_count = 2});
    app->hold = (struct wish_hold){.until_wall_us = 1795968000000000, .length_us = 20000000};
    wishes_pair(w, "the 'other'")->hold = app->hold;
    w->paused = true;
    assert_true(wish_stop_put(w, &(struct view_stop){.alias = shop, .disabled = true}));
    assert_true(wish_stop_put(w, &(struct view_stop){.alias = bob, .paused = true}));
}

static void
everything_reads_as_written(void **state)
{
    (void)state;
    struct wishes w;
    struct wishes out;
    struct err err;
    struct buf text;
    struct buf again;
    say_all(&w);
    buf_init(&text);
    buf_init(&again);
    wishes_encode(&w, &text);
    assert_true(wishes_decode(buf_slice(&text), &out, &err));
    assert_int_equal(out.sets_count, 2);
    assert_string_equal(out.sets[1].value, "SELECT 'x'\n, $1");
    assert_int_equal(out.pairs_count, 2);
    const struct wishes_pair *app = wishes_find(&out, "app");
    assert_true(app->reads.set && app->reads.to == READS_GREEN && app->reads.percent == 500);
    assert_int_equal(app->reads.rules_count, 2);
    assert_string_equal(app->reads.rules[0].user, "bob's \\ \n\x01\xc3\xa4");
    assert_null(app->reads.rules[0].database);
    assert_null(app->reads.rules[1].user);
    assert_string_equal(app->reads.rules[1].application, "shop");
    assert_int_equal(app->hold.length_us, 20000000);
    assert_int_equal(wishes_find(&out, "the 'other'")->hold.length_us, 20000000);
    assert_true(out.paused);
    assert_true(wish_stop_find(&out, "shop")->disabled && !wish_stop_find(&out, "shop")->paused);
    assert_true(wish_stop_find(&out, app->reads.rules[0].user)->paused);
    wishes_encode(&out, &again);
    assert_true(slice_equal(buf_slice(&text), buf_slice(&again)));
    buf_fini(&text);
    buf_fini(&again);
    wishes_fini(&w);
    wishes_fini(&out);
}

static void
every_truncation_and_every_flipped_bit_is_refused(void **state)
{
    (void)state;
    struct wishes w;
    struct wishes out;
    struct buf text;
    say_all(&w);
    buf_init(&text);
    wishes_encode(&w, &text);
    const struct slice all = buf_slice(&text);
    uint8_t *bytes = xcalloc(1, all.len);
    for (size_t len = 0; len < all.len; len++) {
        struct err err;
        err_clear(&err);
        assert_false(wishes_decode(slice_of(all.p, len), &out, &err));
        assert_true(err_is_set(&err));
        assert_int_equal(out.pairs_count + out.sets_count, 0);
    }
    for (size_t bit = 0; bit < all.len * 8; bit++) {
        struct err err;
        memcpy(bytes, all.p, all.len);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        assert_false(wishes_decode(slice_of(bytes, all.len), &out, &err));
    }
    mem_free(bytes);
    buf_fini(&text);
    wishes_fini(&w);
}

/* The body with a good head and a good checksum: what somebody could have made. */
static bool
is_taken(const char *body, struct wishes *out)
{
    struct buf text;
    struct err err;
    buf_init(&text);
    buf_printf(&text, "teal-operator 1\n%s", body);
    buf_printf(&text, "crc %08x\n", (unsigned)crc32_of(buf_slice(&text)));
    err_clear(&err);
    const bool ok = wishes_decode(buf_slice(&text), out, &err);
    assert_true(ok || err_is_set(&err));
    buf_fini(&text);
    return ok;
}

static void
what_no_command_could_have_said_is_refused(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "reads green 500\n",             /* of no pair */
        "pair 'app'\nset workers '1'\n", /* of a pair */
        "pair 'app'\npair 'app'\n",      /* twice */
        "paused\npaused\n",
        "pair 'app'\npaused\n",
        "stop 'a'\n",
        "stop 'a' paused\nstop 'a' disabled\n",
        "stop 'a' disabled paused\n",
        "pair 'app'\nstop 'a' paused\n",
        "pair 'app'\nreads green 10001\n",
        "pair 'app'\nreads green -1\n",
        "pair 'app'\nreads green\n",
        "pair 'app'\nreads red 1\n",
        "pair 'app'\nreads green 1\nreads green 1\n",
        "pair 'app'\nreads green 99999999999999999999999\n",
        "pair 'app'\nrule green user '' database '' application ''\n", /* matches all */
        "pair 'app'\nrule green user 'a' database '' application ''\n"
        "rule blue user 'a' database '' application ''\n",
        "pair 'app'\nrule follow user 'a' database '' application ''\n",
        "pair 'app'\nrule green user 'a' application ''\n",
        "pair 'app'\nrule green user 'a\\00' database '' application ''\n",
        "pair 'app'\nrule green user 'a\\4' database '' application ''\n",
        "pair 'app'\nrule green user 'a\\4A' database '' application ''\n",
        "pair 'app'\nrule green user 'a database '' application ''\n",
        "pair 'app'\nrule green user "
        "'0123456789012345678901234567890123456789012345678901234567890123'"
        " database '' application ''\n",
        "pair 'app'\nhold 0 1\n",
        "pair 'app'\nhold 1 0\n",
        "pair 'app'\nhold 1795968000000000 600000001\n", /* longer than HOLD may be */
        "pair 'app'\nhold 1\n",
        "pair 'app\n",
        "pair app\n",
        "set a 'b'\nset a 'c'\n",
        "set a b\n",
        "set  'b'\n",
        "set a 'b' \n",
        "\n",
        "what 'is this'\n",
        "pair 'app'", /* a line without an end */
    };
    for (size_t i = 0; i < COUNT_OF(bodies); i++) {
        struct wishes out;
        if (is_taken(bodies[i], &out)) {
            fail_msg("taken: %s", bodies[i]);
        }
        assert_int_equal(out.pairs_count + out.sets_count, 0);
    }
    struct wishes out;
    assert_true(is_taken("", &out));
    wishes_fini(&out);
    assert_true(is_taken("pair 'app'\nhold 1795968000000000 600000000\n", &out));
    wishes_fini(&out);
}

static void
more_than_there_may_be_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *first, *before, *after; /* the number stands between the last two */
        unsigned most;
    } cases[] = {
        {"", "pair 'p", "'\n", PAIRS_MAX},
        {"", "set k", " 'v'\n", WISHES_SETS_MAX},
        {"", "stop 's", "' paused\n", WISHES_STOPS_MAX},
        {"pair 'app'\n", "rule green user 'u", "' database '' application ''\n", WISHES_RULES_MAX},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (unsigned more = 0; more < 2; more++) {
            struct buf body;
            struct wishes out;
            buf_init(&body);
            buf_put_text(&body, cases[i].first);
            for (unsigned n = 0; n < cases[i].most + more; n++) {
                buf_printf(&body, "%s%u%s", cases[i].before, n, cases[i].after);
            }
            buf_put_u8(&body, 0);
            assert_int_equal(is_taken((const char *)buf_slice(&body).p, &out), more == 0);
            buf_fini(&body);
            wishes_fini(&out);
        }
    }
}

static void
a_hold_lasts_no_longer_than_it_was(void **state)
{
    (void)state;
    const struct wish_hold hold = {.until_wall_us = 5000, .length_us = 2000};
    assert_int_equal(wish_hold_left_us(&hold, 4000), 1000);
    assert_int_equal(wish_hold_left_us(&hold, 4999), 1);
    assert_int_equal(wish_hold_left_us(&hold, 5000), 0);
    assert_int_equal(wish_hold_left_us(&hold, UINT64_MAX), 0);
    assert_int_equal(wish_hold_left_us(&hold, 0), 2000); /* the clock was set back */
    assert_int_equal(wish_hold_left_us(&(struct wish_hold){0}, 0), 0);
}

static void
a_pair_without_a_wish_is_not_written(void **state)
{
    (void)state;
    struct wishes w = {0};
    struct buf text;
    buf_init(&text);
    wishes_pair(&w, "app")->hold = (struct wish_hold){.until_wall_us = 1, .length_us = 1};
    assert_false(wishes_are_empty(&w));
    wishes_pair(&w, "app")->hold = (struct wish_hold){0};
    assert_true(wishes_are_empty(&w));
    wishes_encode(&w, &text);
    buf_put_u8(&text, 0);
    assert_null(strstr((const char *)buf_slice(&text).p, "app"));
    wishes_forget(&w, wishes_find(&w, "app"));
    assert_null(wishes_find(&w, "app"));
    buf_fini(&text);
    wishes_fini(&w);
}

static void
a_database_that_is_neither_paused_nor_disabled_is_forgotten(void **state)
{
    (void)state;
    char one[] = "one";
    char two[] = "two";
    struct wishes w = {0};
    assert_true(wish_stop_put(&w, &(struct view_stop){.alias = one, .paused = true}));
    assert_true(wish_stop_put(&w, &(struct view_stop){.alias = two, .disabled = true}));
    assert_true(wish_stop_put(&w, &(struct view_stop){.alias = one, .disabled = true}));
    assert_int_equal(w.stops_count, 2);
    assert_true(wish_stop_find(&w, "one")->disabled && !wish_stop_find(&w, "one")->paused);
    assert_true(wish_stop_put(&w, &(struct view_stop){.alias = one}));
    assert_null(wish_stop_find(&w, "one"));
    assert_non_null(wish_stop_find(&w, "two"));
    assert_true(wish_stop_put(&w, &(struct view_stop){.alias = one})); /* there was none */
    assert_int_equal(w.stops_count, 1);
    wishes_fini(&w);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(everything_reads_as_written),
        cmocka_unit_test(every_truncation_and_every_flipped_bit_is_refused),
        cmocka_unit_test(what_no_command_could_have_said_is_refused),
        cmocka_unit_test(more_than_there_may_be_is_refused),
        cmocka_unit_test(a_hold_lasts_no_longer_than_it_was),
        cmocka_unit_test(a_pair_without_a_wish_is_not_written),
        cmocka_unit_test(a_database_that_is_neither_paused_nor_disabled_is_forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
