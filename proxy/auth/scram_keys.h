/* scram_keys.h — the keys that follow from a password, a salt and a number of rounds, and a cache
 * of them.
 *
 * PBKDF2 is slow on purpose, and a proxy logs in again and again as the same few users: the keys
 * are derived once for each salt. A cache belongs to one user and holds a handful of salts (one for
 * the proxy itself, one for each server; the sides of a logical pair may differ). It may be used by
 * any thread: it has a lock of its own, which is never held while anything is computed. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_SCRAM_KEYS_H
#define TEAL_AUTH_SCRAM_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

enum {
    SCRAM_KEY_LEN = 32,
    SCRAM_SALT_MAX = 1024,
    SCRAM_CACHE_COUNT = 4,
};

struct scram_keys {
    uint8_t salt[SCRAM_SALT_MAX];
    size_t salt_len; /* 1 to SCRAM_SALT_MAX */
    uint32_t iterations;
    uint8_t client_key[SCRAM_KEY_LEN];
    uint8_t server_key[SCRAM_KEY_LEN];
};

/* PBKDF2 and what follows; false when the library refuses (no memory). The salt has 1 to
 * SCRAM_SALT_MAX bytes, iterations is at least 1. */
MUST_CHECK bool scram_keys_derive(struct scram_keys *out, const char *password, struct slice salt,
                                  uint32_t iterations);
void scram_keys_wipe(struct scram_keys *keys);

struct slice scram_key_slice(const uint8_t key[SCRAM_KEY_LEN]);
void scram_key_xor(const uint8_t a[SCRAM_KEY_LEN], const uint8_t b[SCRAM_KEY_LEN],
                   uint8_t out[SCRAM_KEY_LEN]);

struct scram_cache;

/* One reference, owned by the caller; the last one given back wipes and frees. */
struct scram_cache *scram_cache_new(void);
struct scram_cache *scram_cache_ref(struct scram_cache *cache);
void scram_cache_unref(struct scram_cache *cache); /* NULL is fine */

/* Both do nothing (get: false) when cache is NULL. put replaces the keys of the same salt, or the
 * oldest. */
MUST_CHECK bool scram_cache_get(struct scram_cache *cache, struct slice salt, uint32_t iterations,
                                struct scram_keys *out);
void scram_cache_put(struct scram_cache *cache, const struct scram_keys *keys);

#endif
