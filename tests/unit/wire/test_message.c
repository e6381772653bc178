/* test_message.c — bodies are read as they are, or refused; frames are put as the protocol has
 * them. */
/* SPDX-License-Identifier: PostgreSQL */
#include "wire/message.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"

/* A body, without the NUL that C puts behind it. */
#define BODY(bytes) bytes, sizeof(bytes) - 1

/* One decoder behind one face: up to three slices that it found. */
typedef bool decode_fn(struct slice body, struct slice out[3]);

static bool
decode_query(struct slice body, struct slice out[3])
{
    return message_query(body, &out[0]);
}

static bool
decode_parse(struct slice body, struct slice out[3])
{
    return message_parse(body, &out[0], &out[1], &out[2]);
}

static bool
decode_bind(struct slice body, struct slice out[3])
{
    return message_bind(body, &out[0], &out[1], &out[2]);
}

/* The kind is shown as a slice of one byte. */
static bool
decode_named(struct slice body, struct slice out[3])
{
    uint8_t kind;
    out[0] = slice_of(body.p, 1);
    return message_named(body, &kind, &out[1]) && kind == body.p[0];
}

static bool
decode_error(struct slice body, struct slice out[3])
{
    struct message_error e;
    message_error(body, &e);
    out[0] = e.severity;
    out[1] = e.sqlstate;
    out[2] = e.text;
    return true;
}

/* clang-format off */
static const struct {
    decode_fn *decode;
    const char *body;
    size_t body_len;
    bool ok;
    struct slice out[3];
} cases[] = {
#define S(text) {(const uint8_t *)(text), sizeof(text) - 1}
    {decode_query, BODY(""), false, {{0}}},
    {decode_query, BODY("\0"), true, {S("")}},
    {decode_query, BODY("SELECT 1"), false, {{0}}},
    {decode_query, BODY("SELECT 1\0"), true, {S("SELECT 1")}},
    {decode_query, BODY("SELECT\0 1\0"), false, {{0}}},
    {decode_query, BODY("SELECT 1\0\0"), false, {{0}}},

    {decode_parse, BODY(""), false, {{0}}},
    {decode_parse, BODY("s"), false, {{0}}},
    {decode_parse, BODY("s\0"), false, {{0}}},
    {decode_parse, BODY("s\0q"), false, {{0}}},
    {decode_parse, BODY("s\0q\0"), false, {{0}}},
    {decode_parse, BODY("s\0q\0\0"), false, {{0}}},
    {decode_parse, BODY("s\0q\0\0\0"), true, {S("s"), S("q"), S("\0\0")}},
    {decode_parse, BODY("\0\0\0\0"), true, {S(""), S(""), S("\0\0")}},
    {decode_parse, BODY("s\0q\0\0\1\0\0\0"), false, {{0}}},
    {decode_parse, BODY("s\0q\0\0\1\0\0\0\27"), true, {S("s"), S("q"), S("\0\1\0\0\0\27")}},
    {decode_parse, BODY("s\0q\0\0\1\0\0\0\27x"), false, {{0}}},
    {decode_parse, BODY("s\0q\0\377\377\0\0\0\27"), false, {{0}}},

    {decode_bind, BODY(""), false, {{0}}},
    {decode_bind, BODY("p"), false, {{0}}},
    {decode_bind, BODY("p\0"), false, {{0}}},
    {decode_bind, BODY("p\0s"), false, {{0}}},
    {decode_bind, BODY("p\0s\0"), true, {S("p"), S("s"), S("")}},
    {decode_bind, BODY("\0\0\0\0\0\0\0\0"), true, {S(""), S(""), S("\0\0\0\0\0\0")}},
    {decode_bind, BODY("\0s\0anything"), true, {S(""), S("s"), S("anything")}},

    {decode_named, BODY("S"), false, {{0}}},
    {decode_named, BODY("S\0"), true, {S("S"), S("")}},
    {decode_named, BODY("Pname\0"), true, {S("P"), S("name")}},
    {decode_named, BODY("Pname"), false, {{0}}},
    {decode_named, BODY("Pna\0me\0"), false, {{0}}},
    {decode_named, BODY("Xname\0"), false, {{0}}},
    {decode_named, BODY("\0name\0"), false, {{0}}},
    {decode_named, BODY("sname\0"), false, {{0}}},

    {decode_error, BODY(""), true, {{0}}},
    {decode_error, BODY("\0"), true, {{0}}},
    {decode_error, BODY("SERROR\0VFATAL\0C57P01\0Mbye\0\0"), true, {S("FATAL"), S("57P01"), S("bye")}},
    {decode_error, BODY("SFEHLER\0C42601\0Mx\0\0"), true, {S("FEHLER"), S("42601"), S("x")}},
    {decode_error, BODY("VERROR\0SFEHLER\0\0"), true, {S("ERROR"), S(""), S("")}},
    {decode_error, BODY("Zwhat\0Hhint\0Mx\0\0C42601\0"), true, {S(""), S(""), S("x")}},
    {decode_error, BODY("C42601\0Mcut off"), true, {S(""), S("42601"), S("")}},
    {decode_error, BODY("Ma\0Mb\0\0"), true, {S(""), S(""), S("b")}},
#undef S
};
/* clang-format on */

static void
bodies_are_read_or_refused(void **state)
{
    (void)state;
    struct guard guard = guard_new(64);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct slice out[3] = {SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY};
        const struct slice body = guard_put(&guard, cases[i].body, cases[i].body_len);
        assert_int_equal(cases[i].decode(body, out), cases[i].ok);
        for (size_t j = 0; cases[i].ok && j < 3; j++) {
            assert_true(slice_equal(out[j], cases[i].out[j]));
            assert_true(out[j].p == NULL ||
                        (out[j].p >= body.p && out[j].p + out[j].len <= body.p + body.len));
        }
    }
    guard_free(&guard);
}

/* Each body cut short at every place, on memory that ends there. */
static void
a_body_cut_short_is_never_read_beyond(void **state)
{
    (void)state;
    struct guard guard = guard_new(64);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        for (size_t len = 1; len < cases[i].body_len; len++) {
            struct slice out[3] = {SLICE_EMPTY, SLICE_EMPTY, SLICE_EMPTY};
            const struct slice body = guard_put(&guard, cases[i].body, len);
            const bool ok = cases[i].decode(body, out);
            /* What is complete only with its last byte is not complete without it. */
            assert_false(ok && cases[i].ok && cases[i].decode == decode_parse);
            assert_false(ok && cases[i].ok && cases[i].decode == decode_query);
        }
    }
    guard_free(&guard);
}

/* ---- encoders ---- */

static void
assert_put(struct buf *b, const char *bytes, size_t len)
{
    assert_int_equal(buf_len(b), len);
    assert_memory_equal(buf_slice(b).p, bytes, len);
    buf_clear(b);
}

static void
frames_are_put_as_the_protocol_has_them(void **state)
{
    (void)state;
    static const char *const options[] = {"_pq_.a", "_pq_.b"};
    static const char *const pairs[] = {"user", "app"};
    struct buf b;
    buf_init(&b);
    message_put_simple(&b, 'S');
    assert_put(&b, BODY("S\0\0\0\4"));
    message_put_query(&b, "SELECT 1");
    assert_put(&b, BODY("Q\0\0\0\15SELECT 1\0"));
    message_put_auth(&b, 10, slice_of_str("X"));
    assert_put(&b, BODY("R\0\0\0\11\0\0\0\12X"));
    message_put_auth(&b, 0, SLICE_EMPTY);
    assert_put(&b, BODY("R\0\0\0\10\0\0\0\0"));
    message_put_password(&b, slice_of_str("pw"));
    assert_put(&b, BODY("p\0\0\0\6pw"));
    message_put_parameter(&b, "n", "v");
    assert_put(&b, BODY("S\0\0\0\10n\0v\0"));
    message_put_key(&b, 0x01020304, slice_of_str("abcd"));
    assert_put(&b, BODY("K\0\0\0\14\1\2\3\4abcd"));
    message_put_ready(&b, 'T');
    assert_put(&b, BODY("Z\0\0\0\5T"));
    message_put_complete(&b, "SHOW");
    assert_put(&b, BODY("C\0\0\0\11SHOW\0"));
    message_put_negotiate(&b, 2, options, 2);
    assert_put(&b, BODY("v\0\0\0\32\0\3\0\2\0\0\0\2_pq_.a\0_pq_.b\0"));
    message_put_parse(&b, "s", slice_of_str("q"), slice_of("\0\1\0\0\0\27", 6));
    assert_put(&b, BODY("P\0\0\0\16s\0q\0\0\1\0\0\0\27"));
    message_put_bind(&b, slice_of_str("p"), "s", slice_of("\0\0\0\0\0\0", 6));
    assert_put(&b, BODY("B\0\0\0\16p\0s\0\0\0\0\0\0\0"));
    message_put_named(&b, 'D', 'S', "s");
    assert_put(&b, BODY("D\0\0\0\7Ss\0"));
    message_put_startup(&b, pairs, 1);
    assert_put(&b, BODY("\0\0\0\22\0\3\0\0user\0app\0\0"));
    message_put_cancel(&b, 0x01020304, slice_of_str("abcd"));
    assert_put(&b, BODY("\0\0\0\20\4\322\26\56\1\2\3\4abcd"));
    buf_fini(&b);
}

static void
results_are_put_in_text_format(void **state)
{
    (void)state;
    static const char *const names[] = {"a", "bc"};
    static const char *const cells[] = {"x", NULL, ""};
    struct buf b;
    buf_init(&b);
    message_put_row_description(&b, names, 2);
    assert_put(&b, BODY("T\0\0\0\57\0\2"
                        "a\0\0\0\0\0\0\0\0\0\0\31\377\377\377\377\377\377\0\0"
                        "bc\0\0\0\0\0\0\0\0\0\0\31\377\377\377\377\377\377\0\0"));
    message_put_row_description(&b, NULL, 0);
    assert_put(&b, BODY("T\0\0\0\6\0\0"));
    message_put_data_row(&b, cells, 3);
    assert_put(&b, BODY("D\0\0\0\23\0\3\0\0\0\1x\377\377\377\377\0\0\0\0"));
    buf_fini(&b);
}

static void
an_error_carries_what_is_known(void **state)
{
    (void)state;
    struct buf b;
    struct err err;
    struct message_error e;
    buf_init(&b);
    (void)err_set(&err, "53300", "too many");
    message_put_error(&b, "FATAL", &err);
    assert_put(&b, BODY("E\0\0\0\44SFATAL\0VFATAL\0C53300\0Mtoo many\0\0"));
    (void)err_hint(&err, "Wait.");
    message_put_error(&b, "NOTICE", &err);
    assert_put(&b, BODY("N\0\0\0\55SNOTICE\0VNOTICE\0C53300\0Mtoo many\0HWait.\0\0"));
    (void)err_detail(&err, "Three.");
    message_put_error(&b, "NOTICE", &err);
    assert_put(&b, BODY("N\0\0\0\65SNOTICE\0VNOTICE\0C53300\0Mtoo many\0DThree.\0HWait.\0\0"));
    message_put_error(&b, "ERROR", &err);
    const struct slice frame = buf_slice(&b);
    assert_int_equal(frame.p[0], 'E');
    message_error(slice_of(frame.p + WIRE_HEADER_LEN, frame.len - WIRE_HEADER_LEN), &e);
    assert_true(slice_equal_str(e.severity, "ERROR"));
    assert_true(slice_equal_str(e.sqlstate, "53300"));
    assert_true(slice_equal_str(e.text, "too many"));
    buf_fini(&b);
}

/* The length is found where the frame begins, whatever stands or stood in front of it. */
static void
frames_may_stand_behind_others_and_behind_what_was_consumed(void **state)
{
    (void)state;
    struct buf b;
    uint8_t type;
    uint64_t total;
    buf_init(&b);
    for (size_t i = 0; i < 1000; i++) {
        message_put_complete(&b, "INSERT 0 1");
        message_put_ready(&b, 'I');
        message_put_startup(&b, NULL, 0);
        if (i % 3 == 0) {
            continue; /* it grows now and then */
        }
        assert_int_equal(wire_peek(buf_slice(&b), 100, &type, &total), WIRE_OK);
        assert_int_equal(type, 'C');
        assert_int_equal(total, 16);
        buf_consume(&b, 16);
        assert_int_equal(wire_peek(buf_slice(&b), 100, &type, &total), WIRE_OK);
        assert_int_equal(type, 'Z');
        assert_int_equal(total, 6);
        buf_consume(&b, 6);
        assert_int_equal(be32_at(buf_slice(&b).p), 9);
        buf_consume(&b, 9);
    }
    buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies_are_read_or_refused),
        cmocka_unit_test(a_body_cut_short_is_never_read_beyond),
        cmocka_unit_test(frames_are_put_as_the_protocol_has_them),
        cmocka_unit_test(results_are_put_in_text_format),
        cmocka_unit_test(an_error_carries_what_is_known),
        cmocka_unit_test(frames_may_stand_behind_others_and_behind_what_was_consumed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
