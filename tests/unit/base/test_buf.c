/* test_buf.c — bytes come out as they went in, and growing keeps them. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dice.h"

static void
assert_holds(const struct buf *b, const void *bytes, size_t len)
{
    assert_int_equal(buf_len(b), len);
    assert_int_equal(buf_slice(b).len, len);
    if (len > 0) {
        assert_memory_equal(buf_slice(b).p, bytes, len);
    }
}

static void
a_new_buffer_owns_nothing(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    assert_int_equal(b.size, 0);
    assert_holds(&b, "", 0);
    assert_null(buf_slice(&b).p);
    assert_true(buf_append(&b, SLICE_EMPTY));
    buf_put(&b, NULL, 0);
    buf_consume(&b, 0);
    buf_truncate(&b, 0);
    buf_clear(&b);
    buf_shrink(&b);
    assert_int_equal(b.size, 0);
    buf_fini(&b);
}

static void
bytes_are_taken_from_the_front(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    assert_true(buf_append(&b, slice_of_str("hello ")));
    assert_true(buf_append(&b, slice_of_str("world")));
    assert_holds(&b, "hello world", 11);
    buf_consume(&b, 6);
    assert_holds(&b, "world", 5);
    buf_put(&b, "!", 1);
    assert_holds(&b, "world!", 6);
    buf_consume(&b, 6);
    assert_holds(&b, "", 0);
    assert_int_equal(b.head, 0); /* an empty buffer starts over */
    assert_int_equal(b.tail, 0);
    buf_fini(&b);
}

static void
truncate_takes_back_what_came_last(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_put(&b, "abcdef", 6);
    buf_consume(&b, 2);
    buf_truncate(&b, 3);
    assert_holds(&b, "cde", 3);
    buf_put(&b, "X", 1);
    assert_holds(&b, "cdeX", 4);
    buf_truncate(&b, 4);
    assert_holds(&b, "cdeX", 4);
    buf_truncate(&b, 0);
    assert_holds(&b, "", 0);
    buf_put(&b, "again", 5);
    assert_holds(&b, "again", 5);
    buf_fini(&b);
}

static void
clear_keeps_the_memory_and_shrink_gives_it_back(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_put(&b, "abc", 3);
    const size_t size = b.size;
    buf_shrink(&b);
    assert_int_equal(b.size, size); /* something is held */
    buf_clear(&b);
    assert_int_equal(b.size, size);
    assert_holds(&b, "", 0);
    buf_shrink(&b);
    assert_int_equal(b.size, 0);
    assert_null(b.data);
}

static void
reserved_room_counts_only_when_committed(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    uint8_t *room = buf_reserve(&b, 1000);
    assert_non_null(room);
    assert_int_equal(buf_len(&b), 0);
    memset(room, 'x', 1000);
    buf_commit(&b, 10);
    assert_holds(&b, "xxxxxxxxxx", 10);
    assert_non_null(buf_reserve(&b, 0));
    buf_fini(&b);
}

static void
an_absurd_length_fails_and_changes_nothing(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    buf_put(&b, "abc", 3);
    buf_consume(&b, 1);
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_null(buf_reserve(&b, SIZE_MAX - 2));
    assert_null(buf_reserve(&b, SIZE_MAX / 4 + 1));
    assert_false(buf_append(&b, slice_of("x", SIZE_MAX / 2)));
    assert_holds(&b, "bc", 2);
    buf_fini(&b);
}

/* What was consumed is room again, before more memory is taken. */
static void
a_queue_of_bounded_length_does_not_grow(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    uint8_t next_in = 0;
    uint8_t next_out = 0;
    for (size_t i = 0; i < 200; i++) {
        buf_put_u8(&b, next_in++);
    }
    const size_t size = b.size;
    for (size_t i = 0; i < 10000; i++) {
        buf_put_u8(&b, next_in++);
        assert_int_equal(buf_slice(&b).p[0], next_out);
        next_out++;
        buf_consume(&b, 1);
    }
    assert_int_equal(b.size, size);
    buf_fini(&b);
}

static void
random_use_equals_a_plain_array(void **state)
{
    (void)state;
    static uint8_t held[1 << 16];
    static uint8_t noise[4096];
    size_t len = 0;
    struct dice dice = {7};
    struct buf b;
    buf_init(&b);
    for (size_t i = 0; i < sizeof(noise); i++) {
        noise[i] = (uint8_t)dice_u64(&dice);
    }
    for (size_t step = 0; step < 20000; step++) {
        const size_t n = dice_below(&dice, 1 + dice_below(&dice, sizeof(noise)));
        switch (dice_below(&dice, 8)) {
        case 0:
            buf_clear(&b);
            len = 0;
            break;
        case 1:
            buf_shrink(&b);
            assert_true(len > 0 || b.size == 0);
            break;
        case 2:
            buf_truncate(&b, len - len % (n + 1));
            len -= len % (n + 1);
            break;
        case 3:
        case 4: {
            const size_t gone = n < len ? n : len;
            buf_consume(&b, gone);
            memmove(held, held + gone, len - gone);
            len -= gone;
            break;
        }
        default:
            if (len + n <= sizeof(held)) {
                assert_true(buf_append(&b, slice_of(noise + sizeof(noise) - n, n)));
                memcpy(held + len, noise + sizeof(noise) - n, n);
                len += n;
            }
            break;
        }
        assert_holds(&b, held, len);
    }
    buf_fini(&b);
}

static void
writers_put_what_they_say(void **state)
{
    (void)state;
    static const uint8_t expected[] = {1, 2, 3, 0xde, 0xad, 0xbe, 0xef, 'h', 'i', 0, '4', '2', '%'};
    struct buf b;
    buf_init(&b);
    buf_put_u8(&b, 1);
    buf_put_u16(&b, 0x0203);
    buf_put_u32(&b, 0xdeadbeef);
    buf_put_cstr(&b, "hi");
    buf_printf(&b, "%d%%", 42);
    assert_holds(&b, expected, sizeof(expected));
    buf_printf(&b, "%s", "");
    assert_holds(&b, expected, sizeof(expected));
    buf_fini(&b);
}

static void
formatted_text_may_be_longer_than_any_start(void **state)
{
    (void)state;
    struct buf b;
    buf_init(&b);
    for (size_t i = 0; i < 3; i++) {
        buf_printf(&b, "%5000d", 7);
    }
    assert_int_equal(buf_len(&b), 15000);
    assert_int_equal(buf_slice(&b).p[4999], '7');
    assert_int_equal(buf_slice(&b).p[5000], ' ');
    assert_int_equal(buf_slice(&b).p[14999], '7');
    buf_fini(&b);
}

static void
a_soft_buffer_fails_where_another_aborts(void **state)
{
    (void)state;
    struct buf b;
    buf_init_soft(&b);
    buf_put(&b, "ab", 2);
    assert_false(b.failed);
    buf_put(&b, "x", SIZE_MAX / 2); /* no memory is as long as that */
    assert_true(b.failed);
    buf_put(&b, "cd", 2);
    buf_shrink(&b);
    buf_fini(&b);
    assert_true(b.failed);
    assert_true(b.soft);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_new_buffer_owns_nothing),
        cmocka_unit_test(bytes_are_taken_from_the_front),
        cmocka_unit_test(truncate_takes_back_what_came_last),
        cmocka_unit_test(clear_keeps_the_memory_and_shrink_gives_it_back),
        cmocka_unit_test(reserved_room_counts_only_when_committed),
        cmocka_unit_test(an_absurd_length_fails_and_changes_nothing),
        cmocka_unit_test(a_queue_of_bounded_length_does_not_grow),
        cmocka_unit_test(random_use_equals_a_plain_array),
        cmocka_unit_test(writers_put_what_they_say),
        cmocka_unit_test(a_soft_buffer_fails_where_another_aborts),
        cmocka_unit_test(formatted_text_may_be_longer_than_any_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
