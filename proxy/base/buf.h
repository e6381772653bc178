/* buf.h — a growable queue of bytes.
 *
 *      0         head          tail        size
 *      | consumed | bytes held  | free       |
 *
 * Bytes are appended at the tail and consumed from the head. An empty buffer owns no memory after
 * buf_shrink, so that an idle session costs nothing. Growth can fail (memory, or the cap given at
 * the call); then nothing has changed and the caller closes its one session. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_BUF_H
#define TEAL_BASE_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"
#include "base/slice.h"

struct buf {
    uint8_t *data; /* owned; NULL when size is 0 */
    size_t head;
    size_t tail;
    size_t size;
    bool soft;   /* see buf_init_soft */
    bool failed; /* bytes are missing: what it holds must not be used */
};

void buf_init(struct buf *b);
void buf_fini(struct buf *b);
/* One whose writers (buf_put, ..) do not abort when memory is gone: it becomes `failed` and stays
 * it, and a stream that is to send it counts as broken. */
void buf_init_soft(struct buf *b);

size_t buf_len(const struct buf *b);
/* The bytes held; borrowed until the next call that changes the buffer. */
struct slice buf_slice(const struct buf *b);

/* Room for len more bytes behind the tail, or NULL when memory is gone; follow with buf_commit. */
MUST_CHECK uint8_t *buf_reserve(struct buf *b, size_t len);
void buf_commit(struct buf *b, size_t len);
MUST_CHECK bool buf_append(struct buf *b, struct slice bytes);
/* Drops len bytes from the front. */
void buf_consume(struct buf *b, size_t len);
/* Empties it, keeps the memory. */
void buf_clear(struct buf *b);
/* Cuts the tail back to len bytes held: takes back what was appended last. */
void buf_truncate(struct buf *b, size_t len);
/* Gives the memory back when no byte is held. */
void buf_shrink(struct buf *b);

/* Writers for the control plane (console, encoders of small messages): they abort when memory is
 * gone. */
void buf_put(struct buf *b, const void *p, size_t len);
void buf_put_u8(struct buf *b, uint8_t v);
void buf_put_u16(struct buf *b, uint16_t v);
void buf_put_u32(struct buf *b, uint32_t v);
void buf_put_slice(struct buf *b, struct slice s);
/* Without its NUL. */
void buf_put_text(struct buf *b, const char *s);
/* With its NUL. */
void buf_put_cstr(struct buf *b, const char *s);
/* Formatted text, without a NUL. */
void buf_printf(struct buf *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
