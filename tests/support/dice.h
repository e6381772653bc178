/* dice.h — numbers that look random and are the same in every run.
 *
 * A walk that fails can be walked again: print the seed, not the steps. Test programs only. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_TESTS_DICE_H
#define TEAL_TESTS_DICE_H

#include <stdint.h>

#include "base/check.h"

struct dice {
    uint64_t state;
};

/* splitmix64 */
static inline uint64_t
dice_u64(struct dice *d)
{
    d->state += 0x9e3779b97f4a7c15ULL;
    uint64_t z = d->state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/* 0 to n - 1 */
static inline uint32_t
dice_below(struct dice *d, uint32_t n)
{
    CHECK(n > 0);
    return (uint32_t)(dice_u64(d) % n);
}

#endif
