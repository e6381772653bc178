/* frame.c — the frames of protocol 3. See frame.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "wire/frame.h"

enum wire_result
wire_peek(struct slice in, uint64_t total_max, uint8_t *type, uint64_t *total)
{
    if (in.len < WIRE_HEADER_LEN) {
        return WIRE_MORE;
    }
    const uint32_t len = be32_at(in.p + 1);
    if (len < 4 || (uint64_t)len + 1 > total_max) {
        return WIRE_BAD;
    }
    *type = in.p[0];
    *total = (uint64_t)len + 1;
    return WIRE_OK;
}

enum wire_result
frame_read(struct slice in, uint64_t total_max, struct frame *out)
{
    const enum wire_result r = wire_peek(in, total_max, &out->type, &out->total);
    if (r != WIRE_OK) {
        return r;
    }
    out->whole = in.len >= out->total;
    out->seen = slice_of(in.p, out->whole ? (size_t)out->total : in.len);
    return WIRE_OK;
}

struct slice
frame_body(const struct frame *f)
{
    CHECK(f->seen.len >= WIRE_HEADER_LEN && f->seen.len <= f->total);
    return slice_of(f->seen.p + WIRE_HEADER_LEN, f->seen.len - WIRE_HEADER_LEN);
}
