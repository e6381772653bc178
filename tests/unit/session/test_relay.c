/* test_relay.c — every message that a server may send, in every state of what it owes.
 *
 * A cell tells what became of it: the types that go to the client; "-": nothing does; "keep": it is
 * kept back, because the read may still be sent again; "lost": it was not owed, so the backend is
 * dropped and the session ends; "again": the read is sent again; "end": the client is told in
 * Teal's words; "gone": the backend says good-bye, which is not the client's business. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/query/relay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "session/query/frontend.h"
#include "session/query/settle.h"
#include "session_rig.h"

static struct session_rig rig;

static struct view
view_of(bool reads_on_green)
{
    struct view v = {
        .version = 1,
        .epoch = 1,
        .writer = SIDE_BLUE,
        .writes_known = true,
        .freshness = FRESHNESS_EVENTUAL,
        .side =
            {[SIDE_BLUE] = {.nodes_count = 1, .node = {{.up = true, .lag_ok = true}}},
             [SIDE_GREEN] = {.nodes_count = 1,
                             .node = {{.up = true, .lag_ok = true, .fresh_until_us = UINT64_MAX}}}},
    };
    v.reads = reads_on_green ? READS_GREEN : READS_FOLLOW;
    v.reads_percent = reads_on_green ? PERCENT_ALL : 0;
    return v;
}

#define BYTES(literal) slice_of(literal, sizeof(literal) - 1)
#define QUERY BYTES("Q\0\0\0\15SELECT 1\0")
#define PARSE BYTES("P\0\0\0\21n\0SELECT 1\0\0\0")
#define BIND BYTES("B\0\0\0\15\0n\0\0\0\0\0\0\0")
#define EXECUTE BYTES("E\0\0\0\11\0\0\0\0\0")
#define SYNC BYTES("S\0\0\0\4")
#define FAILURE(state) BYTES("E\0\0\0\32SERROR\0C" state "\0Mfails\0\0")

static const struct input {
    const char *name;
    const char *bytes;
    size_t len;
} inputs[] = {
#define INPUT(literal)                         \
    {                                          \
#literal, literal, sizeof(literal) - 1 \
    }
    INPUT("1\0\0\0\4"),
    INPUT("2\0\0\0\4"),
    INPUT("3\0\0\0\4"),
    INPUT("t\0\0\0\6\0\0"),
    INPUT("n\0\0\0\4"),
    INPUT("T\0\0\0\6\0\0"),
    INPUT("D\0\0\0\6\0\0"),
    INPUT("C\0\0\0\15SELECT 1\0"),
    INPUT("I\0\0\0\4"),
    INPUT("s\0\0\0\4"),
    INPUT("Z\0\0\0\5I"),
    INPUT("G\0\0\0\7\0\0\0"),
    INPUT("H\0\0\0\7\0\0\0"),
    INPUT("d\0\0\0\5x"),
    INPUT("V\0\0\0\10\377\377\377\377"),
    INPUT("E\0\0\0\32SERROR\0C22012\0Mfails\0\0"),
    INPUT("E\0\0\0\32SERROR\0C25006\0Mfails\0\0"),
    INPUT("N\0\0\0\12Mhey\0\0"),
    INPUT("A\0\0\0\14\0\0\0\1a\0b\0"),
    INPUT("S\0\0\0\12a\0bcd\0"),
    INPUT("R\0\0\0\10\0\0\0\0"),
    INPUT("W\0\0\0\7\0\0\0"),
#undef INPUT
};

enum { INPUTS = COUNT_OF(inputs) };

static void
say(struct slice bytes)
{
    assert_int_equal(frontend_consume(&rig.s, bytes), bytes.len);
    outlet_clear(&rig.s.link.backend->out);
}

static void
answer(struct slice bytes)
{
    assert_int_equal(relay_consume(&rig.s, bytes), bytes.len);
}

/* ---- states ---- */

static void
begin(bool on_follower)
{
    const struct view v = view_of(on_follower);
    session_rig_init(&rig, &v);
    (void)session_rig_backend(&rig, on_follower ? SIDE_GREEN : SIDE_BLUE, on_follower);
}

static void
nothing_is_owed(void)
{
    begin(false);
    say(QUERY);
    answer(BYTES("C\0\0\0\12BEGIN\0Z\0\0\0\5T"));
    (void)settle_ready(&rig.s);
    rig.s.link.backend->flow.txn = 'I'; /* and no transaction either */
}

static void
in_an_open_transaction(void)
{
    nothing_is_owed();
    rig.s.link.backend->flow.txn = 'T';
}

static void
a_query_is_owed(void)
{
    begin(false);
    say(QUERY);
}

static void
rows_are_owed(void)
{
    a_query_is_owed();
    answer(BYTES("T\0\0\0\6\0\0"));
}

static void
a_command_has_ended(void)
{
    a_query_is_owed();
    answer(BYTES("C\0\0\0\15SELECT 1\0"));
}

static void
a_parse_is_owed(void)
{
    begin(false);
    say(PARSE);
    say(BIND);
    say(EXECUTE);
    say(SYNC);
}

static void
an_execute_is_owed(void)
{
    a_parse_is_owed();
    answer(BYTES("1\0\0\0\4"
                 "2\0\0\0\4"));
}

static void
a_sync_is_owed(void)
{
    an_execute_is_owed();
    answer(BYTES("C\0\0\0\15SELECT 1\0"));
}

static void
settings_are_owed(void)
{
    a_query_is_owed();
    CHECK(flow_push(&rig.s.link.backend->flow, FLOW_QUERY, FLOW_SWALLOW, FLOW_UNTAGGED));
    answer(BYTES("C\0\0\0\15SELECT 1\0Z\0\0\0\5I"));
    rig.s.link.is_applying = true; /* as if the settings had been put behind, not ahead */
}

static void
a_read_may_be_sent_again(void)
{
    begin(true);
    say(QUERY);
    assert_true(rig.s.replay.is_armed);
}

static void
a_read_will_be_sent_again(void)
{
    a_read_may_be_sent_again();
    answer(FAILURE("25006"));
    assert_true(rig.s.replay.is_pending);
}

static void
a_refusal_is_owed(void)
{
    begin(true);
    rig.s.link.traits.reader = true;
    say(BYTES("Q\0\0\0\37SET TRANSACTION READ WRITE\0"));
}

static void
the_client_has_left(void)
{
    a_query_is_owed();
    session_enter(&rig.s, SESSION_EV_LEAVES);
}

/* One row a state: what becomes of each message, in the order of inputs. */
static const struct row {
    const char *name;
    void (*reach)(void);
    const char *cells[INPUTS];
} rows[] = {
/* clang-format off */
    /*                         1       2       3       t       n       T       D       C       I       s       Z       G       H       d       V       22012    25006    N    A    S    R       W   */
#define ROW(state, ...) {#state, state, {__VA_ARGS__}}
    ROW(nothing_is_owed,       "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "gone",  "gone",  "N", "A", "S", "lost", "lost"),
    ROW(in_an_open_transaction,"lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "E",     "E",     "N", "A", "S", "lost", "lost"),
    ROW(a_query_is_owed,       "lost", "lost", "lost", "lost", "lost", "T",    "lost", "C",    "I",    "lost", "lost", "G",    "H",    "d",    "lost", "E",     "E",     "N", "A", "S", "lost", "lost"),
    ROW(rows_are_owed,         "lost", "lost", "lost", "lost", "lost", "T",    "D",    "C",    "I",    "lost", "lost", "G",    "H",    "d",    "lost", "E",     "E",     "N", "A", "S", "lost", "lost"),
    ROW(a_command_has_ended,   "lost", "lost", "lost", "lost", "lost", "T",    "lost", "C",    "I",    "lost", "Z",    "G",    "H",    "d",    "lost", "E",     "E",     "N", "A", "S", "lost", "lost"),
    ROW(a_parse_is_owed,       "1",    "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "E",     "E",     "N", "A", "S", "lost", "lost"),
    ROW(an_execute_is_owed,    "lost", "lost", "lost", "lost", "lost", "lost", "D",    "C",    "I",    "s",    "lost", "G",    "H",    "d",    "lost", "E",     "E",     "N", "A", "S", "lost", "lost"),
    ROW(a_sync_is_owed,        "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "lost", "Z",    "lost", "lost", "lost", "lost", "E",     "E",     "N", "A", "S", "lost", "lost"),
    ROW(settings_are_owed,     "lost", "lost", "lost", "lost", "lost", "-",    "lost", "-",    "-",    "lost", "lost", "-",    "-",    "-",    "lost", "end",  "end",  "N", "A", "-", "lost", "lost"),
    ROW(a_read_may_be_sent_again, "lost","lost","lost", "lost", "lost", "keep", "lost", "C",    "I",    "lost", "lost", "G",    "H",    "d",    "lost", "E",     "again", "N", "A", "S", "lost", "lost"),
    ROW(a_read_will_be_sent_again,"lost","lost","lost", "lost", "lost", "-",    "lost", "-",    "-",    "lost", "-",    "-",    "-",    "-",    "lost", "-",     "-",     "-", "-", "S", "lost", "lost"),
    ROW(a_refusal_is_owed,     "lost", "lost", "lost", "lost", "lost", "T",    "lost", "C",    "I",    "lost", "lost", "G",    "H",    "d",    "lost", "E",     "E",     "N", "A", "S", "lost", "lost"),
    ROW(the_client_has_left,   "lost", "lost", "lost", "lost", "lost", "T",    "lost", "C",    "I",    "lost", "lost", "end",  "H",    "d",    "lost", "E",     "E",     "N", "A", "-", "lost", "lost"),
#undef ROW
    /* clang-format on */
};

static void
outcome(bool was_pending, bool was_closing, struct buf *out)
{
    struct session *s = &rig.s;
    if (!session_is_open(s)) {
        buf_printf(out, s->link.backend == NULL ? "lost" : "end");
    } else if (s->link.backend != NULL && s->link.backend->close_when_idle && !was_closing) {
        buf_printf(out, "gone");
    } else if (s->replay.is_pending && !was_pending) {
        buf_printf(out, "again");
    } else if (buf_len(&s->replay.answers) > 0) {
        buf_printf(out, "keep");
    } else if (outlet_len(&s->client.out) == 0) {
        buf_printf(out, "-");
    } else {
        session_rig_sent(&s->client.out, out);
    }
    buf_put_u8(out, 0);
}

static void
play(const struct row *row, const struct input *in, struct buf *out)
{
    struct session *s = &rig.s;
    row->reach();
    outlet_clear(&s->client.out);
    const bool was_pending = s->replay.is_pending;
    const bool was_closing = s->link.backend->close_when_idle;
    (void)relay_consume(s, slice_of(in->bytes, in->len)); /* what is not owed is not taken whole */
    outcome(was_pending, was_closing, out);
    outlet_clear(&s->client.out);
    if (s->link.backend != NULL) {
        outlet_clear(&s->link.backend->out);
    }
    session_check(s);
    session_rig_fini(&rig);
}

static void
every_reply_in_every_state(void **state)
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

/* The answers to a batch, cut at every byte: each message goes on once, in order. */
static void
replies_may_be_cut_anywhere(void **state)
{
    static const char text[] = "1\0\0\0\4"
                               "2\0\0\0\4"
                               "D\0\0\0\6\0\0"
                               "C\0\0\0\15SELECT 1\0"
                               "Z\0\0\0\5I";
    (void)state;
    for (size_t cut = 0; cut < sizeof(text) - 1; cut++) {
        struct buf sent;
        a_parse_is_owed();
        const size_t first = relay_consume(&rig.s, slice_of(text, cut));
        const size_t rest = relay_consume(&rig.s, slice_of(text + first, sizeof(text) - 1 - first));
        assert_int_equal(first + rest, sizeof(text) - 1);
        buf_init(&sent);
        session_rig_sent(&rig.s.client.out, &sent);
        buf_put_u8(&sent, 0);
        assert_string_equal((const char *)buf_slice(&sent).p, "12DCZ");
        buf_fini(&sent);
        session_rig_fini(&rig);
    }
}

/* The names that Teal gives statements are not the client's business. */
static void
errors_tell_the_name_of_the_client(void **state)
{
    char text[128];
    char name[STATEMENT_NAME_SIZE];
    (void)state;
    a_parse_is_owed();
    answer(BYTES("1\0\0\0\4"));
    const struct statement *n = names_get(&rig.s.prepared.names, slice_of_str("n"));
    backend_statement_name(n->id, name);
    const int len =
        snprintf(text + 5, sizeof(text) - 5,
                 "SERROR%cC26000%cMprepared statement \"%s\" does not exist%c%c", 0, 0, name, 0, 0);
    text[0] = 'E';
    be32_put((uint8_t *)text + 1, (uint32_t)len + 4);
    outlet_clear(&rig.s.client.out);
    answer(slice_of(text, (size_t)len + 5));
    struct slice sent = buf_slice(outlet_queue(&rig.s.client.out));
    struct frame f;
    struct message_error e;
    assert_int_equal(frame_read(sent, UINT32_MAX, &f), WIRE_OK);
    assert_true(f.whole && f.type == 'E');
    message_error(frame_body(&f), &e);
    assert_true(slice_equal_str(e.text, "prepared statement \"n\" does not exist"));
    outlet_clear(&rig.s.client.out);
    session_rig_fini(&rig);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_reply_in_every_state),
        cmocka_unit_test(replies_may_be_cut_anywhere),
        cmocka_unit_test(errors_tell_the_name_of_the_client),
    };
    log_set_level(LOG_LEVEL_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
