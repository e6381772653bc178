/* share.c — what the pools of one key have in common over all workers. See share.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "pool/share.h"

static bool
take_one(atomic_uint *count, uint32_t max)
{
    unsigned now = atomic_load_explicit(count, memory_order_relaxed);
    while (max == 0 || now < max) {
        if (atomic_compare_exchange_weak(count, &now, now + 1)) {
            return true;
        }
    }
    return false;
}

static void
give_one(atomic_uint *count)
{
    const unsigned before = atomic_fetch_sub(count, 1);
    CHECK(before > 0);
}

bool
pool_share_open(struct pool_share *s, const struct pool_caps *caps)
{
    CHECK(caps->of_pool > 0);
    if (!take_one(&s->open, caps->of_pool)) {
        return false;
    }
    if (!take_one(s->of_database, caps->of_database)) {
        give_one(&s->open);
        return false;
    }
    if (!take_one(s->of_user, caps->of_user)) {
        give_one(s->of_database);
        give_one(&s->open);
        return false;
    }
    return true;
}

void
pool_share_close(struct pool_share *s)
{
    give_one(s->of_user);
    give_one(s->of_database);
    give_one(&s->open);
}

bool
pool_share_has_open(const struct pool_share *s)
{
    return atomic_load(&s->open) > 0;
}

bool
pool_share_is_over(const struct pool_share *s, const struct pool_caps *caps)
{
    return (caps->of_database > 0 && atomic_load(s->of_database) > caps->of_database) ||
           (caps->of_user > 0 && atomic_load(s->of_user) > caps->of_user);
}

bool
pool_share_is_crowded(const struct pool_share *s, const struct pool_caps *caps, bool *by_user)
{
    *by_user = caps->of_user > 0 && atomic_load(s->of_user) >= caps->of_user;
    const bool by_database =
        caps->of_database > 0 && atomic_load(s->of_database) >= caps->of_database;
    return atomic_load(&s->open) < caps->of_pool && (*by_user || by_database);
}

void
pool_share_wait(struct pool_share *s, uint32_t worker, uint64_t since_us)
{
    CHECK(worker < POOL_WORKERS_MAX);
    const uint64_t before = atomic_exchange(&s->oldest_us[worker], since_us);
    if (before == 0 && since_us != 0) {
        (void)atomic_fetch_add(&s->waiting, 1);
    } else if (before != 0 && since_us == 0) {
        const unsigned waited = atomic_fetch_sub(&s->waiting, 1);
        CHECK(waited > 0);
    }
}

int
pool_share_hungriest(const struct pool_share *s, uint32_t self, uint32_t workers, uint64_t than_us)
{
    if (atomic_load(&s->waiting) == 0) {
        return -1;
    }
    int found = -1;
    uint64_t oldest = than_us == 0 ? UINT64_MAX : than_us;
    for (uint32_t i = 0; i < workers; i++) {
        const uint64_t since = atomic_load_explicit(&s->oldest_us[i], memory_order_relaxed);
        if (i != self && since != 0 && since < oldest) {
            oldest = since;
            found = (int)i;
        }
    }
    return found;
}
