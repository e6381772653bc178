/* scram.c — what both ends of SCRAM have in common. See scram.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/scram.h"

#include <string.h>

#include "base/rand.h"

void
scram_seed_init(struct scram_seed *seed)
{
    rand_bytes(seed->bytes, sizeof(seed->bytes));
}

/* Whether the secret must be worked on for this salt; then it stands in need. */
bool
scram_secret_needs(const struct scram_secret *secret, struct slice salt, uint32_t iterations,
                   struct scram_need *need)
{
    CHECK(salt.len > 0 && salt.len <= SCRAM_SALT_MAX && iterations > 0);
    struct scram_keys keys;
    if (secret->password == NULL) {
        return false;
    }
    if (scram_cache_get(secret->cache, salt, iterations, &keys)) {
        scram_keys_wipe(&keys);
        return false;
    }
    memcpy(need->salt, salt.p, salt.len);
    need->salt_len = salt.len;
    need->iterations = iterations;
    return true;
}
