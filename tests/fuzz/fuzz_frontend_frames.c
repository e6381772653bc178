/* fuzz_frontend_frames.c — any bytes as the messages of a client, or the answers of a server.
 *
 *     clang -g -O1 -std=c11 -D_GNU_SOURCE -fsanitize=fuzzer,address,undefined -Iproxy \
 *         tests/fuzz/fuzz_frontend_frames.c proxy/wire/{frame,message}.c proxy/base/[a-z]*.c
 *
 * Frame by frame: what a decoder gives lies inside its body, and what it takes is put again as the
 * same bytes. Each body is a copy of its own size, so that one byte too far is seen. */
/* SPDX-License-Identifier: PostgreSQL */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/mem.h"
#include "wire/message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { TOTAL_MAX = 1 << 20 };

static bool
lies_inside(struct slice part, struct slice body)
{
    return part.p == NULL || (part.p >= body.p && part.p + part.len <= body.p + body.len);
}

/* The frame that was put has this body, and nothing stands behind it. */
static void
check_put(struct buf *b, struct slice body)
{
    uint8_t type;
    uint64_t total;
    const struct slice frame = buf_slice(b);
    CHECK(wire_peek(frame, TOTAL_MAX, &type, &total) == WIRE_OK && total == frame.len);
    CHECK(slice_equal(slice_of(frame.p + WIRE_HEADER_LEN, frame.len - WIRE_HEADER_LEN), body));
    buf_clear(b);
}

static void
query_try(struct slice body, struct buf *b)
{
    struct slice text;
    if (message_query(body, &text)) {
        CHECK(lies_inside(text, body) && text.len + 1 == body.len && text.p[text.len] == 0);
        message_put_query(b, (const char *)text.p);
        check_put(b, body);
    }
}

static void
parse_try(struct slice body, struct buf *b)
{
    struct slice name;
    struct slice text;
    struct slice types;
    if (message_parse(body, &name, &text, &types)) {
        CHECK(lies_inside(name, body) && lies_inside(text, body) && lies_inside(types, body));
        CHECK(types.len >= 2 && (types.len - 2) / 4 == be16_at(types.p));
        message_put_parse(b, (const char *)name.p, text, types);
        check_put(b, body);
    }
}

static void
bind_try(struct slice body, struct buf *b)
{
    struct slice portal;
    struct slice statement;
    struct slice rest;
    if (message_bind(body, &portal, &statement, &rest)) {
        CHECK(lies_inside(portal, body) && lies_inside(statement, body) && lies_inside(rest, body));
        message_put_bind(b, portal, (const char *)statement.p, rest);
        check_put(b, body);
    }
}

static void
named_try(struct slice body, struct buf *b)
{
    uint8_t kind;
    struct slice name;
    if (message_named(body, &kind, &name)) {
        CHECK((kind == 'S' || kind == 'P') && lies_inside(name, body));
        message_put_named(b, 'D', kind, (const char *)name.p);
        check_put(b, body);
    }
}

static void
error_try(struct slice body)
{
    struct message_error e;
    message_error(body, &e);
    CHECK(lies_inside(e.severity, body) && lies_inside(e.sqlstate, body));
    CHECK(lies_inside(e.text, body));
}

static void
body_try(struct slice bytes)
{
    uint8_t *copy = xcalloc(1, bytes.len);
    struct buf b;
    if (bytes.len > 0) {
        memcpy(copy, bytes.p, bytes.len);
    }
    const struct slice body = slice_of(copy, bytes.len);
    buf_init(&b);
    query_try(body, &b);
    parse_try(body, &b);
    bind_try(body, &b);
    named_try(body, &b);
    error_try(body);
    buf_fini(&b);
    mem_free(copy);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct slice in = slice_of(data, size);
    for (;;) {
        uint8_t type;
        uint64_t total;
        const enum wire_result r = wire_peek(in, TOTAL_MAX, &type, &total);
        CHECK((r == WIRE_MORE) == (in.len < WIRE_HEADER_LEN));
        if (r != WIRE_OK) {
            return 0;
        }
        CHECK(type == in.p[0] && total >= WIRE_HEADER_LEN && total <= TOTAL_MAX);
        struct slice frame;
        if (!slice_take(&in, (size_t)total, &frame)) {
            /* Long messages are looked into before all of them is there. */
            body_try(slice_of(in.p + WIRE_HEADER_LEN, in.len - WIRE_HEADER_LEN));
            return 0;
        }
        body_try(slice_of(frame.p + WIRE_HEADER_LEN, frame.len - WIRE_HEADER_LEN));
    }
}
