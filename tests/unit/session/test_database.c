/* test_database.c — what a name leads to at a worker, and what stays of it. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/state/database.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"
#include "conf/load.h"
#include "session/state/worker.h"

#define SIDES "[blue]\nhost = b\n[green]\nhost = g\n"
#define LISTED                                                                     \
    "[databases]\nstore = dbname=shop user=keeper pool_mode=session timezone=UTC " \
    "max_db_client_connections=7\n"

static struct worker w;

static struct conf *
conf_of(const char *text)
{
    struct conf_mistakes mistakes = {NULL, 0};
    struct conf *conf = conf_load_string(text, "t.ini", &mistakes);
    assert_non_null(conf);
    return conf;
}

static void
configure(const char *text)
{
    struct conf *before = w.conf;
    w.conf = conf_of(text);
    databases_take_conf(&w);
    conf_unref(before);
}

static void
see(const struct view *v)
{
    view_free(w.pairs[0].view);
    w.pairs[0].view = view_copy(v);
    databases_take_view(&w, 0);
}

static struct view
a_view(void)
{
    return (struct view){.version = 1, .writes_known = true};
}

static int
setup(void **state)
{
    (void)state;
    const struct view v = a_view();
    memset(&w, 0, sizeof(w));
    map_init(&w.databases, 1);
    list_init(&w.known);
    w.pairs_count = 1;
    w.pairs[0].view = view_copy(&v);
    configure("[teal]\nmax_db_client_connections = 3\n" SIDES LISTED);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    databases_free(&w);
    view_free(w.pairs[0].view);
    conf_unref(w.conf);
    return 0;
}

static struct database *
enter(const char *alias)
{
    struct err err;
    return database_enter(&w, alias, false, &err);
}

static void
a_name_leads_to_what_the_configuration_says(void **state)
{
    (void)state;
    struct database *d = enter("store");
    assert_string_equal(d->alias, "store");
    assert_string_equal(d->name, "shop");
    assert_string_equal(d->user, "keeper");
    assert_true(d->keeps_backends);
    assert_int_equal(d->clients_max, 7);
    assert_string_equal(d->settings[2], "UTC");
    assert_null(d->settings[0]);
    struct database *other = enter("other");
    assert_string_equal(other->name, "other");
    assert_null(other->user);
    assert_false(other->keeps_backends);
    assert_int_equal(other->clients_max, 3);
    assert_ptr_equal(enter("store"), d);
    database_leave(&w, d);
    database_leave(&w, d);
    database_leave(&w, other);
}

static void
one_that_nobody_logged_in_to_goes_with_its_last_session(void **state)
{
    (void)state;
    struct database *d = enter("made-up");
    assert_ptr_equal(enter("made-up"), d);
    database_leave(&w, d);
    assert_int_equal(map_count(&w.databases), 1);
    database_leave(&w, d);
    assert_int_equal(map_count(&w.databases), 0);
    database_leave(&w, NULL);
}

static void
one_that_has_served_stays_for_its_counters(void **state)
{
    (void)state;
    struct database *d = enter("app");
    database_serve(&w, d);
    database_serve(&w, d); /* the second client */
    stat_add(&d->stats.logins, 1);
    database_leave(&w, d);
    assert_ptr_equal(atomic_load(&w.served), d);
    assert_null(d->next);
    assert_ptr_equal(enter("app"), d);
    assert_int_equal(stat_get(&d->stats.logins), 1);
    database_leave(&w, d);
}

static void
after_a_reload_the_name_may_lead_elsewhere(void **state)
{
    (void)state;
    struct database *d = enter("store");
    struct database *app = enter("app");
    database_serve(&w, d);
    configure(SIDES "[databases]\nstore = dbname=new\n");
    assert_string_equal(d->name, "shop"); /* its sessions are where they are */
    struct database *fresh = enter("store");
    assert_ptr_not_equal(fresh, d);
    assert_string_equal(fresh->name, "new");
    assert_ptr_equal(enter("app"), app);
    assert_int_equal(app->clients_max, 0); /* the limit is gone */
    database_leave(&w, app);
    database_leave(&w, app);
    database_leave(&w, fresh);
    database_leave(&w, d);
    assert_ptr_equal(atomic_load(&w.served), d);
}

static void
all_sessions_of_a_name_see_that_it_is_paused(void **state)
{
    (void)state;
    char name[] = "store";
    struct view_stop stop = {.alias = name, .paused = true};
    struct view v = a_view();
    struct database *old = enter("store");
    configure(SIDES "[databases]\nstore = dbname=new\n");
    struct database *fresh = enter("store");
    struct database *app = enter("app");
    v.stops = &stop;
    v.stops_count = 1;
    see(&v);
    assert_true(old->facts.paused && fresh->facts.paused);
    assert_false(app->facts.paused);
    struct database *late = enter("store");
    assert_true(late->facts.paused);
    v.stops_count = 0;
    v.paused = true;
    see(&v);
    assert_true(old->facts.paused && fresh->facts.paused && app->facts.paused);
    database_leave(&w, late);
    database_leave(&w, old);
    database_leave(&w, fresh);
    database_leave(&w, app);
}

static void
a_name_that_no_pair_serves_is_refused(void **state)
{
    (void)state;
    struct err err;
    configure("[pair]\ndatabases = app\n" SIDES);
    assert_non_null(enter("app"));
    assert_null(database_enter(&w, "shop", false, &err));
    assert_string_equal(err.sqlstate, SQLSTATE_INVALID_DATABASE);
    assert_string_equal(err.text, "database \"shop\" does not exist");
    struct database *cluster = database_enter(&w, "replication", true, &err);
    assert_non_null(cluster); /* a physical walsender: of the only pair */
    database_leave(&w, cluster);
    database_leave(&w, enter("app"));
    database_leave(&w, map_get(&w.databases, slice_of_str("app")));
}

/* A database may be newer than what the monitor knows; but not any number of them. */
static void
names_that_are_not_known_are_tried_so_often(void **state)
{
    (void)state;
    char name[] = "app";
    struct view_database known = {.name = name};
    struct view v = a_view();
    v.databases = &known;
    v.databases_count = 1;
    v.databases_known = true;
    see(&v);
    unsigned tried = 0;
    struct database *d = enter("made-up");
    for (; d != NULL && tried < 10000; tried++) {
        database_leave(&w, d);
        d = enter("made-up");
    }
    assert_in_range(tried, 1, 1000);
    d = enter("app");
    assert_non_null(d);
    database_leave(&w, d);
    v.databases_known = false;
    see(&v);
    d = enter("made-up");
    assert_non_null(d);
    database_leave(&w, d);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        TEST(a_name_leads_to_what_the_configuration_says),
        TEST(one_that_nobody_logged_in_to_goes_with_its_last_session),
        TEST(one_that_has_served_stays_for_its_counters),
        TEST(after_a_reload_the_name_may_lead_elsewhere),
        TEST(all_sessions_of_a_name_see_that_it_is_paused),
        TEST(a_name_that_no_pair_serves_is_refused),
        TEST(names_that_are_not_known_are_tried_so_often),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
