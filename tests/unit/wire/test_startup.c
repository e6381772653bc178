/* test_startup.c — the first packet of a connection, and everything that is none. */
/* SPDX-License-Identifier: PostgreSQL */
#include "wire/startup.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "guard.h"
#include "wire/message.h"

/* A packet with its length in front; bytes is a string literal without its last NUL. */
#define PACKET(code, bytes)            \
    {                                  \
        code, bytes, sizeof(bytes) - 1 \
    }
#define VERSION(major, minor) ((uint32_t)(major) << 16 | (minor))
#define REQUEST(minor) VERSION(1234, minor)

struct packet {
    uint32_t code;
    const char *body;
    size_t body_len;
};

static size_t
packet_put(const struct packet *packet, uint8_t *out)
{
    be32_put(out, (uint32_t)(8 + packet->body_len));
    be32_put(out + 4, packet->code);
    memcpy(out + 8, packet->body, packet->body_len);
    return 8 + packet->body_len;
}

#define KEY_256                                                        \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef" \
    "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

/* clang-format off */
static const struct {
    struct packet packet;
    enum startup_kind kind;
} good[] = {
    {PACKET(REQUEST(5679), ""), STARTUP_SSL},
    {PACKET(REQUEST(5680), ""), STARTUP_GSSENC},
    {PACKET(REQUEST(5678), "\0\0\1\2key!"), STARTUP_CANCEL},
    {PACKET(REQUEST(5678), "\0\0\1\2" KEY_256), STARTUP_CANCEL},
    {PACKET(VERSION(3, 0), "\0"), STARTUP_SESSION},
    {PACKET(VERSION(3, 0), "user\0app\0\0"), STARTUP_SESSION},
    {PACKET(VERSION(3, 0), "user\0app\0database\0\0\0"), STARTUP_SESSION},
    {PACKET(VERSION(3, 2), "user\0app\0_pq_.x\0y\0\0"), STARTUP_SESSION},
    {PACKET(VERSION(3, 9999), "\0"), STARTUP_SESSION},
};

static const struct {
    struct packet packet;
    const char *sqlstate; /* "": close without a word */
} bad[] = {
    {PACKET(REQUEST(5679), "x"), ""},
    {PACKET(REQUEST(5680), "xxxx"), ""},
    {PACKET(REQUEST(5678), ""), ""},
    {PACKET(REQUEST(5678), "\0\0\1"), ""},
    {PACKET(REQUEST(5678), "\0\0\1\2"), ""},
    {PACKET(REQUEST(5678), "\0\0\1\2key"), ""},
    {PACKET(REQUEST(5678), "\0\0\1\2x" KEY_256), ""},
    {PACKET(REQUEST(5677), ""), SQLSTATE_FEATURE_NOT_SUPPORTED},
    {PACKET(REQUEST(0), "user\0app\0\0"), SQLSTATE_FEATURE_NOT_SUPPORTED},
    {PACKET(VERSION(2, 0), "user\0app\0\0"), SQLSTATE_FEATURE_NOT_SUPPORTED},
    {PACKET(VERSION(4, 0), "user\0app\0\0"), SQLSTATE_FEATURE_NOT_SUPPORTED},
    {PACKET(VERSION(0, 0), ""), SQLSTATE_FEATURE_NOT_SUPPORTED},
    {PACKET(VERSION(65535, 65535), ""), SQLSTATE_FEATURE_NOT_SUPPORTED},
    {PACKET(VERSION(3, 0), ""), SQLSTATE_PROTOCOL},
    {PACKET(VERSION(3, 0), "user"), SQLSTATE_PROTOCOL},
    {PACKET(VERSION(3, 0), "user\0"), SQLSTATE_PROTOCOL},
    {PACKET(VERSION(3, 0), "user\0app"), SQLSTATE_PROTOCOL},
    {PACKET(VERSION(3, 0), "user\0app\0"), SQLSTATE_PROTOCOL},
    {PACKET(VERSION(3, 0), "user\0\0"), SQLSTATE_PROTOCOL},
    {PACKET(VERSION(3, 0), "user\0app\0\0x"), SQLSTATE_PROTOCOL},
    {PACKET(VERSION(3, 0), "user\0app\0\0\0"), SQLSTATE_PROTOCOL},
    {PACKET(VERSION(3, 0), "\0\0"), SQLSTATE_PROTOCOL},
};
/* clang-format on */

static void
each_kind_of_packet_is_known(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(good); i++) {
        uint8_t bytes[512];
        struct startup_packet p;
        struct err err;
        const size_t len = packet_put(&good[i].packet, bytes);
        assert_int_equal(startup_decode(slice_of(bytes, len), &p, &err), WIRE_OK);
        assert_false(err_is_set(&err));
        assert_int_equal(p.kind, good[i].kind);
        assert_int_equal(p.total, len);
        if (p.kind == STARTUP_CANCEL) {
            assert_int_equal(p.cancel_pid, 0x0102);
            assert_int_equal(p.cancel_key.len, len - 12);
            assert_memory_equal(p.cancel_key.p, bytes + 12, len - 12);
        }
        if (p.kind == STARTUP_SESSION) {
            assert_int_equal(VERSION(p.major, p.minor), good[i].packet.code);
            assert_ptr_equal(p.params.p, bytes + 8);
            assert_int_equal(p.params.len, len - 8);
        }
    }
}

static void
what_is_malformed_is_refused_with_its_state(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        uint8_t bytes[512];
        struct startup_packet p;
        struct err err;
        const size_t len = packet_put(&bad[i].packet, bytes);
        assert_int_equal(startup_decode(slice_of(bytes, len), &p, &err), WIRE_BAD);
        assert_string_equal(err.sqlstate, bad[i].sqlstate);
    }
}

/* Whatever the packet: a part of it asks for more, and nothing behind it is looked at. */
static void
a_part_asks_for_more_and_never_reads_beyond(void **state)
{
    (void)state;
    struct guard guard = guard_new(512);
    for (size_t i = 0; i < COUNT_OF(good) + COUNT_OF(bad); i++) {
        const struct packet *packet =
            i < COUNT_OF(good) ? &good[i].packet : &bad[i - COUNT_OF(good)].packet;
        uint8_t bytes[513];
        struct startup_packet p;
        struct err err;
        const size_t len = packet_put(packet, bytes);
        for (size_t n = 0; n <= len; n++) {
            const enum wire_result r = startup_decode(guard_put(&guard, bytes, n), &p, &err);
            assert_int_equal(r == WIRE_MORE, n < len);
            assert_true(r != WIRE_MORE || !err_is_set(&err));
        }
        bytes[len] = 'x'; /* the next message */
        const enum wire_result r = startup_decode(slice_of(bytes, len + 1), &p, &err);
        assert_int_equal(r, i < COUNT_OF(good) ? WIRE_OK : WIRE_BAD);
        assert_true(r == WIRE_BAD || p.total == len);
    }
    guard_free(&guard);
}

static void
lengths_out_of_bounds_are_refused_at_once(void **state)
{
    (void)state;
    static const struct {
        uint32_t len;
        enum wire_result result;
    } lengths[] = {
        {0, WIRE_BAD},
        {4, WIRE_BAD},
        {7, WIRE_BAD},
        {8, WIRE_MORE},
        {STARTUP_LEN_MAX, WIRE_MORE},
        {STARTUP_LEN_MAX + 1, WIRE_BAD},
        {0x00ffffff, WIRE_BAD},
        {0x01000000, WIRE_BAD},
        {UINT32_MAX, WIRE_BAD},
    };
    struct guard guard = guard_new(8);
    for (size_t i = 0; i < COUNT_OF(lengths); i++) {
        uint8_t bytes[4];
        struct startup_packet p;
        struct err err;
        be32_put(bytes, lengths[i].len);
        assert_int_equal(startup_decode(guard_put(&guard, bytes, 4), &p, &err), lengths[i].result);
        assert_false(err_is_set(&err));
    }
    guard_free(&guard);
}

/* Other protocols end with their first byte: nobody waits for the rest of a packet that never was.
 */
static void
the_first_byte_of_something_else_is_enough(void **state)
{
    (void)state;
    static const char *const strangers[] = {"GET / HTTP/1.1\r\n", "\x16\x03\x01", "SSH-2.0-x",
                                            "\xff", "Q"};
    struct startup_packet p;
    struct err err;
    for (size_t i = 0; i < COUNT_OF(strangers); i++) {
        for (size_t n = 1; n <= strlen(strangers[i]); n++) {
            assert_int_equal(startup_decode(slice_of(strangers[i], n), &p, &err), WIRE_BAD);
            assert_false(err_is_set(&err));
        }
    }
}

static void
parameters_are_walked_in_order(void **state)
{
    (void)state;
    static const char *const pairs[] = {"user", "app", "database", "", "options", "-c a=b"};
    struct buf b;
    struct startup_packet p;
    struct err err;
    struct slice name;
    struct slice value;
    buf_init(&b);
    message_put_startup(&b, pairs, COUNT_OF(pairs) / 2);
    assert_int_equal(startup_decode(buf_slice(&b), &p, &err), WIRE_OK);
    assert_int_equal(p.total, buf_len(&b));
    struct slice params = p.params;
    for (size_t i = 0; i < COUNT_OF(pairs); i += 2) {
        assert_true(startup_next_param(&params, &name, &value));
        assert_true(slice_equal_str(name, pairs[i]));
        assert_true(slice_equal_str(value, pairs[i + 1]));
    }
    assert_false(startup_next_param(&params, &name, &value));
    assert_false(startup_next_param(&params, &name, &value));
    buf_fini(&b);
}

static void
a_cancel_that_was_put_is_read(void **state)
{
    (void)state;
    struct buf b;
    struct startup_packet p;
    struct err err;
    buf_init(&b);
    message_put_cancel(&b, 0xdeadbeef, slice_of_str("key4"));
    assert_int_equal(startup_decode(buf_slice(&b), &p, &err), WIRE_OK);
    assert_int_equal(p.kind, STARTUP_CANCEL);
    assert_int_equal(p.cancel_pid, 0xdeadbeef);
    assert_true(slice_equal_str(p.cancel_key, "key4"));
    buf_fini(&b);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_kind_of_packet_is_known),
        cmocka_unit_test(what_is_malformed_is_refused_with_its_state),
        cmocka_unit_test(a_part_asks_for_more_and_never_reads_beyond),
        cmocka_unit_test(lengths_out_of_bounds_are_refused_at_once),
        cmocka_unit_test(the_first_byte_of_something_else_is_enough),
        cmocka_unit_test(parameters_are_walked_in_order),
        cmocka_unit_test(a_cancel_that_was_put_is_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
