/* digest.c — digests by OpenSSL's one-shot calls. See digest.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/digest.h"

#include <limits.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

enum { MD5_LEN = 16 };

/* OpenSSL is not asked about a NULL pointer of length 0. */
static struct slice
never_null(struct slice s)
{
    return s.p == NULL ? slice_of("", 0) : s;
}

bool
digest_sha256(struct slice bytes, uint8_t out[SHA256_LEN])
{
    const struct slice in = never_null(bytes);
    unsigned len = 0;
    if (EVP_Digest(in.p, in.len, out, &len, EVP_sha256(), NULL) != 1) {
        return false;
    }
    CHECK(len == SHA256_LEN);
    return true;
}

bool
digest_hmac_sha256(struct slice key, struct slice bytes, uint8_t out[SHA256_LEN])
{
    const struct slice k = never_null(key);
    const struct slice in = never_null(bytes);
    CHECK(k.len <= INT_MAX);
    unsigned len = 0;
    if (HMAC(EVP_sha256(), k.p, (int)k.len, in.p, in.len, out, &len) == NULL) {
        return false;
    }
    CHECK(len == SHA256_LEN);
    return true;
}

bool
digest_pbkdf2_sha256(struct slice password, struct slice salt, uint32_t iterations,
                     uint8_t out[SHA256_LEN])
{
    const struct slice pass = never_null(password);
    CHECK(pass.len <= INT_MAX && salt.len <= INT_MAX && salt.p != NULL);
    CHECK(iterations > 0 && iterations <= INT_MAX);
    return PKCS5_PBKDF2_HMAC((const char *)pass.p, (int)pass.len, salt.p, (int)salt.len,
                             (int)iterations, EVP_sha256(), SHA256_LEN, out) == 1;
}

bool
digest_md5_hex(struct slice bytes, char out[MD5_HEX_LEN])
{
    static const char hex[] = "0123456789abcdef";
    const struct slice in = never_null(bytes);
    uint8_t md[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    if (EVP_Digest(in.p, in.len, md, &len, EVP_md5(), NULL) != 1) {
        return false;
    }
    CHECK(len == MD5_LEN);
    for (size_t i = 0; i < MD5_LEN; i++) {
        out[2 * i] = hex[md[i] >> 4];
        out[2 * i + 1] = hex[md[i] & 15];
    }
    explicit_bzero(md, sizeof(md));
    return true;
}

bool
digest_equal(const void *a, const void *b, size_t len)
{
    return CRYPTO_memcmp(a, b, len) == 0;
}
