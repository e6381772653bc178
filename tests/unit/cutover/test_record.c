/* test_record.c — the durable record: what is written is read, and nothing else is. */
/* SPDX-License-Identifier: PostgreSQL */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cutover/engine/record.h"
#include "cutover/types/ops.h"

static const struct record sample = {
    .epoch = 8,
    .writer = SIDE_GREEN,
    .phase = RECORD_COMMIT,
    .flip_id = 4611686018427387904u,
    .from = SIDE_BLUE,
    .to = SIDE_GREEN,
    .kind = CUTOVER_ONE_WAY,
    .fence_strict = true,
};

static void
a_record_reads_as_written(void **state)
{
    (void)state;
    for (int phase = 0; phase < RECORD_PHASES_COUNT; phase++) {
        for (int kind = 0; kind < CUTOVER_KINDS_COUNT; kind++) {
            struct record r = sample;
            r.phase = (enum record_phase)phase;
            r.kind = (enum cutover_kind)kind;
            r.ha_paused = kind % 2 == 1;
            struct buf text;
            buf_init(&text);
            record_encode(&r, &text);
            struct record out;
            assert_int_equal(record_decode(buf_slice(&text), &out), RECORD_OK);
            assert_int_equal(out.epoch, r.epoch);
            assert_int_equal(out.writer, r.writer);
            assert_int_equal(out.phase, r.phase);
            assert_int_equal(out.flip_id, r.flip_id);
            assert_int_equal(out.from, r.from);
            assert_int_equal(out.to, r.to);
            assert_int_equal(out.kind, r.kind);
            assert_true(out.fence_strict);
            assert_int_equal(out.ha_paused, r.ha_paused);
            buf_fini(&text);
        }
    }
}

static void
no_bytes_are_a_missing_record(void **state)
{
    (void)state;
    struct record out;
    assert_int_equal(record_decode(SLICE_EMPTY, &out), RECORD_MISSING);
    assert_int_equal(out.epoch, 0);
}

static void
every_truncation_is_corrupt(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text);
    record_encode(&sample, &text);
    const struct slice all = buf_slice(&text);
    for (size_t len = 1; len < all.len; len++) {
        struct record out;
        assert_int_equal(record_decode(slice_of(all.p, len), &out), RECORD_CORRUPT);
        assert_int_equal(out.epoch, 0);
    }
    buf_fini(&text);
}

static void
every_flipped_bit_is_corrupt(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text);
    record_encode(&sample, &text);
    const struct slice all = buf_slice(&text);
    uint8_t bytes[CUTOVER_RECORD_SIZE_MAX];
    for (size_t bit = 0; bit < all.len * 8; bit++) {
        memcpy(bytes, all.p, all.len);
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        struct record out;
        assert_int_equal(record_decode(slice_of(bytes, all.len), &out), RECORD_CORRUPT);
    }
    buf_fini(&text);
}

static void
what_follows_the_checksum_is_corrupt(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text);
    record_encode(&sample, &text);
    buf_printf(&text, "epoch 9\n");
    struct record out;
    assert_int_equal(record_decode(buf_slice(&text), &out), RECORD_CORRUPT);
    buf_fini(&text);
}

static void
an_oversized_file_is_corrupt(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text);
    record_encode(&sample, &text);
    while (buf_len(&text) < CUTOVER_RECORD_SIZE_MAX) {
        buf_put_u8(&text, ' ');
    }
    struct record out;
    assert_int_equal(record_decode(buf_slice(&text), &out), RECORD_CORRUPT);
    buf_fini(&text);
}

static void
what_cannot_be_is_corrupt(void **state)
{
    (void)state;
    struct record cases[] = {sample, sample};
    cases[0].to = cases[0].from;
    cases[1].phase = RECORD_AFTER;
    cases[1].epoch = 1;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct buf text;
        buf_init(&text);
        record_encode(&cases[i], &text);
        struct record out;
        assert_int_equal(record_decode(buf_slice(&text), &out), RECORD_CORRUPT);
        buf_fini(&text);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_reads_as_written),
        cmocka_unit_test(no_bytes_are_a_missing_record),
        cmocka_unit_test(every_truncation_is_corrupt),
        cmocka_unit_test(every_flipped_bit_is_corrupt),
        cmocka_unit_test(what_follows_the_checksum_is_corrupt),
        cmocka_unit_test(an_oversized_file_is_corrupt),
        cmocka_unit_test(what_cannot_be_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
