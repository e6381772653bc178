/* test_scram.c — both ends of SCRAM-SHA-256: vectors, round trips, and everything that must be
 * refused. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/scram_server.h"

#include "auth/scram_client.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* CREATE ROLE app PASSWORD 'pencil' on PostgreSQL 15. */
static const char pencil_verifier[] =
    "SCRAM-SHA-256$4096:bYy7Eie/6cRnHMBQ6jUJcg==$SYJOheAWSSn5TaEr/"
    "LP13TxXslLvEgcxbofJN1NWwVg=:cZYQYBh6Yguq3sruBAoi2G0geKUUgXR12yJNY0OWnHU=";
/* CREATE ROLE uni PASSWORD 'pässwörd', in UTF-8, which SASLprep leaves as it is. */
static const char umlaut_verifier[] =
    "SCRAM-SHA-256$4096:hNXPqZH5aAcZrUF0dfvz3g==$XxOXH2//"
    "5E8OJRkmqZedW1cRKnp8jyZ+Eu0Lilr14cQ=:YVk1nPnSSitFef7llllpEwLEGAGPCFdFHushNxCGV4U=";

static const struct scram_seed seed = {{7, 7, 7}};
static const struct scram_secret nobody = {NULL, NULL, NULL};

/* Both ends and all four messages. */
struct exchange {
    struct scram_server server;
    struct scram_client client;
    struct buf message[4];
    enum scram_step server_step;
    enum scram_step client_step;
    struct err err;
};

static void
exchange_fini(struct exchange *x)
{
    scram_server_fini(&x->server);
    scram_client_fini(&x->client);
    for (size_t i = 0; i < COUNT_OF(x->message); i++) {
        buf_fini(&x->message[i]);
    }
}

/* Runs until one end fails or both are done. */
static void
exchange_run(struct exchange *x, const struct scram_secret *at_server,
             const struct scram_secret *at_client)
{
    memset(x, 0, sizeof(*x));
    scram_server_init(&x->server, at_server, "app", &seed);
    scram_client_begin(&x->client, NULL, &x->message[0]);
    x->server_step =
        scram_server_first(&x->server, buf_slice(&x->message[0]), &x->message[1], &x->err);
    if (x->server_step == SCRAM_FAILED) {
        return;
    }
    x->client_step = scram_client_challenge(&x->client, buf_slice(&x->message[1]), at_client,
                                            &x->message[2], &x->err);
    if (x->client_step == SCRAM_FAILED) {
        return;
    }
    x->server_step = scram_server_final(&x->server, buf_slice(&x->message[2]), at_server,
                                        &x->message[3], &x->err);
    if (x->server_step == SCRAM_FAILED) {
        return;
    }
    x->client_step = scram_client_verify(&x->client, buf_slice(&x->message[3]), &x->err);
}

static bool
exchange_agrees(const struct scram_secret *at_server, const struct scram_secret *at_client)
{
    struct exchange x;
    exchange_run(&x, at_server, at_client);
    const bool ok = x.server_step == SCRAM_DONE && x.client_step == SCRAM_DONE;
    exchange_fini(&x);
    return ok;
}

static struct scram_secret
password_secret(const char *password)
{
    return (struct scram_secret){NULL, password, NULL};
}

/* ---- RFC 7677, section 3: user "user", password "pencil" ---- */

static const char rfc_nonce[] = "rOprNGfwEbeRWgbNEkqO";
static const char rfc_server_first[] = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
                                       "s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
static const char rfc_client_final[] =
    "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,"
    "p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=";
static const char rfc_server_final[] = "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=";

static void
client_gives_the_messages_of_rfc_7677(void **state)
{
    (void)state;
    struct scram_client c;
    struct buf out;
    const struct scram_secret secret = password_secret("pencil");
    buf_init(&out);
    scram_client_begin_as(&c, NULL, "user", rfc_nonce, &out);
    assert_true(slice_equal_str(buf_slice(&out), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO"));
    buf_clear(&out);
    assert_int_equal(
        scram_client_challenge(&c, slice_of_str(rfc_server_first), &secret, &out, NULL),
        SCRAM_CONTINUE);
    assert_true(slice_equal_str(buf_slice(&out), rfc_client_final));
    assert_int_equal(scram_client_verify(&c, slice_of_str(rfc_server_final), NULL), SCRAM_DONE);
    scram_client_fini(&c);
    buf_fini(&out);
}

/* ---- verifiers ---- */

static void
verifier_of_postgresql_is_read_and_printed(void **state)
{
    (void)state;
    struct scram_verifier v;
    struct buf out;
    buf_init(&out);
    assert_true(scram_verifier_parse(pencil_verifier, &v));
    assert_int_equal(v.iterations, 4096);
    assert_int_equal(v.salt_len, 16);
    scram_verifier_print(&v, &out);
    assert_true(slice_equal_str(buf_slice(&out), pencil_verifier));
    buf_fini(&out);
}

/* The keys from the password give the verifier that the server made from it. */
static void
assert_derives(const char *password, const char *text)
{
    struct scram_verifier stored;
    struct scram_verifier derived;
    struct scram_keys keys;
    assert_true(scram_verifier_parse(text, &stored));
    assert_true(scram_keys_derive(&keys, password, slice_of(stored.salt, stored.salt_len),
                                  stored.iterations));
    assert_true(scram_verifier_of_keys(&keys, &derived));
    assert_memory_equal(&stored, &derived, sizeof(stored));
}

static void
password_gives_the_verifier_that_postgresql_stored(void **state)
{
    (void)state;
    assert_derives("pencil", pencil_verifier);
    assert_derives("p\xc3\xa4ssw\xc3\xb6rd", umlaut_verifier);
}

static void
broken_verifiers_are_refused(void **state)
{
    (void)state;
#define STORED "SYJOheAWSSn5TaEr/LP13TxXslLvEgcxbofJN1NWwVg="
#define SERVER "cZYQYBh6Yguq3sruBAoi2G0geKUUgXR12yJNY0OWnHU="
    static const char *const texts[] = {
        "",
        "pencil",
        "SCRAM-SHA-256$",
        "SCRAM-SHA-256$4096",
        "SCRAM-SHA-256$4096:",
        "SCRAM-SHA-256$4096:c2FsdA==",
        "SCRAM-SHA-256$4096:c2FsdA==$" STORED,
        "SCRAM-SHA-256$4096:c2FsdA==$" STORED ":",
        "SCRAM-SHA-256$4096:c2FsdA==$" STORED ":" SERVER " ",
        "SCRAM-SHA-256$4096:c2FsdA==$" STORED ":" SERVER SERVER,
        "SCRAM-SHA-256$4096:c2FsdA==$" STORED ":c2FsdA==",
        "SCRAM-SHA-256$4096:c2FsdA==$c2FsdA==:" SERVER,
        "SCRAM-SHA-256$4096:$" STORED ":" SERVER,
        "SCRAM-SHA-256$4096:?$" STORED ":" SERVER,
        "SCRAM-SHA-256$:c2FsdA==$" STORED ":" SERVER,
        "SCRAM-SHA-256$0:c2FsdA==$" STORED ":" SERVER,
        "SCRAM-SHA-256$-1:c2FsdA==$" STORED ":" SERVER,
        "SCRAM-SHA-256$ 1:c2FsdA==$" STORED ":" SERVER,
        "SCRAM-SHA-256$1000001:c2FsdA==$" STORED ":" SERVER,
        "SCRAM-SHA-256$4294967297:c2FsdA==$" STORED ":" SERVER,
        "SCRAM-SHA-1$4096:c2FsdA==$" STORED ":" SERVER,
    };
    struct scram_verifier v;
    assert_true(scram_verifier_parse("SCRAM-SHA-256$1:c2FsdA==$" STORED ":" SERVER, &v));
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        assert_false(scram_verifier_parse(texts[i], &v));
    }
#undef STORED
#undef SERVER
}

/* ---- whole exchanges ---- */

static void
ends_agree_on_password_and_on_verifier(void **state)
{
    (void)state;
    struct scram_verifier v;
    const struct scram_secret right = password_secret("pencil");
    const struct scram_secret wrong = password_secret("pencil ");
    const struct scram_secret verifier = {&v, NULL, NULL};
    assert_true(scram_verifier_parse(pencil_verifier, &v));
    assert_true(exchange_agrees(&right, &right));
    assert_true(exchange_agrees(&verifier, &right));
    assert_false(exchange_agrees(&right, &wrong));
    assert_false(exchange_agrees(&verifier, &wrong));
}

static void
wrong_password_is_28P01(void **state)
{
    (void)state;
    struct exchange x;
    const struct scram_secret right = password_secret("pencil");
    const struct scram_secret wrong = password_secret("pen");
    exchange_run(&x, &right, &wrong);
    assert_int_equal(x.server_step, SCRAM_FAILED);
    assert_string_equal(x.err.sqlstate, "28P01");
    assert_string_equal(x.err.text, "password authentication failed for user \"app\"");
    assert_int_equal(buf_len(&x.message[3]), 0);
    exchange_fini(&x);
}

static void
unknown_user_goes_the_same_way_to_the_same_error(void **state)
{
    (void)state;
    struct exchange known;
    struct exchange unknown;
    const struct scram_secret right = password_secret("pencil");
    const struct scram_secret wrong = password_secret("pen");
    exchange_run(&known, &right, &wrong);
    exchange_run(&unknown, &nobody, &wrong);
    assert_int_equal(unknown.server_step, SCRAM_FAILED);
    assert_int_equal(known.client_step, unknown.client_step);
    assert_memory_equal(&known.err, &unknown.err, sizeof(known.err));
    for (size_t i = 0; i < COUNT_OF(known.message); i++) {
        assert_int_equal(buf_len(&known.message[i]), buf_len(&unknown.message[i]));
    }
    exchange_fini(&known);
    exchange_fini(&unknown);
}

/* The salt that a user without a verifier is shown. */
static void
salt_shown(const char *user, const struct scram_seed *of, uint8_t out[SCRAM_SALT_LEN])
{
    struct scram_server s;
    scram_server_init(&s, &nobody, user, of);
    assert_int_equal(s.verifier.salt_len, SCRAM_SALT_LEN);
    memcpy(out, s.verifier.salt, SCRAM_SALT_LEN);
    scram_server_fini(&s);
}

static void
unknown_user_sees_the_same_salt_each_time(void **state)
{
    (void)state;
    static const struct scram_seed other_seed = {{8}};
    uint8_t a[SCRAM_SALT_LEN];
    uint8_t b[SCRAM_SALT_LEN];
    salt_shown("app", &seed, a);
    salt_shown("app", &seed, b);
    assert_memory_equal(a, b, sizeof(a));
    salt_shown("apq", &seed, b);
    assert_memory_not_equal(a, b, sizeof(a));
    salt_shown("app", &other_seed, b);
    assert_memory_not_equal(a, b, sizeof(a));
}

static void
nonces_differ_from_exchange_to_exchange(void **state)
{
    (void)state;
    struct exchange a;
    struct exchange b;
    exchange_run(&a, &nobody, &nobody);
    exchange_run(&b, &nobody, &nobody);
    assert_string_not_equal(a.server.nonce, b.server.nonce);
    assert_string_not_equal(a.client.nonce, b.client.nonce);
    exchange_fini(&a);
    exchange_fini(&b);
}

static void
login_with_a_verifier_teaches_the_key_for_servers(void **state)
{
    (void)state;
    struct scram_verifier v;
    struct exchange x;
    struct scram_cache *cache = scram_cache_new();
    const struct scram_secret verifier = {&v, NULL, cache};
    const struct scram_secret at_server = {&v, NULL, NULL};
    const struct scram_secret password = password_secret("pencil");
    assert_true(scram_verifier_parse(pencil_verifier, &v));
    exchange_run(&x, &at_server, &verifier); /* we are the client and know a verifier only */
    assert_int_equal(x.client_step, SCRAM_FAILED);
    assert_string_equal(x.err.sqlstate, "28000");
    assert_non_null(strstr(x.err.text, "no client has logged in"));
    exchange_fini(&x);
    assert_true(exchange_agrees(&verifier, &password)); /* a client logs in to us */
    assert_true(exchange_agrees(&at_server, &verifier));
    scram_cache_unref(cache);
}

static void
failed_login_teaches_nothing(void **state)
{
    (void)state;
    struct scram_verifier v;
    struct scram_cache *cache = scram_cache_new();
    const struct scram_secret verifier = {&v, NULL, cache};
    const struct scram_secret wrong = password_secret("pen");
    struct scram_keys keys;
    assert_true(scram_verifier_parse(pencil_verifier, &v));
    assert_false(exchange_agrees(&verifier, &wrong));
    assert_false(scram_cache_get(cache, slice_of(v.salt, v.salt_len), v.iterations, &keys));
    scram_cache_unref(cache);
}

static void
server_with_another_verifier_is_explained(void **state)
{
    (void)state;
    struct scram_verifier ours;
    struct scram_verifier theirs;
    struct exchange x;
    const struct scram_secret at_server = {&theirs, NULL, NULL};
    const struct scram_secret at_client = {&ours, NULL, NULL};
    assert_true(scram_verifier_parse(pencil_verifier, &ours));
    assert_true(scram_verifier_parse(umlaut_verifier, &theirs));
    exchange_run(&x, &at_server, &at_client);
    assert_int_equal(x.client_step, SCRAM_FAILED);
    assert_string_equal(x.err.sqlstate, "28000");
    assert_non_null(strstr(x.err.text, "not the one that the server holds"));
    exchange_fini(&x);
    exchange_run(&x, &at_server, &nobody);
    assert_int_equal(x.client_step, SCRAM_FAILED);
    assert_non_null(strstr(x.err.text, "the users file has none"));
    exchange_fini(&x);
}

static void
keys_are_derived_once(void **state)
{
    (void)state;
    struct scram_cache *cache = scram_cache_new();
    const struct scram_secret first = {NULL, "pencil", cache};
    const struct scram_secret second = {NULL, NULL, cache}; /* nothing left to derive from */
    const struct scram_secret plain = password_secret("pencil");
    assert_true(exchange_agrees(&plain, &first));
    assert_true(exchange_agrees(&plain, &second));
    scram_cache_unref(cache);
}

static void
impostor_of_a_server_is_found_out(void **state)
{
    (void)state;
    struct scram_verifier v;
    const struct scram_secret impostor = {&v, NULL, NULL};
    const struct scram_secret right = password_secret("pencil");
    struct exchange x;
    assert_true(scram_verifier_parse(pencil_verifier, &v));
    v.server_key[0] ^= 1;
    exchange_run(&x, &impostor, &right);
    assert_int_equal(x.server_step, SCRAM_DONE);
    assert_int_equal(x.client_step, SCRAM_FAILED);
    assert_string_equal(x.err.sqlstate, "28000");
    exchange_fini(&x);
}

/* ---- what a client may send wrong ---- */

static const struct {
    const char *message;
    const char *sqlstate; /* "" when it is right */
} client_firsts[] = {
    {"n,,n=,r=abc", ""},
    {"y,,n=,r=abc", ""},
    {"n,,n=anything,r=abc", ""},
    {"n,,n=,r=abc,x=extension,y=", ""},
    {"", "08P01"},
    {"n", "08P01"},
    {"n,", "08P01"},
    {"n,,", "08P01"},
    {"n;,n=,r=abc", "08P01"},
    {"n,x,n=,r=abc", "08P01"},
    {"x,,n=,r=abc", "08P01"},
    {"p=tls-server-end-point,,n=,r=abc", "08P01"},
    {"n,a=root,n=,r=abc", "0A000"},
    {"n,,m=x,n=,r=abc", "0A000"},
    {"n,,r=abc", "08P01"},
    {"n,,n=", "08P01"},
    {"n,,n=,r=", "08P01"},
    {"n,,n=,r=,x=y", "08P01"},
    {"n,,n=,r", "08P01"},
    {"n,,n=,s=abc", "08P01"},
    {"n,,n=,r=a\x01", "08P01"},
    {"n,,n=,r=a b", "08P01"},
    {"n,,n=,r=\xc3\xa4", "08P01"},
    {"n,,n=,r=abc,extension", "08P01"},
    {"n,,n=,r=abc,1=x", "08P01"},
    {"n,,n=,r=abc,=", "08P01"},
};

static void
client_first_is_taken_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(client_firsts); i++) {
        struct scram_server s;
        struct buf out;
        struct err err;
        const bool right = client_firsts[i].sqlstate[0] == '\0';
        buf_init(&out);
        err_clear(&err);
        scram_server_init(&s, &nobody, "app", &seed);
        assert_int_equal(scram_server_first(&s, slice_of_str(client_firsts[i].message), &out, &err),
                         right ? SCRAM_CONTINUE : SCRAM_FAILED);
        assert_string_equal(err.sqlstate, client_firsts[i].sqlstate);
        assert_int_equal(right, buf_len(&out) > 0);
        scram_server_fini(&s);
        buf_fini(&out);
    }
}

static void
zero_byte_in_a_message_is_refused(void **state)
{
    (void)state;
    static const char message[] = "n,,n=,r=abc\0,x=y";
    struct scram_server s;
    struct buf out;
    buf_init(&out);
    scram_server_init(&s, &nobody, "app", &seed);
    assert_int_equal(scram_server_first(&s, slice_of(message, sizeof(message) - 1), &out, NULL),
                     SCRAM_FAILED);
    buf_fini(&out);
}

static void
message_over_the_limit_is_refused(void **state)
{
    (void)state;
    static const size_t lens[] = {SCRAM_MESSAGE_MAX, SCRAM_MESSAGE_MAX + 1, 1024 * 1024};
    for (size_t i = 0; i < COUNT_OF(lens); i++) {
        struct scram_server s;
        struct buf out;
        char *message = xcalloc(1, lens[i]);
        buf_init(&out);
        memset(message, 'a', lens[i]);
        memcpy(message, "n,,n=,r=", 8);
        scram_server_init(&s, &nobody, "app", &seed);
        assert_int_equal(scram_server_first(&s, slice_of(message, lens[i]), &out, NULL),
                         lens[i] <= SCRAM_MESSAGE_MAX ? SCRAM_CONTINUE : SCRAM_FAILED);
        buf_fini(&out);
        mem_free(message);
    }
}

#define PROOF "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="

/* %s is the nonce of both. */
static const struct {
    const char *format;
    const char *sqlstate;
} client_finals[] = {
    {"c=biws,r=%s,p=" PROOF, "28P01"}, /* well formed: only the proof is wrong */
    {"c=biws,r=%s,x=extension,p=" PROOF, "28P01"},
    {"c=eSws,r=%s,p=" PROOF, "08P01"}, /* "y,,", but the first message said "n,," */
    {"c=biwsYQ==,r=%s,p=" PROOF, "08P01"},
    {"c=,r=%s,p=" PROOF, "08P01"},
    {"c=biws,r=%sx,p=" PROOF, "08P01"},
    {"c=biws,r=x%s,p=" PROOF, "08P01"},
    {"c=biws,r=abc,p=" PROOF, "08P01"}, /* the client's part only */
    {"c=biws,r=,p=" PROOF, "08P01"},
    {"c=biws,r=%s", "08P01"},
    {"c=biws,r=%s,p=", "08P01"},
    {"c=biws,r=%s,p=AAAA", "08P01"},
    {"c=biws,r=%s,p=" PROOF "AAAA", "08P01"},
    {"c=biws,r=%s,p=" PROOF ",x=y", "08P01"},
    {"c=biws,r=%s,p=" PROOF ",", "08P01"},
    {"c=biws,p=" PROOF, "08P01"},
    {"r=%s,c=biws,p=" PROOF, "08P01"},
    {"r=%s,p=" PROOF, "08P01"},
    {"biws", "08P01"},
    {"", "08P01"},
};

static void
client_final_is_taken_or_refused(void **state)
{
    (void)state;
    const struct scram_secret secret = password_secret("pencil");
    for (size_t i = 0; i < COUNT_OF(client_finals); i++) {
        struct scram_server s;
        struct buf first;
        struct buf final;
        struct err err;
        buf_init(&first);
        buf_init(&final);
        err_clear(&err);
        scram_server_init(&s, &secret, "app", &seed);
        assert_int_equal(scram_server_first(&s, slice_of_str("n,,n=,r=abc"), &first, NULL),
                         SCRAM_CONTINUE);
        const char *format = client_finals[i].format;
        const char *at = strstr(format, "%s");
        const size_t before = at == NULL ? strlen(format) : (size_t)(at - format);
        buf_printf(&final, "%.*s", (int)before, format);
        if (at != NULL) {
            buf_printf(&final, "abc%s%s", s.nonce, at + 2);
        }
        buf_clear(&first);
        assert_int_equal(scram_server_final(&s, buf_slice(&final), &secret, &first, &err),
                         SCRAM_FAILED);
        assert_string_equal(err.sqlstate, client_finals[i].sqlstate);
        assert_int_equal(buf_len(&first), 0);
        scram_server_fini(&s);
        buf_fini(&first);
        buf_fini(&final);
    }
}

/* ---- what a server may send wrong ---- */

static const struct {
    const char *message;
    bool right;
} server_firsts[] = {
    {"r=abcX,s=c2FsdA==,i=1", true},
    {"r=abcX,s=c2FsdA==,i=1,x=extension", true},
    {"r=abc,s=c2FsdA==,i=1", false}, /* nothing of the server's own */
    {"r=abX,s=c2FsdA==,i=1", false},
    {"r=Xabc,s=c2FsdA==,i=1", false},
    {"r=,s=c2FsdA==,i=1", false},
    {"r=abc\x7f,s=c2FsdA==,i=1", false},
    {"m=x,r=abcX,s=c2FsdA==,i=1", false},
    {"r=abcX,s=,i=1", false},
    {"r=abcX,s=c2FsdA=,i=1", false},
    {"r=abcX,i=1", false},
    {"r=abcX,s=c2FsdA==", false},
    {"r=abcX,s=c2FsdA==,i=", false},
    {"r=abcX,s=c2FsdA==,i=0", false},
    {"r=abcX,s=c2FsdA==,i=-1", false},
    {"r=abcX,s=c2FsdA==,i=1x", false},
    {"r=abcX,s=c2FsdA==,i=1000001", false},
    {"r=abcX,s=c2FsdA==,i=99999999999999999999", false},
    {"r=abcX,s=c2FsdA==,i=1,", true}, /* a comma ends an attribute, and none follows */
    {"r=abcX,s=c2FsdA==,i=1,x", false},
    {"e=other-error", false},
    {"", false},
};

static void
server_first_is_taken_or_refused(void **state)
{
    (void)state;
    const struct scram_secret secret = password_secret("pencil");
    for (size_t i = 0; i < COUNT_OF(server_firsts); i++) {
        struct scram_client c;
        struct buf out;
        struct err err;
        buf_init(&out);
        err_clear(&err);
        scram_client_begin_as(&c, NULL, "", "abc", &out);
        buf_clear(&out);
        assert_int_equal(
            scram_client_challenge(&c, slice_of_str(server_firsts[i].message), &secret, &out, &err),
            server_firsts[i].right ? SCRAM_CONTINUE : SCRAM_FAILED);
        assert_string_equal(err.sqlstate, server_firsts[i].right ? "" : "08P01");
        scram_client_fini(&c);
        buf_fini(&out);
    }
}

/* "r=abcXXX...,s=" with so many characters of nonce, and of salt. */
static enum scram_step
challenge_of_size(size_t nonce_len, size_t salt_text_len)
{
    struct scram_client c;
    struct buf message;
    struct buf out;
    const struct scram_secret secret = password_secret("pencil");
    buf_init(&message);
    buf_init(&out);
    buf_printf(&message, "r=abc");
    for (size_t i = 3; i < nonce_len; i++) {
        buf_put_u8(&message, 'X');
    }
    buf_printf(&message, ",s=");
    for (size_t i = 0; i < salt_text_len; i++) {
        buf_put_u8(&message, 'A');
    }
    buf_printf(&message, ",i=1");
    scram_client_begin_as(&c, NULL, "", "abc", &out);
    const enum scram_step step =
        scram_client_challenge(&c, buf_slice(&message), &secret, &out, NULL);
    scram_client_fini(&c);
    buf_fini(&message);
    buf_fini(&out);
    return step;
}

static void
nonce_and_salt_have_limits(void **state)
{
    (void)state;
    assert_int_equal(challenge_of_size(SCRAM_NONCE_MAX, 4), SCRAM_CONTINUE);
    assert_int_equal(challenge_of_size(SCRAM_NONCE_MAX + 1, 4), SCRAM_FAILED);
    assert_int_equal(challenge_of_size(1024 * 1024, 4), SCRAM_FAILED);
    assert_int_equal(challenge_of_size(10, 1364), SCRAM_CONTINUE); /* 1023 bytes */
    assert_int_equal(challenge_of_size(10, 1368), SCRAM_FAILED);   /* 1026 bytes */
    assert_int_equal(challenge_of_size(10, 1024 * 1024), SCRAM_FAILED);
}

static const struct {
    const char *message;
    const char *sqlstate;
} server_finals[] = {
    {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,x=y", ""},
    {"v=7rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=", "28000"},
    {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=x", "08P01"},
    {"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=,x", "08P01"},
    {"v=", "08P01"},
    {"v=AAAA", "08P01"},
    {"x=y", "08P01"},
    {"", "08P01"},
    {"e=invalid-proof", "28P01"},
};

static void
server_final_is_taken_or_refused(void **state)
{
    (void)state;
    const struct scram_secret secret = password_secret("pencil");
    for (size_t i = 0; i < COUNT_OF(server_finals); i++) {
        struct scram_client c;
        struct buf out;
        struct err err;
        buf_init(&out);
        err_clear(&err);
        scram_client_begin_as(&c, NULL, "user", rfc_nonce, &out);
        assert_int_equal(
            scram_client_challenge(&c, slice_of_str(rfc_server_first), &secret, &out, NULL),
            SCRAM_CONTINUE);
        const bool right = server_finals[i].sqlstate[0] == '\0';
        assert_int_equal(scram_client_verify(&c, slice_of_str(server_finals[i].message), &err),
                         right ? SCRAM_DONE : SCRAM_FAILED);
        assert_string_equal(err.sqlstate, server_finals[i].sqlstate);
        scram_client_fini(&c);
        buf_fini(&out);
    }
}

/* ---- channel binding ---- */

static const char digest[32] = "the digest of our certificate...";
static const char other_digest[32] = "the digest of another's........!";

static struct slice
binding(void)
{
    return slice_of(digest, sizeof(digest));
}

static const struct {
    const char *offered; /* with a NUL behind each */
    size_t len;
    bool tls;
    enum channel_binding use;
    char flag; /* 0: refused */
    const char *sqlstate;
} choices[] = {
    {"SCRAM-SHA-256\0", 15, false, CHANNEL_BINDING_PREFER, 'n', ""},
    {"SCRAM-SHA-256\0", 15, true, CHANNEL_BINDING_PREFER, 'y', ""},
    {"SCRAM-SHA-256\0", 15, true, CHANNEL_BINDING_DISABLE, 'n', ""},
    {"SCRAM-SHA-256\0", 15, true, CHANNEL_BINDING_REQUIRE, 0, "28000"},
    {"SCRAM-SHA-256\0", 15, false, CHANNEL_BINDING_REQUIRE, 0, "28000"},
    {"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0", 34, true, CHANNEL_BINDING_PREFER, 'p', ""},
    {"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0", 34, true, CHANNEL_BINDING_REQUIRE, 'p', ""},
    {"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0", 34, true, CHANNEL_BINDING_DISABLE, 'n', ""},
    {"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0", 34, false, CHANNEL_BINDING_PREFER, 0, "28000"},
    {"SCRAM-SHA-256-PLUS\0", 20, true, CHANNEL_BINDING_PREFER, 'p', ""},
    {"SCRAM-SHA-256-PLUS\0", 20, true, CHANNEL_BINDING_DISABLE, 0, "0A000"},
    {"SCRAM-SHA-1\0", 13, false, CHANNEL_BINDING_PREFER, 0, "0A000"},
    {"SCRAM-SHA-256", 13, false, CHANNEL_BINDING_PREFER, 0, "0A000"}, /* not ended */
    {"", 0, false, CHANNEL_BINDING_PREFER, 0, "0A000"},
};

static void
client_chooses_its_mechanism_as_libpq_does(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(choices); i++) {
        struct scram_channel channel;
        struct err err;
        err_clear(&err);
        const bool ok =
            scram_channel_choose(&channel, slice_of(choices[i].offered, choices[i].len),
                                 choices[i].tls ? binding() : SLICE_EMPTY, choices[i].use, &err);
        assert_int_equal(ok, choices[i].flag != 0);
        assert_string_equal(err.sqlstate, choices[i].sqlstate);
        if (ok) {
            assert_int_equal(channel.flag, choices[i].flag);
            assert_int_equal(strcmp(scram_channel_mechanism(&channel), SCRAM_MECHANISM_PLUS) == 0,
                             channel.flag == 'p');
        }
    }
}

static void
server_offers_plus_only_with_binding_data(void **state)
{
    (void)state;
    static const char both[] = "SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0";
    struct scram_server s;
    struct buf out;
    buf_init(&out);
    scram_server_init(&s, &nobody, "app", &seed);
    scram_server_offer(&s, &out);
    assert_true(slice_equal(buf_slice(&out), slice_of(both + 19, 15)));
    assert_false(scram_server_choose(&s, slice_of_str("SCRAM-SHA-256-PLUS")));
    assert_true(scram_server_choose(&s, slice_of_str("SCRAM-SHA-256")));
    buf_clear(&out);
    scram_server_bind(&s, binding());
    scram_server_offer(&s, &out);
    assert_true(slice_equal(buf_slice(&out), slice_of(both, sizeof(both))));
    assert_true(scram_server_choose(&s, slice_of_str("SCRAM-SHA-256-PLUS")));
    assert_false(scram_server_choose(&s, slice_of_str("SCRAM-SHA-256-PLU")));
    assert_false(scram_server_choose(&s, slice_of_str("")));
    scram_server_fini(&s);
    buf_fini(&out);
}

/* A whole exchange over TLS; the client sees the certificate whose digest is given. */
static struct exchange
bound_exchange(struct slice seen)
{
    struct exchange x;
    struct scram_channel channel;
    const struct scram_secret secret = password_secret("pencil");
    memset(&x, 0, sizeof(x));
    scram_server_init(&x.server, &secret, "app", &seed);
    scram_server_bind(&x.server, binding());
    scram_server_offer(&x.server, &x.message[0]);
    assert_true(scram_channel_choose(&channel, buf_slice(&x.message[0]), seen,
                                     CHANNEL_BINDING_REQUIRE, &x.err));
    buf_clear(&x.message[0]);
    assert_true(scram_server_choose(&x.server, slice_of_str(scram_channel_mechanism(&channel))));
    scram_client_begin(&x.client, &channel, &x.message[0]);
    assert_int_equal(scram_server_first(&x.server, buf_slice(&x.message[0]), &x.message[1], &x.err),
                     SCRAM_CONTINUE);
    assert_int_equal(
        scram_client_challenge(&x.client, buf_slice(&x.message[1]), &secret, &x.message[2], &x.err),
        SCRAM_CONTINUE);
    x.server_step =
        scram_server_final(&x.server, buf_slice(&x.message[2]), &secret, &x.message[3], &x.err);
    return x;
}

static void
ends_that_see_one_certificate_agree(void **state)
{
    (void)state;
    struct exchange x = bound_exchange(binding());
    assert_int_equal(x.server_step, SCRAM_DONE);
    assert_int_equal(scram_client_verify(&x.client, buf_slice(&x.message[3]), &x.err), SCRAM_DONE);
    exchange_fini(&x);
}

static void
one_who_stands_in_between_is_found_out(void **state)
{
    (void)state;
    struct exchange x = bound_exchange(slice_of(other_digest, sizeof(other_digest)));
    assert_int_equal(x.server_step, SCRAM_FAILED);
    assert_string_equal(x.err.sqlstate, "28000");
    assert_string_equal(x.err.text, "SCRAM channel binding check failed");
    assert_int_equal(buf_len(&x.message[3]), 0);
    exchange_fini(&x);
}

static const struct {
    const char *mechanism;
    const char *message;
    const char *sqlstate; /* "" when it is right */
} bound_firsts[] = {
    {"SCRAM-SHA-256-PLUS", "p=tls-server-end-point,,n=,r=abc", ""},
    {"SCRAM-SHA-256-PLUS", "p=tls-unique,,n=,r=abc", "08P01"},
    {"SCRAM-SHA-256-PLUS", "p=tls-server-end-point2,,n=,r=abc", "08P01"},
    {"SCRAM-SHA-256-PLUS", "p=tls-server-end-poin,,n=,r=abc", "08P01"},
    {"SCRAM-SHA-256-PLUS", "p=,,n=,r=abc", "08P01"},
    {"SCRAM-SHA-256-PLUS", "p,,n=,r=abc", "08P01"},
    {"SCRAM-SHA-256-PLUS", "p=", "08P01"},
    {"SCRAM-SHA-256-PLUS", "p", "08P01"},
    {"SCRAM-SHA-256-PLUS", "p=tls-server-end-point", "08P01"},
    {"SCRAM-SHA-256-PLUS", "p=tls-server-end-point,", "08P01"},
    {"SCRAM-SHA-256-PLUS", "p=tls-server-end-point,a=root,n=,r=abc", "0A000"},
    {"SCRAM-SHA-256-PLUS", "n,,n=,r=abc", "08P01"},
    {"SCRAM-SHA-256-PLUS", "y,,n=,r=abc", "08P01"},
    {"SCRAM-SHA-256", "n,,n=,r=abc", ""},
    {"SCRAM-SHA-256", "y,,n=,r=abc", "28000"}, /* PLUS was offered: a downgrade */
    {"SCRAM-SHA-256", "p=tls-server-end-point,,n=,r=abc", "08P01"},
};

static void
client_first_over_tls_is_taken_or_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(bound_firsts); i++) {
        struct scram_server s;
        struct buf out;
        struct err err;
        const bool right = bound_firsts[i].sqlstate[0] == '\0';
        buf_init(&out);
        err_clear(&err);
        scram_server_init(&s, &nobody, "app", &seed);
        scram_server_bind(&s, binding());
        assert_true(scram_server_choose(&s, slice_of_str(bound_firsts[i].mechanism)));
        assert_int_equal(scram_server_first(&s, slice_of_str(bound_firsts[i].message), &out, &err),
                         right ? SCRAM_CONTINUE : SCRAM_FAILED);
        assert_string_equal(err.sqlstate, bound_firsts[i].sqlstate);
        scram_server_fini(&s);
        buf_fini(&out);
    }
}

/* What the final message says in c=; "biws" is "n,,". */
static const char *const wrong_bindings[] = {
    "biws",
    "eSws",
    "",
    "cD10bHMtc2VydmVyLWVuZC1wb2ludCws",                 /* the header without data */
    "cD10bHMtc2VydmVyLWVuZC1wb2ludCwsdGhlIGRpZ2VzdA==", /* "the digest" only */
};

static void
final_message_must_name_our_certificate(void **state)
{
    (void)state;
    const struct scram_secret secret = password_secret("pencil");
    for (size_t i = 0; i < COUNT_OF(wrong_bindings); i++) {
        struct scram_server s;
        struct buf out;
        struct buf final;
        struct err err;
        buf_init(&out);
        buf_init(&final);
        scram_server_init(&s, &secret, "app", &seed);
        scram_server_bind(&s, binding());
        assert_true(scram_server_choose(&s, slice_of_str("SCRAM-SHA-256-PLUS")));
        assert_int_equal(
            scram_server_first(&s, slice_of_str("p=tls-server-end-point,,n=,r=abc"), &out, NULL),
            SCRAM_CONTINUE);
        buf_printf(&final, "c=%s,r=abc%s,p=" PROOF, wrong_bindings[i], s.nonce);
        assert_int_equal(scram_server_final(&s, buf_slice(&final), &secret, &out, &err),
                         SCRAM_FAILED);
        assert_string_equal(err.sqlstate, "28000");
        scram_server_fini(&s);
        buf_fini(&out);
        buf_fini(&final);
    }
}

/* ---- keys that are derived elsewhere ---- */

static void
server_end_needs_keys_for_a_plain_password_until_they_are_cached(void **state)
{
    (void)state;
    struct scram_server s;
    struct scram_need need;
    struct scram_keys keys;
    struct scram_verifier v;
    struct buf out;
    struct scram_cache *cache = scram_cache_new();
    const struct scram_secret plain = {NULL, "pencil", cache};
    const struct scram_secret verifier = {&v, NULL, cache};
    buf_init(&out);
    memset(&need, 0, sizeof(need));
    scram_server_init(&s, &plain, "app", &seed);
    assert_false(scram_server_needs(&s, &plain, &need)); /* nobody has asked for anything */
    assert_int_equal(scram_server_first(&s, slice_of_str("n,,n=,r=abc"), &out, NULL),
                     SCRAM_CONTINUE);
    assert_true(scram_server_needs(&s, &plain, &need));
    assert_int_equal(need.iterations, SCRAM_ITERATIONS);
    assert_true(scram_keys_derive(&keys, "pencil", slice_of(need.salt, need.salt_len), 4096));
    scram_cache_put(cache, &keys);
    assert_false(scram_server_needs(&s, &plain, &need));
    assert_true(scram_verifier_parse(pencil_verifier, &v));
    scram_server_init(&s, &verifier, "app", &seed);
    assert_int_equal(scram_server_first(&s, slice_of_str("n,,n=,r=abc"), &out, NULL),
                     SCRAM_CONTINUE);
    assert_false(scram_server_needs(&s, &verifier, &need));
    scram_server_init(&s, &nobody, "app", &seed);
    assert_int_equal(scram_server_first(&s, slice_of_str("n,,n=,r=abc"), &out, NULL),
                     SCRAM_CONTINUE);
    assert_false(scram_server_needs(&s, &nobody, &need));
    scram_server_fini(&s);
    scram_cache_unref(cache);
    buf_fini(&out);
}

static void
client_end_needs_keys_for_a_challenge_that_it_will_answer(void **state)
{
    (void)state;
    struct scram_client c;
    struct scram_need need;
    struct buf out;
    const struct scram_secret plain = password_secret("pencil");
    buf_init(&out);
    memset(&need, 0, sizeof(need));
    for (size_t i = 0; i < COUNT_OF(server_firsts); i++) {
        scram_client_begin_as(&c, NULL, "", "abc", &out);
        const struct slice message = slice_of_str(server_firsts[i].message);
        assert_int_equal(scram_client_needs(&c, message, &plain, &need), server_firsts[i].right);
        assert_false(scram_client_needs(&c, message, &nobody, &need));
    }
    assert_int_equal(need.iterations, 1);
    assert_true(slice_equal_str(slice_of(need.salt, need.salt_len), "salt"));
    scram_client_fini(&c);
    assert_false(scram_client_needs(&c, slice_of_str(server_firsts[0].message), &plain, &need));
    buf_fini(&out);
}

/* ---- messages out of turn: the peer chooses what it sends, so none of them may abort ---- */

static void
server_message_out_of_turn_fails(void **state)
{
    (void)state;
    const struct scram_secret secret = password_secret("pencil");
    const struct slice first = slice_of_str("r=abcX,s=c2FsdA==,i=1");
    const struct slice final = slice_of_str(rfc_server_final);
    struct scram_client c;
    struct buf out;
    struct err err;
    buf_init(&out);
    memset(&c, 0, sizeof(c));
    assert_int_equal(scram_client_challenge(&c, first, &secret, &out, &err), SCRAM_FAILED);
    scram_client_begin_as(&c, NULL, "", "abc", &out);
    assert_int_equal(scram_client_verify(&c, final, &err), SCRAM_FAILED);
    assert_string_equal(err.sqlstate, "08P01");
    scram_client_begin_as(&c, NULL, "", "abc", &out);
    assert_int_equal(scram_client_challenge(&c, first, &secret, &out, NULL), SCRAM_CONTINUE);
    assert_int_equal(scram_client_challenge(&c, first, &secret, &out, &err), SCRAM_FAILED);
    assert_string_equal(err.sqlstate, "08P01");
    assert_int_equal(scram_client_verify(&c, final, &err), SCRAM_FAILED);
    scram_client_fini(&c);
    assert_int_equal(scram_client_verify(&c, final, &err), SCRAM_FAILED);
    buf_fini(&out);
}

static void
client_message_out_of_turn_fails(void **state)
{
    (void)state;
    const struct slice first = slice_of_str("n,,n=,r=abc");
    struct scram_server s;
    struct buf out;
    struct err err;
    buf_init(&out);
    memset(&s, 0, sizeof(s));
    assert_int_equal(scram_server_first(&s, first, &out, &err), SCRAM_FAILED);
    scram_server_init(&s, &nobody, "app", &seed);
    assert_int_equal(scram_server_final(&s, first, &nobody, &out, &err), SCRAM_FAILED);
    assert_string_equal(err.sqlstate, "08P01");
    scram_server_init(&s, &nobody, "app", &seed);
    assert_int_equal(scram_server_first(&s, first, &out, NULL), SCRAM_CONTINUE);
    assert_int_equal(scram_server_first(&s, first, &out, &err), SCRAM_FAILED);
    assert_string_equal(err.sqlstate, "08P01");
    assert_int_equal(scram_server_final(&s, first, &nobody, &out, &err), SCRAM_FAILED);
    scram_server_fini(&s);
    assert_int_equal(scram_server_first(&s, first, &out, &err), SCRAM_FAILED);
    buf_fini(&out);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(client_gives_the_messages_of_rfc_7677),
        cmocka_unit_test(verifier_of_postgresql_is_read_and_printed),
        cmocka_unit_test(password_gives_the_verifier_that_postgresql_stored),
        cmocka_unit_test(broken_verifiers_are_refused),
        cmocka_unit_test(ends_agree_on_password_and_on_verifier),
        cmocka_unit_test(wrong_password_is_28P01),
        cmocka_unit_test(unknown_user_goes_the_same_way_to_the_same_error),
        cmocka_unit_test(unknown_user_sees_the_same_salt_each_time),
        cmocka_unit_test(nonces_differ_from_exchange_to_exchange),
        cmocka_unit_test(login_with_a_verifier_teaches_the_key_for_servers),
        cmocka_unit_test(failed_login_teaches_nothing),
        cmocka_unit_test(server_with_another_verifier_is_explained),
        cmocka_unit_test(keys_are_derived_once),
        cmocka_unit_test(impostor_of_a_server_is_found_out),
        cmocka_unit_test(client_first_is_taken_or_refused),
        cmocka_unit_test(zero_byte_in_a_message_is_refused),
        cmocka_unit_test(message_over_the_limit_is_refused),
        cmocka_unit_test(client_final_is_taken_or_refused),
        cmocka_unit_test(server_first_is_taken_or_refused),
        cmocka_unit_test(nonce_and_salt_have_limits),
        cmocka_unit_test(server_final_is_taken_or_refused),
        cmocka_unit_test(client_chooses_its_mechanism_as_libpq_does),
        cmocka_unit_test(server_offers_plus_only_with_binding_data),
        cmocka_unit_test(ends_that_see_one_certificate_agree),
        cmocka_unit_test(one_who_stands_in_between_is_found_out),
        cmocka_unit_test(client_first_over_tls_is_taken_or_refused),
        cmocka_unit_test(final_message_must_name_our_certificate),
        cmocka_unit_test(server_end_needs_keys_for_a_plain_password_until_they_are_cached),
        cmocka_unit_test(client_end_needs_keys_for_a_challenge_that_it_will_answer),
        cmocka_unit_test(server_message_out_of_turn_fails),
        cmocka_unit_test(client_message_out_of_turn_fails),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
