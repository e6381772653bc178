/* test_server_auth.c — each authentication request at each point of a login, and its answer. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/server_auth.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define BODY(text)                                \
    {                                             \
        (const uint8_t *)(text), sizeof(text) - 1 \
    }
#define OK BODY("\0\0\0\0")
#define PASSWORD BODY("\0\0\0\3")
#define MD5 BODY("\0\0\0\5salt")
#define SASL BODY("\0\0\0\12SCRAM-SHA-256\0\0")
#define CHALLENGE BODY("\0\0\0\13r=other,s=c2FsdA==,i=4096")
#define PROOF BODY("\0\0\0\14v=AAAA")

/* The point of the login before the request. */
enum point { FRESH, SCRAM_BEGUN, SCRAM_PROVEN };

static const struct user password_user = {.name = (char *)(uintptr_t) "app",
                                          .secret = (char *)(uintptr_t) "secret",
                                          .kind = USER_PASSWORD};
static const struct user verifier_user = {.name = (char *)(uintptr_t) "app", .kind = USER_SCRAM};

static const struct {
    enum point point;
    struct slice body;
    const struct user *user;
    bool is_private;
    enum channel_binding use;
    const char *sqlstate; /* NULL: it is answered */
    const char *text;     /* within the error, or the type of the answer */
} rows[] = {
    {FRESH, OK, NULL, false, CHANNEL_BINDING_PREFER, NULL, ""},
    {FRESH, OK, NULL, false, CHANNEL_BINDING_REQUIRE, "28000", "without SCRAM-SHA-256-PLUS"},
    {FRESH, PASSWORD, &password_user, true, CHANNEL_BINDING_PREFER, NULL, "p"},
    {FRESH, PASSWORD, &password_user, false, CHANNEL_BINDING_PREFER, "28000", "clear text"},
    {FRESH, PASSWORD, &verifier_user, true, CHANNEL_BINDING_PREFER, "28P01", "which is not known"},
    {FRESH, PASSWORD, NULL, true, CHANNEL_BINDING_PREFER, "28P01", "which is not known"},
    {FRESH, MD5, &password_user, false, CHANNEL_BINDING_PREFER, NULL, "p"},
    {FRESH, MD5, &verifier_user, false, CHANNEL_BINDING_PREFER, "28P01", "md5 password"},
    {FRESH, MD5, &password_user, false, CHANNEL_BINDING_REQUIRE, "28000", "without SCRAM"},
    {FRESH, BODY("\0\0\0\5sal"), &password_user, false, CHANNEL_BINDING_PREFER, "08P01", "3 bytes"},
    {FRESH, SASL, &password_user, false, CHANNEL_BINDING_PREFER, NULL, "p"},
    {FRESH, SASL, &password_user, false, CHANNEL_BINDING_REQUIRE, "28000", "binding is required"},
    {FRESH, BODY("\0\0\0\12NONE\0\0"), &password_user, false, CHANNEL_BINDING_PREFER, "0A000",
     "SASL"},
    {FRESH, CHALLENGE, &password_user, false, CHANNEL_BINDING_PREFER, "08P01", "out of turn"},
    {FRESH, PROOF, &password_user, false, CHANNEL_BINDING_PREFER, "08P01", "out of turn"},
    {FRESH, BODY("\0\0\0\7"), NULL, false, CHANNEL_BINDING_PREFER, "0A000", "request 7"},
    {FRESH, BODY("\0\0\0\143"), NULL, false, CHANNEL_BINDING_PREFER, "0A000", "request 99"},
    {FRESH, BODY("\0\0"), NULL, false, CHANNEL_BINDING_PREFER, "08P01", "without a code"},
    {SCRAM_BEGUN, OK, &password_user, false, CHANNEL_BINDING_PREFER, "08P01", "skipped its own"},
    {SCRAM_BEGUN, SASL, &password_user, false, CHANNEL_BINDING_PREFER, "08P01", "SCRAM twice"},
    {SCRAM_BEGUN, CHALLENGE, &password_user, false, CHANNEL_BINDING_PREFER, "08P01", "nonce"},
    {SCRAM_BEGUN, PROOF, &password_user, false, CHANNEL_BINDING_PREFER, "08P01", "out of turn"},
    {SCRAM_PROVEN, OK, &password_user, false, CHANNEL_BINDING_PREFER, NULL, ""},
    {SCRAM_PROVEN, OK, &password_user, false, CHANNEL_BINDING_REQUIRE, NULL, ""},
    {SCRAM_PROVEN, SASL, &password_user, false, CHANNEL_BINDING_PREFER, "08P01", "SCRAM twice"},
};

static void
advance(struct server_auth *a, const struct server_auth_facts *facts, enum point point)
{
    const struct slice sasl = SASL;
    struct server_auth_facts plain = *facts;
    struct buf out;
    struct err err;
    plain.use = CHANNEL_BINDING_PREFER;
    memset(a, 0, sizeof(*a));
    buf_init(&out);
    if (point != FRESH) {
        assert_true(server_auth_answer(a, &plain, sasl, &out, &err));
    }
    a->scram_verified = point == SCRAM_PROVEN; /* as test_scram.c shows in full */
    buf_fini(&out);
}

static void
each_request_has_its_answer_or_its_error(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(rows); i++) {
        const struct server_auth_facts facts = {
            .server = "blue",
            .user_name = "app",
            .user = rows[i].user,
            .binding = SLICE_EMPTY,
            .use = rows[i].use,
            .is_private = rows[i].is_private,
        };
        struct server_auth a;
        struct buf out;
        struct err err;
        advance(&a, &facts, rows[i].point);
        buf_init(&out);
        err_clear(&err);
        const bool ok = server_auth_answer(&a, &facts, rows[i].body, &out, &err);
        assert_int_equal(ok, rows[i].sqlstate == NULL);
        if (ok) {
            assert_int_equal(buf_len(&out) > 0, rows[i].text[0] == 'p');
            assert_true(buf_len(&out) == 0 || buf_slice(&out).p[0] == 'p');
        } else {
            assert_string_equal(err.sqlstate, rows[i].sqlstate);
            assert_non_null(strstr(err.text, rows[i].text));
            assert_int_equal(buf_len(&out), 0);
        }
        buf_fini(&out);
        server_auth_fini(&a);
    }
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_request_has_its_answer_or_its_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
