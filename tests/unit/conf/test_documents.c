/* test_documents.c — the sample and the manual in the tree are what the table prints. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/manual.h"
#include "conf/sample.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/file.h"
#include "conf/change.h"
#include "conf/databases.h"
#include "conf/load.h"

/* Runs in the source tree. */
static void
assert_file_equals(const char *path, const struct buf *printed)
{
    struct buf text;
    buf_init(&text);
    assert_true(file_read(path, 1024 * 1024, &text, NULL));
    assert_true(slice_equal(buf_slice(&text), buf_slice(printed)));
    buf_fini(&text);
}

static void
sample_in_the_tree_is_current(void **state)
{
    (void)state;
    struct buf printed;
    buf_init(&printed);
    sample_print(&printed);
    assert_file_equals("config/teal.ini", &printed);
    buf_fini(&printed);
}

static void
manual_in_the_tree_is_current(void **state)
{
    (void)state;
    struct buf printed;
    buf_init(&printed);
    manual_print(&printed);
    assert_file_equals("config/man/teal.ini.5", &printed);
    buf_fini(&printed);
}

static void
sample_is_a_configuration(void **state)
{
    (void)state;
    struct conf_mistakes mistakes = {NULL, 0};
    struct conf *c = conf_load("config/teal.ini", &mistakes);
    assert_non_null(c);
    assert_string_equal(c->pairs[0].side[SIDE_BLUE].host, "blue.example.com");
    conf_unref(c);
}

/* password_file of the example is nowhere but where the reader puts it. */
static void
example_of_an_estate_is_a_configuration(void **state)
{
    (void)state;
    struct conf_mistakes mistakes = {NULL, 0};
    struct buf example;
    struct buf text;
    buf_init(&example);
    buf_init(&text);
    assert_true(file_read("config/estate.ini", 1024 * 1024, &example, NULL));
    buf_put_u8(&example, 0);
    for (const char *p = (const char *)buf_slice(&example).p; *p != '\0'; p++) {
        if (strncmp(p, "\npassword_file", strlen("\npassword_file")) == 0) {
            buf_printf(&text, "\n;");
        } else {
            buf_put_u8(&text, (uint8_t)*p);
        }
    }
    buf_put_u8(&text, 0);
    struct conf *c = conf_load_string((const char *)buf_slice(&text).p, "estate.ini", &mistakes);
    assert_non_null(c);
    assert_int_equal(c->pairs_count, 2);
    assert_string_equal(c->pairs[1].database, "bills");
    assert_int_equal(c->pairs[0].side[SIDE_BLUE].hosts_count, 3);
    assert_int_equal(conf_database_find(c, "reports")->pair, 0);
    assert_int_equal(conf_database_find(c, "taxes")->pair, 1);
    assert_int_equal(conf_database_find(c, "taxes")->pool_size, 3);
    assert_int_equal(conf_database_find(c, "bills")->pair, 1);
    assert_int_equal(conf_database_find(c, "bills")->pool_size, 10);
    assert_int_equal(conf_database_find(c, "anything")->pair, 0);
    conf_unref(c);
    buf_fini(&example);
    buf_fini(&text);
}

/* The commented lines of the sample hold the defaults: switched on, they change nothing. */
static void
sample_with_every_line_switched_on_is_the_default(void **state)
{
    (void)state;
    struct buf sample;
    struct buf on;
    struct buf names;
    buf_init(&sample);
    buf_init(&on);
    buf_init(&names);
    sample_print(&sample);
    buf_put_u8(&sample, 0);
    const char *text = (const char *)buf_slice(&sample).p;
    for (size_t i = 0; text[i] != '\0'; i++) {
        const bool first = i == 0 || text[i - 1] == '\n';
        if (!(first && text[i] == ';' && text[i + 1] >= 'a' && text[i + 1] <= 'z')) {
            buf_put_u8(&on, (uint8_t)text[i]);
        }
    }
    buf_put_u8(&on, 0);
    struct conf_mistakes mistakes = {NULL, 0};
    struct conf *a = conf_load_string(text, "sample", &mistakes);
    struct conf *b = conf_load_string((const char *)buf_slice(&on).p, "on", &mistakes);
    assert_non_null(a);
    assert_non_null(b);
    assert_true(conf_reload_check(a, b, &names));
    conf_unref(a);
    conf_unref(b);
    buf_fini(&sample);
    buf_fini(&on);
    buf_fini(&names);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sample_in_the_tree_is_current),
        cmocka_unit_test(manual_in_the_tree_is_current),
        cmocka_unit_test(sample_is_a_configuration),
        cmocka_unit_test(example_of_an_estate_is_a_configuration),
        cmocka_unit_test(sample_with_every_line_switched_on_is_the_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
