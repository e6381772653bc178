/* test_failover.c — what a failover inside a side does to sessions and backends. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/link/failover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "session/orders.h"
#include "session_rig.h"

static struct session_rig rig;

/* Its turn: it looks for a backend for the write that waits. */
static void
seek_a_write(struct session *s)
{
    if (s->phase == SESSION_READY && s->link.backend == NULL && !link_waits(s)) {
        (void)link_seek(s, SQL_WRITE); /* what came of it is what the test looks at */
    }
}

static const struct worker_ops ops = {.turn = seek_a_write};

/* Blue has two servers; the first is the primary. */
static struct view
a_view(void)
{
    const struct view_node replica = {
        .up = true, .lag_ok = true, .fresh_until_us = UINT64_MAX, .weight = 1};
    struct view v = {
        .version = 1,
        .epoch = 1,
        .writer = SIDE_BLUE,
        .writes_known = true,
        .side = {{.nodes_count = 2, .node = {replica, replica}},
                 {.nodes_count = 1, .node = {replica}}},
    };
    v.side[SIDE_BLUE].node[0].is_primary = true;
    return v;
}

static struct view
without_writer(void)
{
    struct view v = a_view();
    v.side[SIDE_BLUE].node[0].up = false;
    v.side[SIDE_BLUE].node[0].is_primary = false;
    return v;
}

/* The second server was promoted. */
static struct view
promoted(void)
{
    struct view v = without_writer();
    v.side[SIDE_BLUE].lead = 1;
    v.side[SIDE_BLUE].node[1].is_primary = true;
    return v;
}

static void
take(struct view v)
{
    v.version = rig.w.pairs[0].view->version + 1;
    order_take_view(&rig.w, view_copy(&v));
}

static int
setup(void **state)
{
    (void)state;
    const struct view v = a_view();
    session_rig_init(&rig, &v);
    rig.w.ops = &ops;
    rig.workers.count = 1;
    rig.workers.items = &rig.w;
    pools_set_view(rig.w.pools, rig.w.pairs[0].view);
    return 0;
}

static int
teardown(void **state)
{
    (void)state;
    session_rig_fini(&rig);
    return 0;
}

static bool
is_told(const char *words)
{
    const struct slice out = buf_slice(outlet_queue(&rig.s.client.out));
    return out.len > 0 && memmem(out.p, out.len, words, strlen(words)) != NULL;
}

static uint32_t
idle_at(uint32_t node, bool read_only)
{
    return pools_get(rig.w.pools, &(struct pool_key){.node = {0, SIDE_BLUE, node},
                                                     .read_only = read_only,
                                                     .alias = "app",
                                                     .database = "app",
                                                     .user = "app"})
        ->idle_count;
}

static void
on_ready(void *arg, unsigned ready)
{
    (void)arg;
    (void)ready;
}

/* A session that works on the primary. */
static struct backend *
link_to_primary(void)
{
    struct backend *b = session_rig_backend_at(&rig, SIDE_BLUE, 0, false);
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    stream_init(&b->stream, rig.w.loop, fd, on_ready, b);
    assert_true(link_seek(&rig.s, SQL_WRITE));
    assert_ptr_equal(rig.s.link.backend, b);
    return b;
}

/* ---- those that wait ---- */

static void
a_write_waits_for_the_next_writer(void **state)
{
    (void)state;
    take(without_writer());
    assert_false(link_seek(&rig.s, SQL_WRITE));
    assert_true(rig.s.link.is_held);
    assert_int_equal(rig.s.link.decision.reason, ROUTE_FAILOVER);
    take(without_writer()); /* nothing has changed: it waits on */
    assert_true(rig.s.link.is_held);
    struct backend *b = session_rig_backend_at(&rig, SIDE_BLUE, 1, false);
    take(promoted());
    assert_ptr_equal(rig.s.link.backend, b);
    assert_false(link_waits(&rig.s));
}

static void
the_writer_itself_may_come_back(void **state)
{
    (void)state;
    take(without_writer());
    assert_false(link_seek(&rig.s, SQL_WRITE));
    struct backend *b = session_rig_backend_at(&rig, SIDE_BLUE, 0, false);
    take(a_view());
    assert_ptr_equal(rig.s.link.backend, b);
}

static void
who_waits_in_the_pool_of_the_lost_writer_is_held(void **state)
{
    (void)state;
    assert_false(link_seek(&rig.s, SQL_WRITE));
    assert_non_null(rig.s.link.waiter.pool);
    take(without_writer());
    assert_null(rig.s.link.waiter.pool);
    assert_true(rig.s.link.is_held);
    (void)session_rig_backend_at(&rig, SIDE_BLUE, 1, false);
    take(promoted());
    assert_int_equal(pool_key_of(rig.s.link.backend->pool)->node.node, 1);
}

static void
who_waits_in_the_pool_of_the_old_writer_goes_to_the_new_one(void **state)
{
    (void)state;
    assert_false(link_seek(&rig.s, SQL_WRITE));
    struct backend *b = session_rig_backend_at(&rig, SIDE_BLUE, 1, false);
    struct view v = promoted(); /* at once, without a moment in between */
    v.side[SIDE_BLUE].node[0].up = true;
    take(v);
    assert_ptr_equal(rig.s.link.backend, b);
}

static void
a_read_goes_to_a_server_that_is_there(void **state)
{
    (void)state;
    take(without_writer());
    struct backend *b = session_rig_backend_at(&rig, SIDE_BLUE, 1, true);
    assert_true(link_seek(&rig.s, SQL_READ));
    assert_ptr_equal(rig.s.link.backend, b);
}

static void
who_waits_too_long_is_told_that_nothing_was_begun(void **state)
{
    (void)state;
    struct err err;
    take(without_writer());
    assert_false(link_seek(&rig.s, SQL_WRITE));
    assert_false(failover_is_late(&rig.s, &err));
    const uint64_t hold_us = rig.w.conf->pairs[0].failover_hold_us;
    assert_true(hold_us > 0 && loop_now_us(rig.w.loop) > hold_us + 1);
    rig.w.pairs[0].lost_since_us -= hold_us + 1;
    assert_false(failover_is_late(&rig.s, &err)); /* the writer is lost for longer than it waits */
    rig.s.link.wait_since_us -= hold_us + 1;
    assert_true(failover_is_late(&rig.s, &err));
    assert_string_equal(err.sqlstate, SQLSTATE_CANNOT_CONNECT_NOW);
    assert_non_null(strstr(err.hint, "not begun"));
    rig.w.pairs[0].lost_since_us += hold_us + 1;
    assert_false(failover_is_late(&rig.s, &err)); /* it waits for longer than the writer is lost */
}

static void
no_more_wait_than_may(void **state)
{
    (void)state;
    const uint32_t max = rig.w.conf->pairs[0].failover_hold_max;
    assert_true(max > 0);
    take(without_writer());
    atomic_store(&rig.w.gauges.of_pair[0].held, max);
    assert_false(link_seek(&rig.s, SQL_WRITE));
    assert_false(session_is_open(&rig.s));
    assert_false(rig.s.link.is_held);
    assert_true(is_told("C" SQLSTATE_CANNOT_CONNECT_NOW) && is_told("failover_hold_max"));
    atomic_store(&rig.w.gauges.of_pair[0].held, 0);
}

static void
a_hold_outlasts_a_failover(void **state)
{
    (void)state;
    take(without_writer());
    assert_false(link_seek(&rig.s, SQL_WRITE));
    (void)session_rig_backend_at(&rig, SIDE_BLUE, 1, false);
    struct view v = promoted();
    v.writes_held = true;
    take(v);
    assert_true(rig.s.link.is_held);
    assert_int_equal(rig.s.link.decision.reason, ROUTE_HELD);
    take(promoted());
    assert_non_null(rig.s.link.backend);
}

/* ---- the old writer ---- */

static void
what_may_write_on_the_old_writer_is_closed(void **state)
{
    (void)state;
    (void)session_rig_backend_at(&rig, SIDE_BLUE, 0, false);
    (void)session_rig_backend_at(&rig, SIDE_BLUE, 0, true);
    (void)session_rig_backend_at(&rig, SIDE_BLUE, 1, false);
    struct view v = promoted();
    v.side[SIDE_BLUE].node[0].up = true; /* it lives: it was only demoted */
    take(v);
    assert_int_equal(idle_at(0, false), 0);
    assert_int_equal(idle_at(0, true), 1);
    assert_int_equal(idle_at(1, false), 1);
}

static void
a_transaction_on_the_old_writer_ends_rolled_back(void **state)
{
    (void)state;
    link_to_primary()->flow.txn = 'T';
    take(promoted());
    assert_false(session_is_open(&rig.s));
    assert_true(is_told("C" SQLSTATE_CONNECTION_FAILURE) && is_told("was rolled back"));
}

static void
a_statement_on_the_old_writer_ends_unknown(void **state)
{
    (void)state;
    struct backend *b = link_to_primary();
    const bool pushed = flow_push(&b->flow, FLOW_QUERY, FLOW_FORWARD, FLOW_UNTAGGED);
    assert_true(pushed);
    take(promoted());
    assert_false(session_is_open(&rig.s));
    assert_true(is_told("C" SQLSTATE_CONNECTION_FAILURE) && is_told("is unknown"));
    assert_int_equal(stat_get(&rig.s.stats->outcome_unknown), 1);
}

static void
a_session_that_holds_something_there_ends_with_the_reason(void **state)
{
    (void)state;
    (void)link_to_primary();
    session_pin(&rig.s, SQL_PIN_TEMP);
    link_end_transaction(&rig.s, false);
    take(promoted());
    assert_false(session_is_open(&rig.s));
    assert_true(is_told("C" SQLSTATE_ADMIN_SHUTDOWN) && is_told(sql_pin_name(SQL_PIN_TEMP)));
}

static void
a_session_that_holds_nothing_notices_nothing(void **state)
{
    (void)state;
    (void)link_to_primary();
    link_end_transaction(&rig.s, false);
    link_give_back(&rig.s);
    take(promoted());
    assert_true(session_is_open(&rig.s));
    assert_false(is_told("E"));
}

static void
a_session_of_session_mode_moves(void **state)
{
    (void)state;
    rig.s.database->keeps_backends = true;
    (void)link_to_primary();
    link_end_transaction(&rig.s, false);
    struct backend *b = session_rig_backend_at(&rig, SIDE_BLUE, 1, false);
    take(promoted());
    assert_true(session_is_open(&rig.s));
    assert_ptr_equal(rig.s.link.backend, b); /* by its turn, which asks for one */
}

static void
what_works_on_the_lead_is_left_alone_when_it_is_missed(void **state)
{
    (void)state;
    struct backend *b = link_to_primary();
    b->flow.txn = 'T';
    take(without_writer()); /* the monitor has lost it; its connections tell by themselves */
    assert_true(session_is_open(&rig.s));
    assert_ptr_equal(rig.s.link.backend, b);
}

/* ---- one database ---- */

static void
a_database_is_paused_alone(void **state)
{
    (void)state;
    char names[2][8] = {"other", "app"};
    struct view_stop stop = {.alias = names[0], .paused = true};
    struct view v = a_view();
    v.stops = &stop;
    v.stops_count = 1;
    (void)session_rig_backend_at(&rig, SIDE_BLUE, 0, false);
    take(v);
    assert_int_equal(idle_at(0, false), 1);
    stop.alias = names[1];
    take(v);
    assert_int_equal(idle_at(0, false), 0);
    assert_false(link_seek(&rig.s, SQL_WRITE));
    assert_int_equal(rig.s.link.decision.reason, ROUTE_PAUSED);
    struct backend *b = session_rig_backend_at(&rig, SIDE_BLUE, 0, false);
    take(a_view());
    assert_ptr_equal(rig.s.link.backend, b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
        TEST(a_write_waits_for_the_next_writer),
        TEST(the_writer_itself_may_come_back),
        TEST(who_waits_in_the_pool_of_the_lost_writer_is_held),
        TEST(who_waits_in_the_pool_of_the_old_writer_goes_to_the_new_one),
        TEST(a_read_goes_to_a_server_that_is_there),
        TEST(who_waits_too_long_is_told_that_nothing_was_begun),
        TEST(no_more_wait_than_may),
        TEST(a_hold_outlasts_a_failover),
        TEST(what_may_write_on_the_old_writer_is_closed),
        TEST(a_transaction_on_the_old_writer_ends_rolled_back),
        TEST(a_statement_on_the_old_writer_ends_unknown),
        TEST(a_session_that_holds_something_there_ends_with_the_reason),
        TEST(a_session_that_holds_nothing_notices_nothing),
        TEST(a_session_of_session_mode_moves),
        TEST(what_works_on_the_lead_is_left_alone_when_it_is_missed),
        TEST(a_database_is_paused_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
