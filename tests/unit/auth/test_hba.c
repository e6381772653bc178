/* test_hba.c — rows of pg_hba.conf. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/hba.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
/* cmocka wants those before it */
#include <cmocka.h>

static struct hba *
load(const char *text)
{
    struct buf mistakes;
    buf_init(&mistakes);
    struct hba *h = hba_load_slice(slice_of_str(text), "hba", &mistakes);
    if (h == NULL) {
        buf_put_u8(&mistakes, 0);
        print_message("%s", (const char *)buf_slice(&mistakes).p);
    }
    buf_fini(&mistakes);
    return h;
}

/* The line of the row that decides; 0 for none. address NULL: by a Unix socket. */
static unsigned
decide(const struct hba *h, const char *address, bool tls, const char *user, const char *database)
{
    const struct hba_question q = {.local = address == NULL,
                                   .tls = tls,
                                   .address = address,
                                   .user = user,
                                   .database = database};
    const struct hba_row *row = hba_find(h, &q);
    return row == NULL ? 0 : row->line;
}

static void
the_first_row_that_fits_decides(void **state)
{
    (void)state;
    struct hba *h = load("# a comment\n"
                         "local   all  all                peer\n"
                         "hostssl app  ann  10.0.0.0/8    cert map=m # behind\n"
                         "hostnossl app ann 10.0.0.0/8    reject\n"
                         "host    app  bob,carl, dora  10.1.2.0 255.255.255.0 md5\n"
                         "host    sameuser all 192.168.1.7/32 trust\n"
                         "host    all  all  2001:db8::/32 scram-sha-256\n"
                         "host    \"all\" \"all\" all     trust\n");
    assert_non_null(h);
    assert_int_equal(decide(h, NULL, false, "x", "y"), 2);
    assert_int_equal(decide(h, "10.9.9.9", true, "ann", "app"), 3);
    assert_int_equal(decide(h, "10.9.9.9", false, "ann", "app"), 4);
    assert_int_equal(decide(h, "10.1.2.3", false, "dora", "app"), 5);
    assert_int_equal(decide(h, "10.1.3.3", false, "dora", "app"), 0);
    assert_int_equal(decide(h, "192.168.1.7", false, "eve", "eve"), 6);
    assert_int_equal(decide(h, "192.168.1.7", false, "eve", "app"), 0);
    assert_int_equal(decide(h, "192.168.1.8", false, "eve", "eve"), 0);
    assert_int_equal(decide(h, "2001:db8:1::5", false, "eve", "app"), 7);
    assert_int_equal(decide(h, "2001:db9::5", false, "eve", "app"), 0);
    assert_int_equal(decide(h, "9.9.9.9", false, "all", "all"), 8);
    assert_int_equal(decide(h, "9.9.9.9", false, "eve", "all"), 0);
    assert_int_equal(decide(h, "nonsense", false, "all", "all"), 0);
    hba_free(h);
}

static void
replication_is_a_word_of_its_own(void **state)
{
    (void)state;
    struct hba *h = load("host all all all trust\nhost replication rep all md5\n");
    assert_non_null(h);
    const struct hba_question physical = {
        .physical = true, .address = "1.2.3.4", .user = "rep", .database = "rep"};
    const struct hba_row *row = hba_find(h, &physical);
    assert_non_null(row);
    assert_int_equal(row->line, 2);
    const struct hba_question other = {
        .physical = true, .address = "1.2.3.4", .user = "app", .database = "app"};
    assert_null(hba_find(h, &other));
    hba_free(h);
    h = load("host replication all all trust\n");
    assert_non_null(h);
    assert_int_equal(decide(h, "1.2.3.4", false, "u", "replication"), 0);
    hba_free(h);
}

static void
bits_count_from_the_front(void **state)
{
    (void)state;
    static const struct {
        const char *net, *in, *out;
    } rows[] = {
        {"10.0.0.0/0", "255.1.2.3", NULL},
        {"10.128.0.0/9", "10.200.0.1", "10.127.0.1"},
        {"1.2.3.4/32", "1.2.3.4", "1.2.3.5"},
        {"1.2.3.4/31", "1.2.3.5", "1.2.3.6"},
        {"::1/128", "::1", "::2"},
        {"fe80::/10", "febf::1", "fec0::1"},
        {"1.2.3.4 255.255.255.254", "1.2.3.5", "1.2.3.6"},
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[128];
        (void)snprintf(text, sizeof(text), "host all all %s trust", rows[i].net);
        struct hba *h = load(text);
        assert_non_null(h);
        assert_int_equal(decide(h, rows[i].in, false, "u", "d"), 1);
        if (rows[i].out != NULL) {
            assert_int_equal(decide(h, rows[i].out, false, "u", "d"), 0);
        }
        hba_free(h);
    }
}

static void
mistakes_are_told_with_their_line(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "hots all all all trust",
        "host",
        "host all",
        "host all all",
        "host all all all",
        "host all all all nonsense",
        "host all all all gss",
        "host all all example.org trust",
        "host all all 1.2.3 trust",
        "host all all 1.2.3.4 trust",
        "host all all 1.2.3.4/33 trust",
        "host all all ::1/129 trust",
        "host all all 1.2.3.4/ trust",
        "host all all 1.2.3.4/1x trust",
        "host all all 1.2.3.4 255.0.255.0 trust",
        "host all all 1.2.3.4 ffff:: trust",
        "host all +group all trust",
        "host all /regex all trust",
        "host @file all all trust",
        "host samerole all all trust",
        "host all all samehost trust",
        "host all all samenet trust",
        "host all all all password",
        "host all all all cert",
        "host all all all peer",
        "local all all cert",
        "local all all trust clientcert=verify-ca",
        "hostssl all all all trust map=x",
        "hostssl all all all cert clientcert=maybe",
        "hostssl all all all cert map=x map=y",
        "host all all all trust what=ever",
        "host all \"all all trust",
        "host all , all trust",
        "host,local all all all trust",
    };
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        char text[160];
        struct buf mistakes;
        buf_init(&mistakes);
        (void)snprintf(text, sizeof(text), "\n%s\nlocal all all trust\n", rows[i]);
        struct hba *h = hba_load_slice(slice_of_str(text), "hba", &mistakes);
        if (h != NULL) {
            fail_msg("taken: %s", rows[i]);
        }
        assert_memory_equal(buf_slice(&mistakes).p, "hba:2: ", 7);
        buf_fini(&mistakes);
    }
}

static void
all_mistakes_are_told(void **state)
{
    (void)state;
    struct buf mistakes;
    buf_init(&mistakes);
    assert_null(hba_load_slice(slice_of_str("x\ny\nlocal all all trust\nz"), "f", &mistakes));
    buf_put_u8(&mistakes, 0);
    const char *text = (const char *)buf_slice(&mistakes).p;
    assert_non_null(strstr(text, "f:1: "));
    assert_non_null(strstr(text, "f:2: "));
    assert_non_null(strstr(text, "f:4: "));
    buf_fini(&mistakes);
}

static void
options_of_a_row(void **state)
{
    (void)state;
    struct hba *h = load("hostssl all all all scram-sha-256 clientcert=verify-full map=m\n");
    assert_non_null(h);
    const struct hba_question q = {.tls = true, .address = "1.2.3.4", .user = "u", .database = "d"};
    const struct hba_row *row = hba_find(h, &q);
    assert_non_null(row);
    assert_int_equal(row->clientcert, HBA_CLIENTCERT_VERIFY_FULL);
    assert_string_equal(row->map, "m");
    hba_free(h);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_row_that_fits_decides),
        cmocka_unit_test(replication_is_a_word_of_its_own),
        cmocka_unit_test(bits_count_from_the_front),
        cmocka_unit_test(mistakes_are_told_with_their_line),
        cmocka_unit_test(all_mistakes_are_told),
        cmocka_unit_test(options_of_a_row),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
