/* test_md5.c — the md5 answer, with a secret that PostgreSQL 15 stored. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/md5.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* CREATE ROLE md5user PASSWORD 'secret', password_encryption = md5 */
static const char stored[] = "md52aea419619857e8a27f0f7aa641db0c6";
static const uint8_t salt[MD5_SALT_LEN] = {0x01, 0x00, 0xfe, 0x7f};

static void
secret_is_what_postgresql_stores(void **state)
{
    (void)state;
    char out[MD5_SECRET_SIZE];
    assert_true(md5_secret_make("md5user", "secret", out, NULL));
    assert_string_equal(out, stored);
    assert_true(md5_secret_is(out));
}

static void
password_and_stored_secret_give_one_answer(void **state)
{
    (void)state;
    char from_password[MD5_SECRET_SIZE];
    char from_secret[MD5_SECRET_SIZE];
    assert_true(md5_answer("md5user", "secret", salt, from_password, NULL));
    assert_true(md5_answer("md5user", stored, salt, from_secret, NULL));
    assert_string_equal(from_password, from_secret);
    /* md5(stored digest in hex, then the four bytes of salt), computed apart from this code */
    assert_string_equal(from_password, "md5249c6f3a6292ec41ce2ff27f144fe259");
}

static void
only_the_exact_form_is_a_secret(void **state)
{
    (void)state;
    assert_false(md5_secret_is(""));
    assert_false(md5_secret_is("md5"));
    assert_false(md5_secret_is("md52aea419619857e8a27f0f7aa641db0c"));
    assert_false(md5_secret_is("md52aea419619857e8a27f0f7aa641db0c66"));
    assert_false(md5_secret_is("md52AEA419619857e8a27f0f7aa641db0c6"));
    assert_false(md5_secret_is("md42aea419619857e8a27f0f7aa641db0c6"));
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(secret_is_what_postgresql_stores),
        cmocka_unit_test(password_and_stored_secret_give_one_answer),
        cmocka_unit_test(only_the_exact_form_is_a_secret),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
