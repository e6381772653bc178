/* slice.c — views of bytes. See slice.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/slice.h"

#include <string.h>
#include <strings.h>

struct slice
slice_of(const void *p, size_t len)
{
    return (struct slice){p, len};
}

struct slice
slice_of_str(const char *s)
{
    return (struct slice){(const uint8_t *)s, strlen(s)};
}

bool
slice_equal(struct slice a, struct slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.p, b.p, a.len) == 0);
}

bool
slice_equal_str(struct slice a, const char *s)
{
    return slice_equal(a, slice_of_str(s));
}

static uint8_t
ascii_lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

bool
slice_equal_nocase(struct slice a, const char *s)
{
    const struct slice b = slice_of_str(s);
    if (a.len != b.len) {
        return false;
    }
    for (size_t i = 0; i < a.len; i++) {
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i])) {
            return false;
        }
    }
    return true;
}

uint64_t
slice_hash(struct slice s, uint64_t seed)
{
    uint64_t h = 0xcbf29ce484222325ULL ^ seed;
    for (size_t i = 0; i < s.len; i++) {
        h = (h ^ s.p[i]) * 0x100000001b3ULL;
    }
    /* FNV's low bits are weak; tables index by them. */
    h ^= h >> 32;
    h *= 0xd6e8feb86659fd93ULL;
    return h ^ (h >> 32);
}

bool
slice_take(struct slice *in, size_t len, struct slice *out)
{
    if (len > in->len) {
        return false;
    }
    *out = (struct slice){in->p, len};
    if (len > 0) { /* nothing may be added to NULL, not even 0 */
        in->p += len;
        in->len -= len;
    }
    return true;
}

bool
slice_take_u8(struct slice *in, uint8_t *out)
{
    struct slice taken;
    if (!slice_take(in, 1, &taken)) {
        return false;
    }
    *out = taken.p[0];
    return true;
}

bool
slice_take_u16(struct slice *in, uint16_t *out)
{
    struct slice taken;
    if (!slice_take(in, 2, &taken)) {
        return false;
    }
    *out = be16_at(taken.p);
    return true;
}

bool
slice_take_u32(struct slice *in, uint32_t *out)
{
    struct slice taken;
    if (!slice_take(in, 4, &taken)) {
        return false;
    }
    *out = be32_at(taken.p);
    return true;
}

bool
slice_take_cstr(struct slice *in, struct slice *out)
{
    const uint8_t *end = in->len == 0 ? NULL : memchr(in->p, 0, in->len);
    if (end == NULL) {
        return false;
    }
    const size_t len = (size_t)(end - in->p);
    *out = (struct slice){in->p, len};
    in->p += len + 1;
    in->len -= len + 1;
    return true;
}

uint32_t
be32_at(const uint8_t *p)
{
    return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

uint16_t
be16_at(const uint8_t *p)
{
    return (uint16_t)((unsigned)p[0] << 8 | p[1]);
}

void
be32_put(uint8_t *p, uint32_t v)
{
    p[0] = (uint8_t)(v >> 24);
    p[1] = (uint8_t)(v >> 16);
    p[2] = (uint8_t)(v >> 8);
    p[3] = (uint8_t)v;
}

void
be16_put(uint8_t *p, uint16_t v)
{
    p[0] = (uint8_t)(v >> 8);
    p[1] = (uint8_t)v;
}
