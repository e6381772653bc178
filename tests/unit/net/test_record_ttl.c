/* test_record_ttl.c — for how long the records of a host name hold. */
/* SPDX-License-Identifier: PostgreSQL */
#include "net/record_ttl.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "guard.h"

enum { HEADER = 12, RECORD = 15 };

struct message {
    uint8_t bytes[256];
    size_t len;
};

static struct message
an_answer(void)
{
    static const uint8_t header[HEADER] = {0, 1, 0x81, 0x80};
    struct message m = {.len = HEADER};
    memcpy(m.bytes, header, sizeof(header));
    return m;
}

/* An A record of the root, which has the shortest name. */
static struct message
with_record(struct message m, uint32_t ttl)
{
    const uint8_t record[RECORD] = {0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1};
    memcpy(m.bytes + m.len, record, sizeof(record));
    be32_put(m.bytes + m.len + 5, ttl);
    m.len += sizeof(record);
    m.bytes[7]++;
    return m;
}

static bool
read_ttl(const struct message *m, uint64_t *ttl_us)
{
    return record_ttl_read((struct slice){m->bytes, m->len}, ttl_us);
}

static void
the_smallest_counts(void **state)
{
    (void)state;
    const struct message m = with_record(with_record(with_record(an_answer(), 300), 5), 60);
    uint64_t ttl_us;
    assert_true(read_ttl(&m, &ttl_us));
    assert_int_equal(ttl_us, 5 * 1000000);
}

static void
one_with_the_highest_bit_is_0(void **state)
{
    (void)state;
    const struct message m = with_record(with_record(an_answer(), 300), 0x80000001);
    uint64_t ttl_us;
    assert_true(read_ttl(&m, &ttl_us));
    assert_int_equal(ttl_us, 0);
}

static void
an_answer_without_records_tells_nothing(void **state)
{
    (void)state;
    const struct message m = an_answer();
    uint64_t ttl_us;
    assert_false(read_ttl(&m, &ttl_us));
}

static void
what_is_cut_off_anywhere_is_no_answer(void **state)
{
    (void)state;
    const struct message m = with_record(with_record(an_answer(), 300), 5);
    struct guard guard = guard_new(sizeof(m.bytes));
    uint64_t ttl_us;
    for (size_t len = 0; len < m.len; len++) {
        assert_false(record_ttl_read(guard_put(&guard, m.bytes, len), &ttl_us));
    }
    assert_true(record_ttl_read(guard_put(&guard, m.bytes, m.len), &ttl_us));
    guard_free(&guard);
}

/* Whatever byte it is; those of a count or of the length of the data are found out. */
static void
a_message_that_lies_is_read_within_its_bounds(void **state)
{
    (void)state;
    static const size_t lengths[] = {7, HEADER, HEADER + 9, HEADER + 10};
    struct guard guard = guard_new(sizeof(struct message));
    for (size_t i = 0; i < HEADER + RECORD; i++) {
        struct message m = with_record(an_answer(), 300);
        uint64_t ttl_us;
        m.bytes[i] = 0xff;
        const bool read = record_ttl_read(guard_put(&guard, m.bytes, m.len), &ttl_us);
        for (size_t k = 0; k < sizeof(lengths) / sizeof(lengths[0]); k++) {
            assert_false(read && i == lengths[k]);
        }
    }
    guard_free(&guard);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_smallest_counts),
        cmocka_unit_test(one_with_the_highest_bit_is_0),
        cmocka_unit_test(an_answer_without_records_tells_nothing),
        cmocka_unit_test(what_is_cut_off_anywhere_is_no_answer),
        cmocka_unit_test(a_message_that_lies_is_read_within_its_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
