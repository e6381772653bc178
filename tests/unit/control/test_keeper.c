/* test_keeper.c — the file of what the operator has said: it is what was put last, and whatever
 * stands in it, Teal starts. */
/* SPDX-License-Identifier: PostgreSQL */
#include "control/keeper.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"

static const char *const pairs[] = {"app", "shop"};

/* A folder of its own. */
struct place {
    char dir[32];
    char state[64];
    char file[64];
};

static void
set_up(struct place *p)
{
    (void)snprintf(p->dir, sizeof(p->dir), "/tmp/teal-keeper-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    (void)snprintf(p->state, sizeof(p->state), "%s/state", p->dir);
    (void)snprintf(p->file, sizeof(p->file), "%s/state.operator", p->dir);
}

static void
tear_down(const struct place *p)
{
    (void)unlink(p->file);
    assert_int_equal(rmdir(p->dir), 0); /* nothing else was left there */
}

static struct keeper *
keeper_at(const struct place *p)
{
    return keeper_new(p->state, pairs, 2);
}

static void
write_file(const struct place *p, const char *text)
{
    struct err err;
    assert_true(file_replace(p->file, slice_of_str(text), &err));
}

static void
what_was_put_is_there_after_a_restart(void **state)
{
    (void)state;
    struct place p;
    set_up(&p);
    char key[] = "max_client_conn";
    char value[] = "7";
    struct keeper *k = keeper_at(&p);
    keeper_put_paused(k, true);
    keeper_put_hold(k, "shop", &(struct wish_hold){.until_wall_us = 9, .length_us = 4});
    keeper_put_sets(k, &(struct wish_set){key, value}, 1);
    assert_null(keeper_unwritten(k));
    keeper_free(k);
    k = keeper_at(&p);
    assert_true(keeper_wishes(k)->paused);
    assert_int_equal(keeper_pair(k, "shop")->hold.until_wall_us, 9);
    assert_int_equal(keeper_wishes(k)->sets_count, 1);
    keeper_put_paused(k, false);
    keeper_free(k);
    k = keeper_at(&p);
    assert_false(keeper_wishes(k)->paused);
    assert_int_equal(keeper_pair(k, "shop")->hold.until_wall_us, 9);
    keeper_free(k);
    tear_down(&p);
}

static void
nothing_said_is_no_file(void **state)
{
    (void)state;
    struct place p;
    set_up(&p);
    struct keeper *k = keeper_at(&p);
    keeper_put_paused(k, false);
    keeper_put_sets(k, NULL, 0);
    assert_false(file_exists(p.file));
    assert_null(keeper_unwritten(k));
    keeper_free(k);
    tear_down(&p);
}

static void
a_file_that_cannot_be_read_says_nothing_and_is_replaced(void **state)
{
    (void)state;
    struct place p;
    set_up(&p);
    char alias[] = "app";
    struct err err;
    write_file(&p, "teal-operator 1\npaused\ncrc 00000000\n");
    struct keeper *k = keeper_at(&p);
    assert_false(keeper_wishes(k)->paused);
    assert_true(keeper_put_stop(k, &(struct view_stop){.alias = alias, .disabled = true}, &err));
    keeper_free(k);
    k = keeper_at(&p);
    assert_true(wish_stop_find(keeper_wishes(k), "app")->disabled);
    keeper_free(k);
    tear_down(&p);
}

static void
a_corrupt_file_is_replaced_by_nothing_said_as_well(void **state)
{
    (void)state;
    struct place p;
    struct buf text;
    set_up(&p);
    write_file(&p, "nonsense");
    struct keeper *k = keeper_at(&p);
    keeper_put_paused(k, false);
    keeper_free(k);
    struct err err;
    struct wishes w;
    buf_init(&text);
    assert_true(file_read(p.file, WISHES_SIZE_MAX, &text, &err));
    assert_true(wishes_decode(buf_slice(&text), &w, &err));
    assert_true(wishes_are_empty(&w));
    buf_fini(&text);
    wishes_fini(&w);
    tear_down(&p);
}

static void
pairs_that_are_no_more_give_way(void **state)
{
    (void)state;
    static const char *const before[] = {"old", "app"};
    const struct wish_hold hold = {.until_wall_us = 9, .length_us = 4};
    struct place p;
    set_up(&p);
    struct keeper *k = keeper_new(p.state, before, 2);
    keeper_put_hold(k, "old", &hold);
    keeper_put_hold(k, "app", &hold);
    keeper_free(k);
    k = keeper_at(&p);
    assert_null(wishes_find(keeper_wishes(k), "old"));
    assert_int_equal(keeper_pair(k, "app")->hold.until_wall_us, 9);
    keeper_free(k);
    tear_down(&p);
}

static void
what_could_not_be_written_is_told_and_tried_again(void **state)
{
    (void)state;
    struct place p;
    char blocker[80];
    set_up(&p);
    (void)snprintf(blocker, sizeof(blocker), "%s.new", p.file);
    assert_int_equal(mkdir(blocker, 0700), 0); /* where the new bytes would go first */
    struct keeper *k = keeper_at(&p);
    keeper_put_paused(k, true);
    assert_string_equal(keeper_unwritten(k), p.file);
    assert_true(keeper_wishes(k)->paused);
    keeper_tick(k);
    assert_non_null(keeper_unwritten(k));
    assert_int_equal(rmdir(blocker), 0);
    keeper_tick(k);
    assert_null(keeper_unwritten(k));
    keeper_free(k);
    k = keeper_at(&p);
    assert_true(keeper_wishes(k)->paused);
    keeper_free(k);
    tear_down(&p);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_put_is_there_after_a_restart),
        cmocka_unit_test(nothing_said_is_no_file),
        cmocka_unit_test(a_file_that_cannot_be_read_says_nothing_and_is_replaced),
        cmocka_unit_test(a_corrupt_file_is_replaced_by_nothing_said_as_well),
        cmocka_unit_test(pairs_that_are_no_more_give_way),
        cmocka_unit_test(what_could_not_be_written_is_told_and_tried_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
