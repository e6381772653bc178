/* rand.c — randomness from the kernel. See rand.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/rand.h"

#include <errno.h>
#include <sys/random.h>

#include "base/check.h"

void
rand_bytes(void *out, size_t len)
{
    uint8_t *p = out;
    while (len > 0) {
        const ssize_t n = getrandom(p, len, 0);
        if (n == -1 && errno == EINTR) {
            continue;
        }
        CHECK(n > 0);
        p += n;
        len -= (size_t)n;
    }
}

uint64_t
rand_u64(void)
{
    uint64_t v;
    rand_bytes(&v, sizeof(v));
    return v;
}
