/* buf.c — a growable queue of bytes. See buf.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/mem.h"

enum { BUF_SIZE_MIN = 256 };

void
buf_init(struct buf *b)
{
    *b = (struct buf){0};
}

void
buf_fini(struct buf *b)
{
    mem_free(b->data);
    *b = (struct buf){.soft = b->soft, .failed = b->failed};
}

void
buf_init_soft(struct buf *b)
{
    *b = (struct buf){.soft = true};
}

size_t
buf_len(const struct buf *b)
{
    return b->tail - b->head;
}

struct slice
buf_slice(const struct buf *b)
{
    return b->data == NULL ? SLICE_EMPTY : slice_of(b->data + b->head, buf_len(b));
}

static void
buf_move_to_front(struct buf *b)
{
    if (b->head == 0) {
        return;
    }
    memmove(b->data, b->data + b->head, buf_len(b));
    b->tail -= b->head;
    b->head = 0;
}

uint8_t *
buf_reserve(struct buf *b, size_t len)
{
    if (b->size - b->tail >= len && b->data != NULL) {
        return b->data + b->tail;
    }
    const size_t held = buf_len(b);
    if (len > SIZE_MAX / 4 || held > SIZE_MAX / 4) {
        return NULL;
    }
    if (b->data != NULL) {
        buf_move_to_front(b);
    }
    if (b->size - b->tail < len || b->data == NULL) {
        size_t size = b->size < BUF_SIZE_MIN ? BUF_SIZE_MIN : b->size;
        while (size < held + len) {
            size *= 2;
        }
        uint8_t *data = mem_try_realloc(b->data, size);
        if (data == NULL) {
            return NULL;
        }
        b->data = data;
        b->size = size;
    }
    return b->data + b->tail;
}

void
buf_commit(struct buf *b, size_t len)
{
    CHECK(len <= b->size - b->tail);
    b->tail += len;
}

bool
buf_append(struct buf *b, struct slice bytes)
{
    if (bytes.len == 0) {
        return true;
    }
    uint8_t *room = buf_reserve(b, bytes.len);
    if (room == NULL) {
        return false;
    }
    memcpy(room, bytes.p, bytes.len);
    buf_commit(b, bytes.len);
    return true;
}

void
buf_consume(struct buf *b, size_t len)
{
    CHECK(len <= buf_len(b));
    b->head += len;
    if (b->head == b->tail) {
        b->head = b->tail = 0;
    }
}

void
buf_clear(struct buf *b)
{
    b->head = b->tail = 0;
}

void
buf_truncate(struct buf *b, size_t len)
{
    CHECK(len <= buf_len(b));
    b->tail = b->head + len;
}

void
buf_shrink(struct buf *b)
{
    if (buf_len(b) == 0) {
        buf_fini(b);
    }
}

void
buf_put(struct buf *b, const void *p, size_t len)
{
    if (!buf_append(b, slice_of(p, len))) {
        CHECK(b->soft);
        b->failed = true;
    }
}

void
buf_put_u8(struct buf *b, uint8_t v)
{
    buf_put(b, &v, 1);
}

void
buf_put_u16(struct buf *b, uint16_t v)
{
    uint8_t bytes[2];
    be16_put(bytes, v);
    buf_put(b, bytes, sizeof(bytes));
}

void
buf_put_u32(struct buf *b, uint32_t v)
{
    uint8_t bytes[4];
    be32_put(bytes, v);
    buf_put(b, bytes, sizeof(bytes));
}

void
buf_put_slice(struct buf *b, struct slice s)
{
    buf_put(b, s.p, s.len);
}

void
buf_put_text(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s));
}

void
buf_put_cstr(struct buf *b, const char *s)
{
    buf_put(b, s, strlen(s) + 1);
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    const int len = vsnprintf(NULL, 0, fmt, args);
    va_end(args);
    CHECK(len >= 0);
    uint8_t *room = buf_reserve(b, (size_t)len + 1);
    CHECK(room != NULL);
    va_start(args, fmt);
    (void)vsnprintf((char *)room, (size_t)len + 1, fmt, args);
    va_end(args);
    buf_commit(b, (size_t)len);
}
