/* test_outlet.c — bytes come out in the order in which they were given, whatever the socket takes.
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/outlet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "dice.h"

struct rig {
    struct loop *loop;
    struct stream stream;
    int peer;
    struct outlet out;
};

static void
never(void *arg, unsigned ready)
{
    (void)arg;
    (void)ready;
    fail_msg("the loop does not run");
}

static int
setup(void **state)
{
    static struct rig rig;
    int ends[2];
    rig = (struct rig){.loop = loop_new()};
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    const int small = 4096; /* so that a send is cut */
    assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    stream_init(&rig.stream, rig.loop, ends[0], never, &rig);
    rig.peer = ends[1];
    outlet_init(&rig.out);
    *state = &rig;
    return 0;
}

static int
teardown(void **state)
{
    struct rig *r = *state;
    outlet_fini(&r->out);
    if (stream_is_open(&r->stream)) {
        stream_close(&r->stream);
    }
    (void)close(r->peer);
    loop_free(r->loop);
    return 0;
}

/* What has arrived at the other end, with a NUL behind it. */
static const char *
arrived(struct rig *r)
{
    static char text[65536];
    const ssize_t n = recv(r->peer, text, sizeof(text) - 1, 0);
    text[n < 0 ? 0 : n] = '\0';
    return text;
}

static enum stream_status
send_all(struct rig *r)
{
    size_t sent;
    return outlet_send(&r->out, &r->stream, &sent);
}

static void
stretches_that_touch_are_one_run(void **state)
{
    struct rig *r = *state;
    static const char text[] = "one two three";
    outlet_pass(&r->out, slice_of(text, 4));
    outlet_pass(&r->out, slice_of(text + 4, 4));
    outlet_pass(&r->out, slice_of(text + 8, 5));
    assert_int_equal(buf_len(&r->out.queue), 0); /* nothing was copied */
    assert_int_equal(outlet_len(&r->out), 13);
    assert_int_equal(send_all(r), STREAM_OK);
    assert_string_equal(arrived(r), "one two three");
    assert_true(outlet_is_empty(&r->out));
}

static void
what_is_queued_comes_after_what_was_passed_before(void **state)
{
    struct rig *r = *state;
    outlet_pass(&r->out, slice_of_str("a"));
    buf_put(outlet_queue(&r->out), "b", 1);
    outlet_pass(&r->out, slice_of_str("c"));
    buf_put(outlet_queue(&r->out), "d", 1);
    outlet_pass(&r->out, slice_of_str("e"));
    assert_int_equal(send_all(r), STREAM_OK);
    assert_string_equal(arrived(r), "abcde");
}

static void
a_run_does_not_outlive_a_send(void **state)
{
    struct rig *r = *state;
    static char big[65536];
    memset(big, 'x', sizeof(big));
    outlet_pass(&r->out, slice_of(big, sizeof(big)));
    assert_int_equal(send_all(r), STREAM_AGAIN); /* the socket took a part */
    assert_int_equal(r->out.run.len, 0);
    memset(big, 'y', sizeof(big)); /* the receive buffer is used again */
    size_t total = 0;
    while (total < sizeof(big)) {
        const char *text = arrived(r);
        total += strlen(text);
        assert_null(strchr(text, 'y'));
        (void)send_all(r);
    }
    assert_true(outlet_is_empty(&r->out));
}

static void
a_broken_connection_is_told(void **state)
{
    struct rig *r = *state;
    assert_int_equal(shutdown(r->peer, SHUT_RDWR), 0);
    outlet_pass(&r->out, slice_of_str("x"));
    assert_int_equal(send_all(r), STREAM_CLOSED);
    assert_int_equal(r->out.run.len, 0);
}

static void
missing_bytes_break_the_connection(void **state)
{
    struct rig *r = *state;
    r->out.queue.failed = true;
    assert_false(outlet_is_empty(&r->out));
    assert_int_equal(send_all(r), STREAM_CLOSED);
    r->out.queue.failed = false;
}

static void
sending_nothing_is_nothing(void **state)
{
    struct rig *r = *state;
    size_t sent = 1;
    assert_int_equal(outlet_send(&r->out, &r->stream, &sent), STREAM_OK);
    assert_int_equal(sent, 0);
}

/* Passes and queues stretches of a counting text at random; what arrives counts on. */
static void
order_is_kept_whatever_is_passed_or_queued(void **state)
{
    struct rig *r = *state;
    struct dice dice = {1};
    static uint8_t receive[4096]; /* used again after each send, as a receive buffer is */
    uint8_t next = 0;
    uint8_t expected = 0;
    for (int round = 0; round < 2000; round++) {
        size_t used = 0;
        for (uint32_t i = dice_below(&dice, 6); i > 0; i--) {
            const uint32_t len = 1 + dice_below(&dice, 600);
            for (uint32_t k = 0; k < len; k++) {
                receive[used + k] = next++;
            }
            if (dice_below(&dice, 3) == 0) {
                buf_put(outlet_queue(&r->out), receive + used, len);
            } else {
                outlet_pass(&r->out, slice_of(receive + used, len));
            }
            used += len;
        }
        (void)send_all(r);
        uint8_t got[8192];
        const ssize_t n = recv(r->peer, got, 1 + dice_below(&dice, sizeof(got) - 1), 0);
        for (ssize_t k = 0; k < n; k++) {
            assert_int_equal(got[k], expected);
            expected++;
        }
    }
}

int
main(void)
{
#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(stretches_that_touch_are_one_run),
        TEST(what_is_queued_comes_after_what_was_passed_before),
        TEST(a_run_does_not_outlive_a_send),
        TEST(a_broken_connection_is_told),
        TEST(missing_bytes_break_the_connection),
        TEST(sending_nothing_is_nothing),
        TEST(order_is_kept_whatever_is_passed_or_queued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
