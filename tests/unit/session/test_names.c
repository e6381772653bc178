/* test_names.c — names of prepared statements, changed and undone in the order of their messages.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/prepared/names.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"

static const uint8_t no_types[] = {0, 0};

struct rig {
    struct statement_table table;
    struct names names;
};

static void
rig_init(struct rig *r)
{
    statement_table_init(&r->table, 0);
    names_init(&r->names, &r->table);
}

static void
rig_fini(struct rig *r)
{
    names_fini(&r->names);
    statement_table_fini(&r->table); /* every reference was given back */
}

static struct statement *
made(struct rig *r, const char *text)
{
    return statement_intern(&r->table, slice_of_str(text), slice_of(no_types, 2), NULL);
}

static void
change(struct rig *r, const char *name, const char *text, uint64_t at_server)
{
    names_change(&r->names, slice_of_str(name), text == NULL ? NULL : made(r, text), at_server);
}

/* What the name means: its text, or "" for nothing. */
static void
assert_means(const struct rig *r, const char *name, const char *text)
{
    const struct statement *s = names_get(&r->names, slice_of_str(name));
    if (text == NULL) {
        assert_null(s);
        return;
    }
    assert_non_null(s);
    assert_true(slice_equal_str(statement_text(s), text));
}

static void
a_change_that_is_answered_stays(void **state)
{
    (void)state;
    struct rig r;
    uint64_t at_server;
    rig_init(&r);
    change(&r, "n", "SELECT 1", 0);
    names_answered(&r.names);
    assert_false(names_undo(&r.names, &at_server));
    assert_means(&r, "n", "SELECT 1");
    assert_int_equal(names_count(&r.names), 1);
    rig_fini(&r);
}

static void
a_change_that_is_skipped_is_undone(void **state)
{
    (void)state;
    struct rig r;
    uint64_t at_server;
    rig_init(&r);
    change(&r, "n", "SELECT 1", 0);
    names_answered(&r.names);
    change(&r, "n", NULL, 0);
    assert_means(&r, "n", NULL);
    assert_false(names_undo(&r.names, &at_server));
    assert_means(&r, "n", "SELECT 1");
    rig_fini(&r);
}

/* A skipped message before one that stands: what stands does not bring the skipped one back. */
static void
the_older_of_two_changes_can_be_undone_alone(void **state)
{
    (void)state;
    struct rig r;
    uint64_t at_server = 99;
    rig_init(&r);
    change(&r, "", "SELECT 1", 7);
    change(&r, "", "SELECT 2", 11);
    assert_false(names_undo(&r.names, &at_server));
    assert_means(&r, "", "SELECT 2");
    assert_true(names_undo(&r.names, &at_server));
    assert_int_equal(at_server, 7); /* what stood there before both */
    assert_means(&r, "", NULL);
    rig_fini(&r);
}

static void
the_unnamed_statement_of_the_server_comes_back_with_the_sessions(void **state)
{
    (void)state;
    struct rig r;
    uint64_t at_server = 0;
    rig_init(&r);
    change(&r, "", "SELECT 1", 0);
    names_answered(&r.names);
    const uint64_t first = r.names.unnamed->id;
    change(&r, "", "SELECT 2", first);
    assert_int_equal(r.names.unnamed_count, 1);
    assert_true(names_undo(&r.names, &at_server));
    assert_int_equal(at_server, first);
    assert_int_equal(r.names.unnamed_count, 0);
    assert_means(&r, "", "SELECT 1");
    rig_fini(&r);
}

static void
a_parse_that_fails_by_itself_leaves_nothing_unnamed(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    change(&r, "", "SELECT 1", 0);
    names_answered(&r.names);
    change(&r, "", "SELEKT", 5);
    names_failed(&r.names);
    assert_means(&r, "", NULL);
    rig_fini(&r);
}

static void
forgetting_all_leaves_the_unnamed_one(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    change(&r, "", "SELECT 1", 0);
    change(&r, "a", "SELECT 2", 0);
    change(&r, "b", "SELECT 3", 0);
    names_settle(&r.names);
    names_forget_all(&r.names);
    assert_int_equal(names_count(&r.names), 0);
    assert_means(&r, "", "SELECT 1");
    rig_fini(&r);
}

static void
what_is_forgotten_does_not_come_back(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    change(&r, "a", "SELECT 1", 0);
    names_answered(&r.names);
    change(&r, "a", NULL, 0);
    names_forget_all(&r.names);
    names_undo_all(&r.names);
    assert_means(&r, "a", NULL);
    rig_fini(&r);
}

static void
the_name_of_a_statement_is_found(void **state)
{
    (void)state;
    struct rig r;
    rig_init(&r);
    change(&r, "one", "SELECT 1", 0);
    change(&r, "two", "SELECT 2", 0);
    const uint64_t id = names_get(&r.names, slice_of_str("two"))->id;
    assert_true(slice_equal_str(names_of(&r.names, id), "two"));
    assert_int_equal(names_of(&r.names, id + 1000).len, 0);
    rig_fini(&r);
}

/* The same by a model that is too simple to be wrong: a list of what each message would do, of
 * which the server does some and skips others. */

enum { NAMES = 3, TEXTS = 4, STEPS = 400, WINDOW = 12 };

struct model_change {
    int name, text; /* text -1: none */
};

struct model {
    int meant[NAMES]; /* by what was answered */
    struct model_change waiting[WINDOW];
    int count;
};

static const char *const model_names[NAMES] = {"", "a", "b"};
static const char *const model_texts[TEXTS] = {"SELECT 0", "SELECT 1", "SELECT 2", "SELECT 3"};

static int
model_meaning(const struct model *m, int name)
{
    int text = m->meant[name];
    for (int i = 0; i < m->count; i++) {
        text = m->waiting[i].name == name ? m->waiting[i].text : text;
    }
    return text;
}

static void
model_take_oldest(struct model *m, bool happened)
{
    if (happened) {
        m->meant[m->waiting[0].name] = m->waiting[0].text;
    }
    memmove(m->waiting, m->waiting + 1, sizeof(m->waiting[0]) * (size_t)(m->count - 1));
    m->count--;
}

static void
random_changes_mean_what_a_plain_list_says(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= 200; seed++) {
        struct rig r;
        struct model m = {.meant = {-1, -1, -1}};
        struct dice dice = {seed};
        uint64_t at_server;
        rig_init(&r);
        for (int step = 0; step < STEPS; step++) {
            const uint64_t kind = dice_below(&dice, 4);
            if (kind < 2 && m.count < WINDOW) {
                const int name = (int)dice_below(&dice, NAMES);
                const int text = (int)dice_below(&dice, TEXTS + 1) - 1;
                change(&r, model_names[name], text < 0 ? NULL : model_texts[text], 0);
                m.waiting[m.count++] = (struct model_change){name, text};
            } else if (kind == 2 && m.count > 0) {
                names_answered(&r.names);
                model_take_oldest(&m, true);
            } else if (m.count > 0) {
                (void)names_undo(&r.names, &at_server);
                model_take_oldest(&m, false);
            }
            for (int name = 0; name < NAMES; name++) {
                const int text = model_meaning(&m, name);
                assert_means(&r, model_names[name], text < 0 ? NULL : model_texts[text]);
            }
        }
        rig_fini(&r);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_change_that_is_answered_stays),
        cmocka_unit_test(a_change_that_is_skipped_is_undone),
        cmocka_unit_test(the_older_of_two_changes_can_be_undone_alone),
        cmocka_unit_test(the_unnamed_statement_of_the_server_comes_back_with_the_sessions),
        cmocka_unit_test(a_parse_that_fails_by_itself_leaves_nothing_unnamed),
        cmocka_unit_test(forgetting_all_leaves_the_unnamed_one),
        cmocka_unit_test(what_is_forgotten_does_not_come_back),
        cmocka_unit_test(the_name_of_a_statement_is_found),
        cmocka_unit_test(random_changes_mean_what_a_plain_list_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
