/* test_users.c — the users file: what it may say, and each mistake with its line. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/users.h"

#include "auth/scram_server.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define VERIFIER                                                    \
    "SCRAM-SHA-256$4096:bYy7Eie/6cRnHMBQ6jUJcg==$SYJOheAWSSn5TaEr/" \
    "LP13TxXslLvEgcxbofJN1NWwVg=:cZYQYBh6Yguq3sruBAoi2G0geKUUgXR12yJNY0OWnHU="
#define MD5 "md52aea419619857e8a27f0f7aa641db0c6"

static const struct scram_seed seed = {{1, 2, 3}};

/* Loads a text that has no mistake. */
static struct users *
users_of(const char *text, const struct users *before)
{
    struct buf mistakes;
    buf_init(&mistakes);
    struct users *u = users_load_slice(slice_of_str(text), "u.txt", &seed, before, &mistakes);
    assert_non_null(u);
    assert_int_equal(buf_len(&mistakes), 0);
    buf_fini(&mistakes);
    return u;
}

static void
four_kinds_of_secrets_are_told_apart(void **state)
{
    (void)state;
    struct users *u = users_of("\"plain\" \"pencil\"\n"
                               "\"verified\" \"" VERIFIER "\"\n"
                               "\"old\" \"" MD5 "\"\n"
                               "\"none\" \"\"",
                               NULL);
    assert_int_equal(users_count(u), 4);
    assert_int_equal(users_find(u, "plain")->kind, USER_PASSWORD);
    assert_int_equal(users_find(u, "verified")->kind, USER_SCRAM);
    assert_int_equal(users_find(u, "verified")->verifier->iterations, 4096);
    assert_int_equal(users_find(u, "old")->kind, USER_MD5);
    assert_int_equal(users_find(u, "none")->kind, USER_NO_SECRET);
    assert_null(users_find(u, "other"));
    assert_null(users_find(u, ""));
    users_unref(u);
}

static void
blanks_comments_and_line_ends_do_not_matter(void **state)
{
    (void)state;
    struct users *u = users_of("; comment\r\n"
                               "# another\n"
                               "\n"
                               "   \t\n"
                               "  \"a\"\t \"1\"  ; why\r\n"
                               "\"b\" \"2\"# because\n",
                               NULL);
    assert_int_equal(users_count(u), 2);
    assert_string_equal(users_find(u, "a")->secret, "1");
    assert_string_equal(users_find(u, "b")->secret, "2");
    users_unref(u);
}

static void
doubled_quote_is_a_quote(void **state)
{
    (void)state;
    struct users *u = users_of("\"a \"\"b\"\"\" \"\"\"; # \"", NULL);
    assert_non_null(users_find(u, "a \"b\""));
    assert_string_equal(users_find(u, "a \"b\"")->secret, "\"; # ");
    users_unref(u);
}

static void
secrets_serve_scram_as_they_can(void **state)
{
    (void)state;
    struct users *u = users_of("\"plain\" \"pencil\"\n\"verified\" \"" VERIFIER "\"\n"
                               "\"old\" \"" MD5 "\"\n\"none\" \"\"",
                               NULL);
    assert_string_equal(user_scram_secret(users_find(u, "plain")).password, "pencil");
    assert_null(user_scram_secret(users_find(u, "plain")).verifier);
    assert_null(user_scram_secret(users_find(u, "verified")).password);
    assert_non_null(user_scram_secret(users_find(u, "verified")).verifier);
    static const char *const without[] = {"old", "none", "unknown"};
    for (size_t i = 0; i < COUNT_OF(without); i++) {
        const struct scram_secret secret = user_scram_secret(users_find(u, without[i]));
        struct scram_server s;
        assert_null(secret.password);
        assert_null(secret.verifier);
        users_scram_begin(u, without[i], &s);
        assert_true(s.mock);
        scram_server_fini(&s);
    }
    users_unref(u);
}

static void
reload_keeps_the_keys_of_unchanged_secrets(void **state)
{
    (void)state;
    struct users *before = users_of("\"same\" \"1\"\n\"changed\" \"1\"", NULL);
    struct scram_keys keys;
    assert_true(scram_keys_derive(&keys, "1", slice_of_str("salt"), 1));
    scram_cache_put(users_find(before, "same")->keys, &keys);
    scram_cache_put(users_find(before, "changed")->keys, &keys);
    struct users *after = users_of("\"same\" \"1\"\n\"changed\" \"2\"\n\"new\" \"1\"", before);
    users_unref(before);
    assert_true(scram_cache_get(users_find(after, "same")->keys, slice_of_str("salt"), 1, &keys));
    assert_false(
        scram_cache_get(users_find(after, "changed")->keys, slice_of_str("salt"), 1, &keys));
    assert_false(scram_cache_get(users_find(after, "new")->keys, slice_of_str("salt"), 1, &keys));
    users_unref(after);
}

static const struct {
    const char *text;
    const char *mistakes;
} bad_files[] = {
    {"app secret", "u.txt:1: a user name in double quotes expected\n"},
    {"\n\n\"app\" secret", "u.txt:3: a secret in double quotes expected\n"},
    {"\"app\"", "u.txt:1: a secret in double quotes expected\n"},
    {"\"app", "u.txt:1: a user name has no closing quote\n"},
    {"\"app\" \"x", "u.txt:1: a secret has no closing quote\n"},
    {"\"app\" \"x\"\"", "u.txt:1: a secret has no closing quote\n"},
    {"\"app\"\"x\"", "u.txt:1: a secret in double quotes expected\n"}, /* one text: app"x */
    {"\"\" \"x\"", "u.txt:1: the user name is empty\n"},
    {"\"app\" \"x\" \"y\"", "u.txt:1: unexpected text after the secret\n"},
    {"\"app\" \"x\"\n; \n\"app\" \"y\"", "u.txt:3: user \"app\" stands in the file twice\n"},
    {"\"app\" \"SCRAM-SHA-256$x\"",
     "u.txt:1: the SCRAM verifier of user \"app\" is not valid; expected "
     "SCRAM-SHA-256$iterations:salt$StoredKey:ServerKey\n"},
    {"\"0123456789012345678901234567890123456789012345678901234567890123\" \"x\"",
     "u.txt:1: a user name is longer than 63 bytes\n"},
    {"a\n\"b\" \"\"\nc\n", "u.txt:1: a user name in double quotes expected\n"
                           "u.txt:3: a user name in double quotes expected\n"},
};

static void
every_mistake_is_reported_with_its_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bad_files); i++) {
        struct buf mistakes;
        buf_init(&mistakes);
        assert_null(
            users_load_slice(slice_of_str(bad_files[i].text), "u.txt", &seed, NULL, &mistakes));
        assert_true(slice_equal_str(buf_slice(&mistakes), bad_files[i].mistakes));
        buf_fini(&mistakes);
    }
}

static void
zero_byte_is_a_mistake(void **state)
{
    (void)state;
    static const char text[] = "\"app\" \"x\0y\"";
    struct buf mistakes;
    buf_init(&mistakes);
    assert_null(
        users_load_slice(slice_of(text, sizeof(text) - 1), "u.txt", &seed, NULL, &mistakes));
    assert_true(slice_equal_str(buf_slice(&mistakes), "u.txt:1: a zero byte in the line\n"));
    buf_fini(&mistakes);
}

static void
without_users_nobody_is_known(void **state)
{
    (void)state;
    struct scram_server s;
    assert_null(users_find(NULL, "app"));
    users_scram_begin(NULL, "app", &s);
    assert_true(s.mock);
    scram_server_fini(&s);
}

static void
missing_file_is_a_mistake(void **state)
{
    (void)state;
    struct buf mistakes;
    buf_init(&mistakes);
    assert_null(users_load("/nonexistent/users.txt", &seed, NULL, &mistakes));
    assert_true(buf_len(&mistakes) > 0);
    buf_fini(&mistakes);
    users_unref(NULL);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(four_kinds_of_secrets_are_told_apart),
        cmocka_unit_test(blanks_comments_and_line_ends_do_not_matter),
        cmocka_unit_test(doubled_quote_is_a_quote),
        cmocka_unit_test(secrets_serve_scram_as_they_can),
        cmocka_unit_test(reload_keeps_the_keys_of_unchanged_secrets),
        cmocka_unit_test(every_mistake_is_reported_with_its_line),
        cmocka_unit_test(zero_byte_is_a_mistake),
        cmocka_unit_test(without_users_nobody_is_known),
        cmocka_unit_test(missing_file_is_a_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
