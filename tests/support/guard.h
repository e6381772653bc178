/* guard.h — bytes that end where the readable memory ends.
 *
 * A reader that looks one byte too far dies on the spot, with or without a sanitizer. Test programs
 * only. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_TESTS_GUARD_H
#define TEAL_TESTS_GUARD_H

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "base/slice.h"

struct guard {
    uint8_t *base; /* owned: the mapping */
    size_t size;   /* of its readable part, in front of the page that must not be touched */
};

static inline struct guard
guard_new(size_t size_min)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    const size_t size = (size_min + page - 1) / page * page;
    void *base =
        mmap(NULL, size + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(base != MAP_FAILED);
    CHECK(mprotect((uint8_t *)base + size, page, PROT_NONE) == 0);
    return (struct guard){.base = base, .size = size};
}

static inline void
guard_free(struct guard *guard)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    CHECK(munmap(guard->base, guard->size + page) == 0);
}

/* A copy of the bytes whose end is the end of the readable memory; valid until the next call. */
static inline struct slice
guard_put(struct guard *guard, const void *bytes, size_t len)
{
    CHECK(len <= guard->size);
    uint8_t *at = guard->base + guard->size - len;
    if (len > 0) {
        memcpy(at, bytes, len);
    }
    return slice_of(at, len);
}

#endif
