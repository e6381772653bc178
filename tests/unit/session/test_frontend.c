/* test_frontend.c — every message that a client may send, in every state of its session.
 *
 * A cell tells what became of the message: the types sent to the server, '|', the entries that it
 * leaves in the flow, '|', the types sent to the client. "wait": it stays where it is. "drop": it
 * is discarded. "end": the session ends. "leave": it finishes what was asked for. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/frontend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session/query/relay.h"
#include "session/query/settle.h"
#include "session_rig.h"

static struct session_rig rig;

static const struct view single = {
    .version = 1,
    .epoch = 1,
    .writer = SIDE_BLUE,
    .writes_known = true,
    .side = {[SIDE_BLUE] = {.nodes_count = 1, .node = {{.up = true, .lag_ok = true}}},
             [SIDE_GREEN] = {.nodes_count = 1, .node = {{.up = true}}}},
};

static struct view
held_view(void)
{
    struct view v = single;
    v.version = 2;
    v.writes_held = true;
    return v;
}

/* Reads go to green, which has all of blue. */
static struct view
split_view(void)
{
    struct view v = single;
    v.reads = READS_GREEN;
    v.reads_percent = PERCENT_ALL;
    v.freshness = FRESHNESS_EVENTUAL;
    v.side[SIDE_GREEN].node[0].lag_ok = true;
    v.side[SIDE_GREEN].node[0].fresh_until_us = UINT64_MAX;
    return v;
}

/* ---- messages ---- */

#define QUERY "Q\0\0\0\15SELECT 1\0"
#define PARSE "P\0\0\0\21n\0SELECT 1\0\0\0"
#define PARSE_UNNAMED "P\0\0\0\20\0SELECT 1\0\0\0"
#define BIND "B\0\0\0\15\0n\0\0\0\0\0\0\0"
#define BIND_UNNAMED "B\0\0\0\14\0\0\0\0\0\0\0\0"
#define DESCRIBE "D\0\0\0\7Sn\0"
#define CLOSE "C\0\0\0\7Sn\0"
#define EXECUTE "E\0\0\0\11\0\0\0\0\0"
#define SYNC "S\0\0\0\4"
#define FLUSH "H\0\0\0\4"
#define FUNCTION "F\0\0\0\16\0\0\0\1\0\0\0\0\0\0"
#define COPY_DATA "d\0\0\0\6x\n"
#define COPY_DONE "c\0\0\0\4"
#define COPY_FAIL "f\0\0\0\5\0"
#define TERMINATE "X\0\0\0\4"
#define UNKNOWN "y\0\0\0\4"
#define BYTES(literal) slice_of(literal, sizeof(literal) - 1)

static const struct input {
    const char *name;
    struct slice bytes;
} inputs[] = {
#define INPUT(literal)                                      \
    {                                                       \
#literal,                                           \
        {                                                   \
            (const uint8_t *)(literal), sizeof(literal) - 1 \
        }                                                   \
    }
    INPUT(QUERY),        INPUT(PARSE),     INPUT(PARSE_UNNAMED), INPUT(BIND),
    INPUT(BIND_UNNAMED), INPUT(DESCRIBE),  INPUT(CLOSE),         INPUT(EXECUTE),
    INPUT(SYNC),         INPUT(FLUSH),     INPUT(FUNCTION),      INPUT(COPY_DATA),
    INPUT(COPY_DONE),    INPUT(COPY_FAIL), INPUT(TERMINATE),     INPUT(UNKNOWN),
#undef INPUT
};

enum { INPUTS = COUNT_OF(inputs) };

static size_t
say(struct slice bytes)
{
    return frontend_consume(&rig.s, bytes);
}

static void
say_all(struct slice bytes)
{
    const size_t n = say(bytes);
    assert_int_equal(n, bytes.len);
}

/* What was sent so far is not of the test. */
static void
forget_sent(void)
{
    outlet_clear(&rig.s.client.out);
    if (rig.s.link.backend != NULL) {
        outlet_clear(&rig.s.link.backend->out);
    }
}

static void
answer(struct slice bytes)
{
    forget_sent(); /* it has gone out before its answer comes */
    assert_int_equal(relay_consume(&rig.s, bytes), bytes.len);
}

/* ---- states ---- */

static void
idle(void)
{
    session_rig_init(&rig, &single);
    (void)session_rig_backend(&rig, SIDE_BLUE, false);
}

static void
no_backend_is_free(void)
{
    session_rig_init(&rig, &single);
    assert_int_equal(say(BYTES(QUERY)), 0);
    assert_true(link_waits(&rig.s));
}

static void
writes_are_held(void)
{
    const struct view v = held_view();
    session_rig_init(&rig, &v);
    assert_int_equal(say(BYTES("Q\0\0\0\16INSERT 1;\0")), 0);
    assert_true(rig.s.link.is_held);
}

static void
a_query_runs(void)
{
    idle();
    say_all(BYTES(QUERY));
}

static void
in_a_transaction(void)
{
    a_query_runs();
    answer(BYTES("C\0\0\0\12BEGIN\0Z\0\0\0\5T"));
    assert_true(settle_ready(&rig.s));
    assert_non_null(rig.s.link.backend);
}

static void
in_a_batch(void)
{
    idle();
    say_all(BYTES(PARSE));
    say_all(BYTES(BIND));
}

static void
a_batch_runs(void)
{
    in_a_batch();
    say_all(BYTES(EXECUTE));
    say_all(BYTES(SYNC));
}

static void
a_batch_has_failed(void)
{
    in_a_batch();
    answer(BYTES("E\0\0\0\35SERROR\0C22012\0Mdivision\0\0"));
    (void)settle_ready(&rig.s);
    assert_true(rig.s.link.backend->flow.skipping);
}

static void
in_copy_in(void)
{
    a_query_runs();
    answer(BYTES("G\0\0\0\7\0\0\0"));
    assert_true(rig.s.link.backend->flow.copy_in);
}

static void
pinned(void)
{
    a_query_runs();
    session_pin(&rig.s, SQL_PIN_TEMP);
    answer(BYTES("C\0\0\0\15SELECT 1\0Z\0\0\0\5I"));
    assert_true(settle_ready(&rig.s));
    assert_non_null(rig.s.link.backend);
    assert_false(rig.s.link.is_busy);
}

static void
pinned_while_writes_are_held(void)
{
    const struct view v = held_view();
    pinned();
    session_rig_view(&rig, &v);
}

static void
pinned_on_the_side_that_was_left(void)
{
    struct view v = single;
    pinned();
    v.version = 3;
    v.epoch = 2;
    v.writer = SIDE_GREEN;
    session_rig_view(&rig, &v);
}

static void
a_read_runs_on_the_follower(void)
{
    const struct view v = split_view();
    session_rig_init(&rig, &v);
    (void)session_rig_backend(&rig, SIDE_GREEN, true);
    say_all(BYTES(QUERY));
    assert_true(rig.s.replay.is_armed);
}

static void
the_server_is_full(void)
{
    static uint8_t big[SESSION_QUEUE_HIGH + 1];
    in_a_transaction();
    outlet_pass(&rig.s.link.backend->out, slice_of(big, sizeof(big)));
}

static void
all_statements_were_forgotten_in_the_batch(void)
{
    idle();
    say_all(BYTES("P\0\0\0\24d\0DISCARD ALL\0\0\0"));
    say_all(BYTES("B\0\0\0\15\0d\0\0\0\0\0\0\0"));
    say_all(BYTES(EXECUTE));
}

/* One row a state: what becomes of each message, in the order of inputs. */
static const struct row {
    const char *name;
    void (*reach)(void);
    const char *cells[INPUTS];
} rows[] = {
/* clang-format off */
    /*                        Query      Parse      Parse ""   Bind        Bind ""       Describe   Close      Execute    Sync       Flush      Function   CopyData   CopyDone   CopyFail   Terminate  unknown */
#define ROW(state, ...) {#state, state, {__VA_ARGS__}}
    ROW(idle,                 "Q|q|",    "P|p|",    "P|p|",    "B|b|",     "CB|c.b|",    "D|d|",    "||3",     "E|e|",    "S|s|",    "drop",    "F|f|",    "drop",    "drop",    "drop",    "end",     "end"),
    ROW(no_backend_is_free,   "wait",    "wait",    "wait",    "wait",     "wait",       "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "end"),
    ROW(writes_are_held,      "wait",    "wait",    "wait",    "wait",     "wait",       "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "end"),
    ROW(a_query_runs,         "Q|q|",    "P|p|",    "P|p|",    "B|b|",     "CB|c.b|",    "D|d|",    "|c|",     "E|e|",    "S|s|",    "H||",     "F|f|",    "d||",     "c||",     "f||",     "leave",   "wait"),
    ROW(in_a_transaction,     "Q|q|",    "P|p|",    "P|p|",    "B|b|",     "CB|c.b|",    "D|d|",    "||3",     "E|e|",    "S|s|",    "drop",    "F|f|",    "drop",    "drop",    "drop",    "end",     "end"),
    ROW(in_a_batch,           "Q|q|",    "CPP|c.p.p|", "P|p|", "B|b|",     "CB|c.b|",    "D|d|",    "|c|",     "E|e|",    "S|s|",    "H||",     "F|f|",    "d||",     "c||",     "f||",     "X+leave", "end"),
    ROW(a_batch_runs,         "wait",    "wait",    "wait",    "wait",     "wait",       "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "leave",   "wait"),
    ROW(a_batch_has_failed,   "drop",    "drop",    "drop",    "drop",     "drop",       "drop",    "drop",    "drop",    "S|s|",    "H||",     "drop",    "d||",     "c||",     "f||",     "end",     "end"),
    ROW(in_copy_in,           "Q|q|",    "P|p|",    "P|p|",    "B|b|",     "CB|c.b|",    "D|d|",    "|c|",     "E|e|",    "S||",     "H||",     "F|f|",    "d||",     "c||",     "f||",     "X+leave", "end"),
    ROW(pinned,               "Q|q|",    "P|p|",    "P|p|",    "B|b|",     "CB|c.b|",    "D|d|",    "||3",     "E|e|",    "S|s|",    "drop",    "F|f|",    "drop",    "drop",    "drop",    "end",     "end"),
    ROW(pinned_while_writes_are_held, "wait", "wait", "wait",  "wait",     "wait",       "wait",    "wait",    "wait",    "wait",    "drop",    "wait",    "drop",    "drop",    "drop",    "end",     "end"),
    ROW(pinned_on_the_side_that_was_left, "end", "end", "end", "end",      "end",        "end",     "end",     "end",     "end",     "drop",    "end",     "drop",    "drop",    "drop",    "end",     "end"),
    ROW(a_read_runs_on_the_follower, "wait", "wait",  "wait",  "wait",     "wait",       "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "wait",    "leave",   "wait"),
    ROW(the_server_is_full,   "wait",    "wait",    "wait",    "wait",     "wait",       "wait",    "wait",    "wait",    "wait",    "drop",    "wait",    "drop",    "drop",    "drop",    "end",     "end"),
    ROW(all_statements_were_forgotten_in_the_batch,
                              "Q|q|",    "H+wait",  "H+wait",  "H+wait",   "H+wait",     "H+wait",  "H+wait",  "E|e|",    "S|s|",    "H||",     "F|f|",    "d||",     "c||",     "f||",     "X+leave", "end"),
#undef ROW
    /* clang-format on */
};

/* What became of it, in the words of the table. */
static void
outcome(const struct input *in, size_t used, uint32_t owed_before, struct buf *out)
{
    struct session *s = &rig.s;
    struct buf sent;
    buf_init(&sent);
    if (s->link.backend != NULL) {
        session_rig_sent(&s->link.backend->out, &sent);
    }
    const struct slice types = buf_slice(&sent);
    if (!session_is_open(s)) {
        buf_printf(out, "end");
    } else if (s->phase == SESSION_LEAVING || used == 0) {
        buf_printf(out, "%.*s%s%s", (int)types.len, types.len == 0 ? "" : (const char *)types.p,
                   types.len == 0 ? "" : "+", used == 0 ? "wait" : "leave");
    } else {
        assert_int_equal(used, in->bytes.len);
        struct buf rest;
        buf_init(&rest);
        if (s->link.backend != NULL) {
            session_rig_owed(&s->link.backend->flow, owed_before, &rest);
        }
        buf_put_u8(&rest, '|');
        session_rig_sent(&s->client.out, &rest);
        if (types.len == 0 && buf_len(&rest) == 1) {
            buf_printf(out, "drop");
        } else {
            buf_printf(out, "%.*s|%.*s", (int)types.len,
                       types.len == 0 ? "" : (const char *)types.p, (int)buf_len(&rest),
                       (const char *)buf_slice(&rest).p);
        }
        buf_fini(&rest);
    }
    buf_fini(&sent);
    buf_put_u8(out, 0);
}

static void
play(const struct row *row, const struct input *in, struct buf *out)
{
    struct session *s = &rig.s;
    row->reach();
    outlet_clear(&s->client.out);
    if (row->reach != the_server_is_full) {
        forget_sent();
    }
    const uint32_t owed = s->link.backend == NULL ? 0 : s->link.backend->flow.count;
    const size_t used = say(in->bytes);
    if (row->reach == the_server_is_full && s->link.backend != NULL) {
        outlet_clear(&s->link.backend->out);
    }
    outcome(in, used, owed, out);
    outlet_clear(&s->client.out);
    if (session_is_open(s)) {
        session_check(s);
    }
    session_rig_fini(&rig);
}

static void
every_message_in_every_state(void **state)
{
    (void)state;
    unsigned wrong = 0;
    for (size_t r = 0; r < COUNT_OF(rows); r++) {
        for (size_t i = 0; i < INPUTS; i++) {
            struct buf got;
            buf_init(&got);
            play(&rows[r], &inputs[i], &got);
            wrong += session_rig_judge(rows[r].name, inputs[i].name, &got, rows[r].cells[i]);
        }
    }
    assert_int_equal(wrong, 0);
}

/* A type without a row is a protocol error, and only that session's. */
static void
every_other_type_ends_the_session(void **state)
{
    (void)state;
    for (unsigned type = 1; type < 256; type++) {
        uint8_t bytes[] = {(uint8_t)type, 0, 0, 0, 4};
        if (strchr("QPBDCESHFdcfX", (int)type) != NULL) {
            continue;
        }
        idle();
        assert_int_equal(say(slice_of(bytes, sizeof(bytes))), 0);
        assert_false(session_is_open(&rig.s));
        session_rig_fini(&rig);
    }
}

/* Whatever a message is, half of it changes nothing; a header alone does not either. */
static void
a_message_that_is_not_whole_changes_nothing(void **state)
{
    (void)state;
    for (size_t i = 0; i < INPUTS; i++) {
        if (inputs[i].bytes.p[0] == 'F' || inputs[i].bytes.p[0] == 'd' ||
            inputs[i].bytes.p[0] == 'y') {
            continue; /* these go on as they arrive, or never do */
        }
        idle();
        for (size_t len = 0; len < inputs[i].bytes.len; len++) {
            assert_int_equal(say(slice_of(inputs[i].bytes.p, len)), 0);
            assert_null(rig.s.link.backend);
            assert_true(session_is_open(&rig.s));
        }
        session_rig_fini(&rig);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_message_in_every_state),
        cmocka_unit_test(every_other_type_ends_the_session),
        cmocka_unit_test(a_message_that_is_not_whole_changes_nothing),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
