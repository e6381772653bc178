/* test_set.c — which SET statements can be carried over, and with what value. */
/* SPDX-License-Identifier: PostgreSQL */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "sql/set.h"

static const struct {
    const char *text;
    enum sql_set_kind kind;
    const char *name;
    const char *value;
} cases[] = {
    {"SET work_mem = '17MB'", SQL_SET_VALUE, "work_mem", "17MB"},
    {"set Work_Mem to 4096;", SQL_SET_VALUE, "work_mem", "4096"},
    {"SET SESSION statement_timeout = -1", SQL_SET_VALUE, "statement_timeout", "-1"},
    {"SET extra_float_digits TO +3", SQL_SET_VALUE, "extra_float_digits", "3"},
    {"SET a.b = 'it''s'", SQL_SET_VALUE, "a.b", "it's"},
    {"SET \"A\".b = \"Mixed\"", SQL_SET_VALUE, "A.b", "Mixed"},
    {"SET enable_seqscan = OFF", SQL_SET_VALUE, "enable_seqscan", "off"},
    {"SET datestyle TO ISO, 'DMY'", SQL_SET_VALUE, "datestyle", "iso, DMY"},
    {"SET search_path TO a, \"B c\", 'd'", SQL_SET_VALUE, "search_path", "a, \"B c\", d"},
    {"SET search_path = 'a, b'", SQL_SET_VALUE, "search_path", "\"a, b\""},
    {"SET search_path = ''", SQL_SET_VALUE, "search_path", "\"\""},
    {"SET TIME ZONE 'UTC'", SQL_SET_VALUE, "timezone", "UTC"},
    {"SET timezone = 'Europe/Paris'", SQL_SET_VALUE, "timezone", "Europe/Paris"},
    {"SET NAMES 'LATIN1'", SQL_SET_VALUE, "client_encoding", "LATIN1"},
    {"/* c */ SET x.y = 1 -- end", SQL_SET_VALUE, "x.y", "1"},
    {"SET work_mem TO DEFAULT", SQL_SET_DEFAULT, "work_mem", NULL},
    {"SET TIME ZONE LOCAL", SQL_SET_DEFAULT, "timezone", NULL},
    {"RESET work_mem", SQL_SET_DEFAULT, "work_mem", NULL},
    {"RESET ALL", SQL_SET_RESET_ALL, NULL, NULL},
    {"SET LOCAL work_mem = 1", SQL_SET_NONE, NULL, NULL},
    {"SET ROLE r", SQL_SET_NONE, NULL, NULL},
    {"SET role = r", SQL_SET_NONE, NULL, NULL},
    {"SET SESSION AUTHORIZATION r", SQL_SET_NONE, NULL, NULL},
    {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", SQL_SET_NONE, NULL, NULL},
    {"SET TRANSACTION READ WRITE", SQL_SET_NONE, NULL, NULL},
    {"SET default_transaction_read_only = on", SQL_SET_NONE, NULL, NULL},
    {"SET seed = 0.5", SQL_SET_NONE, NULL, NULL},
    {"SET TIME ZONE -3", SQL_SET_NONE, NULL, NULL},
    {"SET TIME ZONE INTERVAL '1' HOUR", SQL_SET_NONE, NULL, NULL},
    {"SET work_mem = E'1\\x4d'", SQL_SET_NONE, NULL, NULL},
    {"SET work_mem = '1' 'MB'", SQL_SET_NONE, NULL, NULL},
    {"SET work_mem = '1'\n'MB'", SQL_SET_NONE, NULL, NULL},
    {"SET work_mem FROM CURRENT", SQL_SET_NONE, NULL, NULL},
    {"SET work_mem = 1; SELECT 1", SQL_SET_NONE, NULL, NULL},
    {"SET work_mem =", SQL_SET_NONE, NULL, NULL},
    {"SET", SQL_SET_NONE, NULL, NULL},
    {"RESET", SQL_SET_NONE, NULL, NULL},
    {"RESET ROLE", SQL_SET_NONE, NULL, NULL},
    {"RESET SESSION AUTHORIZATION", SQL_SET_NONE, NULL, NULL},
    {"SELECT 1", SQL_SET_NONE, NULL, NULL},
    {"SELECT set_config('TimeZone', 'UTC', false)", SQL_SET_VALUE, "timezone", "UTC"},
    {"select SET_CONFIG('a.b', 'it''s', FALSE) AS new;", SQL_SET_VALUE, "a.b", "it's"},
    {"SELECT set_config('search_path', 'a, \"B\"', false)", SQL_SET_VALUE, "search_path",
     "a, \"B\""},
    {"SELECT set_config('work_mem', '', false)", SQL_SET_VALUE, "work_mem", ""},
    {"SELECT set_config('role', 'r', false)", SQL_SET_NONE, NULL, NULL},
    {"SELECT set_config('ROLE', 'r', false)", SQL_SET_NONE, NULL, NULL},
    {"SELECT set_config('a.b', 'x', true)", SQL_SET_NONE, NULL, NULL},
    {"SELECT set_config('a.b', NULL, false)", SQL_SET_NONE, NULL, NULL},
    {"SELECT set_config('a.b', $1, false)", SQL_SET_NONE, NULL, NULL},
    {"SELECT set_config('a.b', E'x', false)", SQL_SET_NONE, NULL, NULL},
    {"SELECT set_config('a.b', 'x' || 'y', false)", SQL_SET_NONE, NULL, NULL},
    {"SELECT set_config('a.b', 'x', false) WHERE false", SQL_SET_NONE, NULL, NULL},
    {"SELECT set_config('a.b', 'x', false), 1", SQL_SET_NONE, NULL, NULL},
    {"SELECT set_config('a.b', 'x', false) FROM t", SQL_SET_NONE, NULL, NULL},
    {"SELECT set_config('a.b', 'x', false) AS", SQL_SET_NONE, NULL, NULL},
    {"SELECT s.set_config('a.b', 'x', false)", SQL_SET_NONE, NULL, NULL},
    {"", SQL_SET_NONE, NULL, NULL},
};

static void
each_statement_gives_its_name_and_value(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct buf out;
        buf_init(&out);
        const enum sql_set_kind kind = sql_set_read(slice_of_str(cases[i].text), &out);
        if (kind != cases[i].kind) {
            print_error("%s\n", cases[i].text);
        }
        assert_int_equal(kind, cases[i].kind);
        struct slice got = buf_slice(&out);
        struct slice part;
        if (cases[i].name != NULL) {
            assert_true(slice_take_cstr(&got, &part));
            assert_string_equal((const char *)part.p, cases[i].name);
        }
        if (cases[i].value != NULL) {
            assert_true(slice_take_cstr(&got, &part));
            assert_string_equal((const char *)part.p, cases[i].value);
        }
        assert_int_equal(got.len, 0);
        buf_fini(&out);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_statement_gives_its_name_and_value)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
