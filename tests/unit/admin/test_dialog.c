/* test_dialog.c — the console's protocol machine, message by message and byte by byte. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/dialog.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "wire/message.h"

/* A console of two statements: "rows" answers with two rows, "later" when the test says so, "bad"
 * not at all. */
struct fixture {
    struct dialog dialog;
    struct buf in;
    bool refuse;
    unsigned executed;
    uint32_t cancelled_pid;
    char types[4096]; /* of the messages that came out */
};

static const char *const columns[] = {"a", "b"};

static bool
begin(void *ctx, const char *user, const char *database, struct err *err)
{
    const struct fixture *f = ctx;
    assert_string_equal(user, "op");
    assert_string_equal(database, "teal");
    return !f->refuse || err_set(err, SQLSTATE_INVALID_AUTHORIZATION, "not you");
}

static void
answer_rows(struct dialog *d)
{
    static const char *const first[] = {"1", NULL};
    dialog_row(d, first, 2);
    dialog_row(d, columns, 2);
    dialog_complete(d, NULL);
}

static void
execute(void *ctx, struct slice text, bool describe)
{
    struct fixture *f = ctx;
    struct dialog *d = &f->dialog;
    f->executed++;
    if (slice_equal_str(text, "rows")) {
        dialog_columns(d, columns, 2);
        if (!describe) {
            answer_rows(d);
        }
    } else if (slice_equal_str(text, "set")) {
        dialog_complete(d, "SET");
    } else if (slice_equal_str(text, "")) {
        dialog_complete_empty(d);
    } else if (!slice_equal_str(text, "later")) {
        struct err err;
        (void)err_set(&err, SQLSTATE_SYNTAX_ERROR, "bad");
        dialog_error(d, &err);
    }
}

static void
cancel(void *ctx, uint32_t pid, struct slice key)
{
    struct fixture *f = ctx;
    f->cancelled_pid = slice_equal(key, slice_of("\1\2\3\4", 4)) ? pid : 0;
}

static void
set_up(struct fixture *f)
{
    *f = (struct fixture){0};
    const struct dialog_ops ops = {f, begin, execute, cancel};
    dialog_init(&f->dialog, &ops, 77, (const uint8_t *)"\1\2\3\4");
    buf_init(&f->in);
}

static void
tear_down(struct fixture *f)
{
    dialog_fini(&f->dialog);
    buf_fini(&f->in);
}

static void
put_startup(struct fixture *f)
{
    static const char *const pairs[] = {"user", "op", "database", "teal"};
    message_put_startup(&f->in, pairs, 2);
}

static void
feed(struct fixture *f)
{
    dialog_feed(&f->dialog, buf_slice(&f->in));
    buf_clear(&f->in);
}

/* The types of all that came out since the last call. */
static const char *
sent(struct fixture *f)
{
    size_t count = 0;
    struct slice out = buf_slice(&f->dialog.out);
    while (out.len > 0) {
        uint8_t type;
        uint64_t total = 1;
        if (out.p[0] != 'N' || out.len > 1) {
            assert_int_equal(wire_peek(out, 1 << 20, &type, &total), WIRE_OK);
        } else {
            type = 'N'; /* the answer to SSLRequest is a lone byte */
        }
        assert_true(total <= out.len && count + 1 < sizeof(f->types));
        f->types[count++] = (char)type;
        out = slice_of(out.p + total, out.len - (size_t)total);
    }
    f->types[count] = '\0';
    buf_clear(&f->dialog.out);
    dialog_sent(&f->dialog);
    return f->types;
}

static void
log_in(struct fixture *f)
{
    set_up(f);
    put_startup(f);
    feed(f);
    assert_string_equal(sent(f), "RSSSSSSSKZ");
}

static bool
out_holds(const struct fixture *f, const char *text)
{
    const struct slice out = buf_slice(&f->dialog.out);
    return memmem(out.p, out.len, text, strlen(text)) != NULL;
}

/* Parse, Bind, Describe, Execute of the unnamed statement. */
static void
put_extended(struct fixture *f, const char *text, bool describe)
{
    static const uint8_t none[] = {0, 0};
    static const uint8_t bind_rest[] = {0, 0, 0, 0, 0, 0};
    message_put_parse(&f->in, "", slice_of_str(text), slice_of(none, sizeof(none)));
    message_put_bind(&f->in, SLICE_EMPTY, "", slice_of(bind_rest, sizeof(bind_rest)));
    if (describe) {
        message_put_named(&f->in, 'D', 'P', "");
    }
    const size_t begun = message_begin(&f->in, 'E');
    buf_put_cstr(&f->in, "");
    buf_put_u32(&f->in, 0);
    message_end(&f->in, begun);
}

static void
a_query_is_answered_with_its_rows(void **state)
{
    (void)state;
    struct fixture f;
    log_in(&f);
    message_put_query(&f.in, "rows");
    feed(&f);
    assert_true(out_holds(&f, "SELECT 2"));
    assert_string_equal(sent(&f), "TDDCZ");
    message_put_query(&f.in, "set");
    message_put_query(&f.in, "");
    message_put_query(&f.in, "bad");
    feed(&f);
    assert_string_equal(sent(&f), "CZIZEZ");
    tear_down(&f);
}

static void
bytes_may_come_one_by_one(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    put_startup(&f);
    message_put_query(&f.in, "rows");
    put_extended(&f, "rows", true);
    message_put_simple(&f.in, 'S');
    const struct slice all = buf_slice(&f.in);
    for (size_t i = 0; i < all.len; i++) {
        dialog_feed(&f.dialog, slice_of(all.p + i, 1));
    }
    assert_string_equal(sent(&f), "RSSSSSSSKZTDDCZ12TDDCZ");
    tear_down(&f);
}

static void
encryption_is_declined_and_then_the_session_begins(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    buf_put_u32(&f.in, 8);
    buf_put_u32(&f.in, 80877103);
    feed(&f);
    assert_string_equal(sent(&f), "N");
    buf_put_u32(&f.in, 8);
    buf_put_u32(&f.in, 80877104);
    feed(&f);
    assert_string_equal(sent(&f), "N");
    put_startup(&f);
    feed(&f);
    assert_string_equal(sent(&f), "RSSSSSSSKZ");
    tear_down(&f);
}

static void
newer_minors_and_options_are_negotiated(void **state)
{
    (void)state;
    static const char params[] = "user\0op\0database\0teal\0_pq_.later\0on\0";
    struct fixture f;
    set_up(&f);
    buf_put_u32(&f.in, 8 + sizeof(params));
    buf_put_u32(&f.in, 3 << 16 | 2);
    buf_put(&f.in, params, sizeof(params));
    feed(&f);
    assert_true(out_holds(&f, "_pq_.later"));
    assert_string_equal(sent(&f), "vRSSSSSSSKZ");
    tear_down(&f);
}

static void
who_may_not_begin_gets_a_fatal(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    f.refuse = true;
    put_startup(&f);
    message_put_query(&f.in, "rows");
    feed(&f);
    assert_true(out_holds(&f, "28000"));
    assert_string_equal(sent(&f), "E");
    assert_int_equal(f.dialog.state, DIALOG_CLOSED);
    assert_int_equal(f.executed, 0);
    tear_down(&f);
}

static void
a_cancel_request_reaches_the_owner(void **state)
{
    (void)state;
    struct fixture f;
    set_up(&f);
    message_put_cancel(&f.in, 42, slice_of("\1\2\3\4", 4));
    feed(&f);
    assert_int_equal(f.cancelled_pid, 42);
    assert_int_equal(f.dialog.state, DIALOG_CLOSED);
    assert_string_equal(sent(&f), "");
    tear_down(&f);
}

static void
questions_wait_for_the_answer_before_them(void **state)
{
    (void)state;
    struct fixture f;
    log_in(&f);
    message_put_query(&f.in, "later");
    message_put_query(&f.in, "rows");
    feed(&f);
    assert_int_equal(f.dialog.state, DIALOG_BUSY);
    assert_int_equal(f.executed, 1);
    assert_string_equal(sent(&f), "");
    dialog_columns(&f.dialog, columns, 2);
    answer_rows(&f.dialog);
    assert_int_equal(f.executed, 2);
    assert_string_equal(sent(&f), "TDDCZTDDCZ");
    tear_down(&f);
}

static void
the_extended_protocol_describes_and_runs(void **state)
{
    (void)state;
    struct fixture f;
    log_in(&f);
    put_extended(&f, "rows", true);
    put_extended(&f, "set", true);
    put_extended(&f, "", false);
    message_put_named(&f.in, 'C', 'S', "");
    message_put_simple(&f.in, 'H');
    message_put_simple(&f.in, 'S');
    feed(&f);
    assert_string_equal(sent(&f), "12TDDC12nC12I3Z");
    tear_down(&f);
}

static void
an_error_skips_everything_up_to_sync(void **state)
{
    (void)state;
    struct fixture f;
    log_in(&f);
    put_extended(&f, "bad", false);
    put_extended(&f, "rows", true);
    message_put_simple(&f.in, 'S');
    put_extended(&f, "rows", false);
    message_put_simple(&f.in, 'S');
    feed(&f);
    assert_string_equal(sent(&f), "12EZ12DDCZ");
    tear_down(&f);
}

static void
names_must_exist_and_are_bounded(void **state)
{
    (void)state;
    static const uint8_t none[] = {0, 0};
    struct fixture f;
    log_in(&f);
    message_put_named(&f.in, 'D', 'S', "nobody");
    message_put_simple(&f.in, 'S');
    message_put_named(&f.in, 'D', 'P', "nobody");
    message_put_simple(&f.in, 'S');
    message_put_bind(&f.in, SLICE_EMPTY, "nobody", slice_of("\0\0\0\0\0\0", 6));
    message_put_simple(&f.in, 'S');
    feed(&f);
    assert_string_equal(sent(&f), "EZEZEZ");
    for (unsigned i = 0; i <= DIALOG_NAMES_MAX; i++) {
        char name[16];
        (void)snprintf(name, sizeof(name), "s%u", i);
        message_put_parse(&f.in, name, slice_of_str("rows"), slice_of(none, 2));
    }
    message_put_simple(&f.in, 'S');
    feed(&f);
    const char *types = sent(&f);
    assert_int_equal(strspn(types, "1"), DIALOG_NAMES_MAX);
    assert_string_equal(types + DIALOG_NAMES_MAX, "EZ");
    tear_down(&f);
}

static void
parameters_are_refused(void **state)
{
    (void)state;
    struct fixture f;
    log_in(&f);
    message_put_parse(&f.in, "", slice_of_str("rows"), slice_of("\0\1\0\0\0\x17", 6));
    message_put_simple(&f.in, 'S');
    message_put_parse(&f.in, "", slice_of_str("rows"), slice_of("\0\0", 2));
    message_put_bind(&f.in, SLICE_EMPTY, "", slice_of("\0\0\0\1\0\0\0\1x\0\0", 11));
    message_put_simple(&f.in, 'S');
    feed(&f);
    assert_string_equal(sent(&f), "EZ1EZ");
    tear_down(&f);
}

static void
what_breaks_the_protocol_is_fatal(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
    } cases[] = {
        {"Q\0\0\0\3", 5},                            /* shorter than its own length */
        {"Q\0\1\0\0", 5},                            /* longer than the console takes */
        {"Q\xff\xff\xff\xff", 5}, {"Q\0\0\0\5a", 6}, /* no NUL */
        {"Q\0\0\0\7a\0b", 8},                        /* two */
        {"p\0\0\0\5\0", 6},                          /* nobody asked for a password */
        {"!\0\0\0\4", 5},         {"P\0\0\0\4", 5},    {"B\0\0\0\6\0\0", 7},
        {"E\0\0\0\5\0", 6},       {"D\0\0\0\6X\0", 7},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct fixture f;
        log_in(&f);
        dialog_feed(&f.dialog, slice_of(cases[i].bytes, cases[i].len));
        assert_true(out_holds(&f, "08P01"));
        assert_string_equal(sent(&f), "E");
        assert_int_equal(f.dialog.state, DIALOG_CLOSED);
        tear_down(&f);
    }
}

static void
noise_is_closed_without_a_word(void **state)
{
    (void)state;
    static const char *const noises[] = {"GET / HTTP/1.1\r\n\r\n", "\x16\x03\x01\x02", "Q"};
    for (size_t i = 0; i < COUNT_OF(noises); i++) {
        struct fixture f;
        set_up(&f);
        dialog_feed(&f.dialog, slice_of_str(noises[i]));
        assert_string_equal(sent(&f), "");
        assert_int_equal(f.dialog.state, DIALOG_CLOSED);
        tear_down(&f);
    }
}

/* Thousands of questions in one go neither recurse nor let the answers pile up without end. */
static void
a_flood_is_taken_in_portions(void **state)
{
    (void)state;
    enum { COUNT = 9000 };
    struct fixture f;
    log_in(&f);
    for (int i = 0; i < COUNT; i++) {
        message_put_query(&f.in, "rows");
    }
    feed(&f);
    assert_true(buf_len(&f.dialog.out) < 2 * DIALOG_OUT_HIGH);
    assert_true(f.executed < COUNT);
    assert_false(dialog_wants(&f.dialog) && buf_len(&f.dialog.in) >= DIALOG_FRAME_MAX);
    for (int i = 0; i < COUNT && f.executed < COUNT; i++) {
        buf_clear(&f.dialog.out);
        dialog_sent(&f.dialog);
    }
    assert_int_equal(f.executed, COUNT);
    tear_down(&f);
}

static void
terminate_closes(void **state)
{
    (void)state;
    struct fixture f;
    log_in(&f);
    message_put_query(&f.in, "rows");
    message_put_simple(&f.in, 'X');
    feed(&f);
    assert_string_equal(sent(&f), "TDDCZ");
    assert_int_equal(f.dialog.state, DIALOG_CLOSED);
    tear_down(&f);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_query_is_answered_with_its_rows),
        cmocka_unit_test(bytes_may_come_one_by_one),
        cmocka_unit_test(encryption_is_declined_and_then_the_session_begins),
        cmocka_unit_test(newer_minors_and_options_are_negotiated),
        cmocka_unit_test(who_may_not_begin_gets_a_fatal),
        cmocka_unit_test(a_cancel_request_reaches_the_owner),
        cmocka_unit_test(questions_wait_for_the_answer_before_them),
        cmocka_unit_test(the_extended_protocol_describes_and_runs),
        cmocka_unit_test(an_error_skips_everything_up_to_sync),
        cmocka_unit_test(names_must_exist_and_are_bounded),
        cmocka_unit_test(parameters_are_refused),
        cmocka_unit_test(what_breaks_the_protocol_is_fatal),
        cmocka_unit_test(noise_is_closed_without_a_word),
        cmocka_unit_test(a_flood_is_taken_in_portions),
        cmocka_unit_test(terminate_closes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
