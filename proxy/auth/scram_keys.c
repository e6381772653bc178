/* scram_keys.c — keys from passwords, and their cache. See scram_keys.h.
 *
 * RFC 5802, section 3:
 *
 *     SaltedPassword = PBKDF2(password, salt, iterations)
 *     ClientKey      = HMAC(SaltedPassword, "Client Key")
 *     ServerKey      = HMAC(SaltedPassword, "Server Key")
 */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/scram_keys.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "auth/digest.h"
#include "base/mem.h"

_Static_assert((int)SCRAM_KEY_LEN == (int)SHA256_LEN, "the keys are digests");

struct scram_cache {
    atomic_uint refs;
    pthread_mutex_t lock;                       /* guards what follows */
    struct scram_keys *keys[SCRAM_CACHE_COUNT]; /* owned; newest first; NULL behind the last */
};

bool
scram_keys_derive(struct scram_keys *out, const char *password, struct slice salt,
                  uint32_t iterations)
{
    CHECK(salt.len > 0 && salt.len <= SCRAM_SALT_MAX);
    CHECK(iterations > 0);
    uint8_t salted[SHA256_LEN] = {0};
    const struct slice key = slice_of(salted, sizeof(salted));
    memset(out, 0, sizeof(*out));
    memcpy(out->salt, salt.p, salt.len);
    out->salt_len = salt.len;
    out->iterations = iterations;
    const bool ok = digest_pbkdf2_sha256(slice_of_str(password), salt, iterations, salted) &&
                    digest_hmac_sha256(key, slice_of_str("Client Key"), out->client_key) &&
                    digest_hmac_sha256(key, slice_of_str("Server Key"), out->server_key);
    explicit_bzero(salted, sizeof(salted));
    if (!ok) {
        scram_keys_wipe(out);
    }
    return ok;
}

void
scram_keys_wipe(struct scram_keys *keys)
{
    explicit_bzero(keys, sizeof(*keys));
}

struct slice
scram_key_slice(const uint8_t key[SCRAM_KEY_LEN])
{
    return slice_of(key, SCRAM_KEY_LEN);
}

void
scram_key_xor(const uint8_t a[SCRAM_KEY_LEN], const uint8_t b[SCRAM_KEY_LEN],
              uint8_t out[SCRAM_KEY_LEN])
{
    for (size_t i = 0; i < SCRAM_KEY_LEN; i++) {
        out[i] = a[i] ^ b[i];
    }
}

struct scram_cache *
scram_cache_new(void)
{
    struct scram_cache *cache = xcalloc(1, sizeof(*cache));
    atomic_init(&cache->refs, 1);
    CHECK(pthread_mutex_init(&cache->lock, NULL) == 0);
    return cache;
}

struct scram_cache *
scram_cache_ref(struct scram_cache *cache)
{
    CHECK(atomic_fetch_add_explicit(&cache->refs, 1, memory_order_relaxed) > 0);
    return cache;
}

void
scram_cache_unref(struct scram_cache *cache)
{
    if (cache == NULL) {
        return;
    }
    const unsigned before = atomic_fetch_sub_explicit(&cache->refs, 1, memory_order_acq_rel);
    CHECK(before > 0);
    if (before > 1) {
        return;
    }
    for (size_t i = 0; i < SCRAM_CACHE_COUNT; i++) {
        mem_wipe_free(cache->keys[i], sizeof(*cache->keys[i]));
    }
    CHECK(pthread_mutex_destroy(&cache->lock) == 0);
    mem_free(cache);
}

/* The place of the keys of the salt, or SCRAM_CACHE_COUNT. */
static size_t
place_locked(const struct scram_cache *cache, struct slice salt, uint32_t iterations)
{
    for (size_t i = 0; i < SCRAM_CACHE_COUNT && cache->keys[i] != NULL; i++) {
        const struct scram_keys *k = cache->keys[i];
        if (k->iterations == iterations && slice_equal(slice_of(k->salt, k->salt_len), salt)) {
            return i;
        }
    }
    return SCRAM_CACHE_COUNT;
}

bool
scram_cache_get(struct scram_cache *cache, struct slice salt, uint32_t iterations,
                struct scram_keys *out)
{
    if (cache == NULL) {
        return false;
    }
    CHECK(pthread_mutex_lock(&cache->lock) == 0);
    const size_t at = place_locked(cache, salt, iterations);
    const bool found = at < SCRAM_CACHE_COUNT;
    if (found) {
        *out = *cache->keys[at];
    }
    CHECK(pthread_mutex_unlock(&cache->lock) == 0);
    return found;
}

void
scram_cache_put(struct scram_cache *cache, const struct scram_keys *keys)
{
    if (cache == NULL) {
        return;
    }
    CHECK(keys->salt_len > 0 && keys->salt_len <= SCRAM_SALT_MAX);
    struct scram_keys *copy = xcalloc(1, sizeof(*copy));
    *copy = *keys;
    CHECK(pthread_mutex_lock(&cache->lock) == 0);
    size_t at = place_locked(cache, slice_of(keys->salt, keys->salt_len), keys->iterations);
    at = at < SCRAM_CACHE_COUNT ? at : SCRAM_CACHE_COUNT - 1;
    mem_wipe_free(cache->keys[at], sizeof(*copy));
    memmove(&cache->keys[1], &cache->keys[0], at * sizeof(cache->keys[0]));
    cache->keys[0] = copy;
    CHECK(pthread_mutex_unlock(&cache->lock) == 0);
}
