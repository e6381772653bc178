/* cancels.c — how many CancelRequests are carried out. See cancels.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/cancels.h"

#include <string.h>

#include "base/log.h"
#include "base/rand.h"

enum { SECOND_US = 1000 * 1000 };

void
cancels_init(struct cancels *c)
{
    *c = (struct cancels){.seed = rand_u64()};
    CHECK(pthread_mutex_init(&c->lock, NULL) == 0);
}

void
cancels_fini(struct cancels *c)
{
    CHECK(pthread_mutex_destroy(&c->lock) == 0);
}

/* A flood is one line a second. */
static void
begin_second(struct cancels *c, uint64_t second)
{
    static const struct log_ctx ctx = {.kind = "cancels"};
    if (c->dropped > 0) {
        log_warn(&ctx, "cancel requests beyond the limit were dropped", "count=%llu",
                 (unsigned long long)c->dropped);
    }
    c->second = second;
    c->all = 0;
    c->dropped = 0;
    memset(c->by_source, 0, sizeof(c->by_source));
}

bool
cancels_admit(struct cancels *c, struct slice source, uint64_t now_us, uint32_t max,
              uint32_t max_per_source)
{
    (void)pthread_mutex_lock(&c->lock);
    if (now_us / SECOND_US != c->second) {
        begin_second(c, now_us / SECOND_US);
    }
    uint32_t *count = &c->by_source[slice_hash(source, c->seed) % CANCELS_SOURCES];
    const bool ok = c->all < max && *count < max_per_source;
    c->all += ok ? 1 : 0;
    *count += ok ? 1 : 0;
    c->dropped += ok ? 0 : 1;
    (void)pthread_mutex_unlock(&c->lock);
    return ok;
}
