/* test_text.c — values as people read them. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void
bytes_have_the_unit_that_fits(void **state)
{
    (void)state;
    assert_string_equal(text_bytes(0).s, "0 B");
    assert_string_equal(text_bytes(1023).s, "1023 B");
    assert_string_equal(text_bytes(12 * 1024 + 100).s, "12 kB");
    assert_string_equal(text_bytes(3 * 1024 * 1024 + 512 * 1024).s, "3.5 MB");
    assert_string_equal(text_bytes(2ULL << 30).s, "2 GB");
    assert_string_equal(text_bytes(UINT64_MAX).s, "1638 PB");
}

static void
durations_are_rounded_to_what_matters(void **state)
{
    (void)state;
    assert_string_equal(text_duration(0).s, "0 ms");
    assert_string_equal(text_duration(499).s, "0 ms");
    assert_string_equal(text_duration(500).s, "1 ms");
    assert_string_equal(text_duration(48200).s, "48 ms");
    assert_string_equal(text_duration(999400).s, "999 ms");
    assert_string_equal(text_duration(999600).s, "1.0 s");
    assert_string_equal(text_duration(1400000).s, "1.4 s");
    assert_string_equal(text_duration(59940000).s, "59.9 s");
    assert_string_equal(text_duration(59960000).s, "1 min 0 s");
    assert_string_equal(text_duration(125000000).s, "2 min 5 s");
    assert_string_equal(text_duration(3600ULL * 1000000 * 3 + 720000000).s, "3 h 12 min");
    assert_string_equal(text_duration(86400ULL * 1000000 * 2).s, "2 d 0 h");
    assert_string_equal(text_latency(340).s, "0.3 ms");
    assert_string_equal(text_latency(3100).s, "3.1 ms");
    assert_string_equal(text_latency(48200).s, "48 ms");
}

static void
percentages_show_the_decimals_they_have(void **state)
{
    (void)state;
    assert_string_equal(text_percent(500).s, "5 %");
    assert_string_equal(text_percent(50).s, "0.5 %");
    assert_string_equal(text_percent(1205).s, "12.05 %");
    assert_string_equal(text_percent(10000).s, "100 %");
}

static void
positions_are_postgresqls(void **state)
{
    (void)state;
    assert_string_equal(text_lsn(0x3A001F20).s, "0/3A001F20");
    assert_string_equal(text_lsn(0x16B374D848).s, "16/B374D848");
}

static void
columns_are_aligned_and_lines_end_without_blanks(void **state)
{
    (void)state;
    static const char *const columns[] = {"a", "b", "c"};
    static const char *const cells[] = {"x", "long", "1", "größe", "", NULL, "", "y", ""};
    struct table *t = table_new(columns, COUNT_OF(columns));
    struct buf out;
    for (size_t i = 0; i < COUNT_OF(cells); i++) {
        table_add(t, cells[i]);
    }
    buf_init(&out);
    text_align(t, "> ", 2, &out);
    assert_true(slice_equal_str(buf_slice(&out), "> x      long  1\n"
                                                 "> größe\n"
                                                 ">        y\n"));
    buf_fini(&out);
    table_free(t);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_have_the_unit_that_fits),
        cmocka_unit_test(durations_are_rounded_to_what_matters),
        cmocka_unit_test(percentages_show_the_decimals_they_have),
        cmocka_unit_test(positions_are_postgresqls),
        cmocka_unit_test(columns_are_aligned_and_lines_end_without_blanks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
