/* fuzz_scram.c — any bytes as each message of a SCRAM exchange, and as a verifier.
 *
 * The first byte says which message is fuzzed; the others are right. Nobody may get in: without the
 * password, no bytes end in SCRAM_DONE.
 *
 *     clang -fsanitize=fuzzer,address,undefined -Iproxy tests/fuzz/fuzz_scram.c \
 *         libteal_auth.a libteal_base.a -lcrypto
 */
/* SPDX-License-Identifier: PostgreSQL */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "auth/scram_client.h"
#include "auth/scram_server.h"
#include "base/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* One iteration, so that the fuzzer and not PBKDF2 has the time. */
static const char verifier_text[] = "SCRAM-SHA-256$1:c2FsdA==$SYJOheAWSSn5TaEr/"
                                    "LP13TxXslLvEgcxbofJN1NWwVg=:cZYQYBh6Yguq3sruBAoi2G0geKUUgXR12"
                                    "yJNY0OWnHU=";
static const struct scram_seed seed;
/* The binding data of a connection over TLS. */
static const struct slice bound_to = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32};

static void
server_try(struct slice bound, struct slice first, struct slice final)
{
    struct scram_verifier v;
    struct scram_server s;
    struct buf reply;
    struct err err;
    buf_init(&reply);
    err_clear(&err);
    CHECK(scram_verifier_parse(verifier_text, &v));
    const struct scram_secret secret = {&v, NULL, NULL};
    scram_server_init(&s, &secret, "app", &seed);
    scram_server_bind(&s, bound);
    CHECK(scram_server_choose(
        &s, slice_of_str(bound.len > 0 ? SCRAM_MECHANISM_PLUS : SCRAM_MECHANISM)));
    if (scram_server_first(&s, first, &reply, &err) == SCRAM_CONTINUE) {
        memcpy(s.nonce, "aaaaaaaaaaaaaaaaaaaaaaaa", SCRAM_NONCE_TEXT_SIZE); /* can be guessed */
        buf_clear(&reply);
        CHECK(scram_server_final(&s, final, &secret, &reply, &err) == SCRAM_FAILED);
    }
    CHECK(err_is_set(&err) && strlen(err.sqlstate) == 5);
    scram_server_fini(&s);
    buf_fini(&reply);
}

static void
client_try(const struct scram_channel *channel, struct slice first, struct slice final)
{
    struct scram_cache *cache = scram_cache_new();
    const struct scram_secret secret = {NULL, NULL, cache};
    struct scram_keys keys;
    struct scram_client c;
    struct buf reply;
    struct err err;
    buf_init(&reply);
    err_clear(&err);
    CHECK(scram_keys_derive(&keys, "pencil", slice_of_str("salt"), 1));
    scram_cache_put(cache, &keys);
    scram_client_begin_as(&c, channel, "", "abc", &reply);
    buf_clear(&reply);
    if (scram_client_challenge(&c, first, &secret, &reply, &err) == SCRAM_CONTINUE) {
        CHECK(scram_client_verify(&c, final, &err) == SCRAM_FAILED);
    }
    CHECK(err_is_set(&err) && strlen(err.sqlstate) == 5);
    scram_client_fini(&c);
    scram_cache_unref(cache);
    buf_fini(&reply);
}

/* A client that is offered these mechanisms over TLS, and goes on with this answer. */
static void
offer_try(struct slice offered)
{
    struct scram_channel channel;
    struct err err;
    err_clear(&err);
    for (int use = CHANNEL_BINDING_DISABLE; use <= CHANNEL_BINDING_REQUIRE; use++) {
        if (scram_channel_choose(&channel, offered, bound_to, (enum channel_binding)use, &err)) {
            client_try(&channel, slice_of_str("r=abcX,s=c2FsdA==,i=1"), offered);
        }
    }
}

/* A verifier that is taken prints as one that is taken. */
static void
verifier_try(struct slice text)
{
    struct scram_verifier v;
    struct scram_verifier again;
    char *copy = xstrndup((const char *)text.p, text.len);
    if (scram_verifier_parse(copy, &v)) {
        struct buf out;
        buf_init(&out);
        scram_verifier_print(&v, &out);
        buf_put_u8(&out, 0);
        CHECK(scram_verifier_parse((const char *)buf_slice(&out).p, &again));
        CHECK(memcmp(&v, &again, sizeof(v)) == 0);
        buf_fini(&out);
    }
    mem_free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const struct slice bytes = slice_of(data + 1, size - 1);
    switch (data[0] % 8) {
    case 0:
        server_try(SLICE_EMPTY, bytes, SLICE_EMPTY);
        break;
    case 1:
        server_try(SLICE_EMPTY, slice_of_str("n,,n=,r=abc"), bytes);
        break;
    case 2:
        client_try(NULL, bytes, SLICE_EMPTY);
        break;
    case 3:
        client_try(NULL, slice_of_str("r=abcX,s=c2FsdA==,i=1"), bytes);
        break;
    case 4:
        verifier_try(bytes);
        break;
    case 5:
        server_try(bound_to, bytes, SLICE_EMPTY);
        break;
    case 6:
        server_try(bound_to, slice_of_str("p=tls-server-end-point,,n=,r=abc"), bytes);
        break;
    default:
        offer_try(bytes);
        break;
    }
    return 0;
}
