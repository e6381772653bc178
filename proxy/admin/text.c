/* text.c — values as people read them. See text.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/check.h"

enum { US_PER_MS = 1000, US_PER_S = 1000000, S_PER_MIN = 60, S_PER_H = 3600, S_PER_DAY = 86400 };

struct text
text_bytes(uint64_t bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB"};
    struct text t;
    size_t unit = 0;
    uint64_t tenths = bytes > UINT64_MAX / 10 ? UINT64_MAX : bytes * 10;
    while (tenths >= 10240 && unit + 1 < COUNT_OF(units)) {
        tenths /= 1024;
        unit++;
    }
    /* A decimal says something only where the number is short and the unit is large. */
    if (unit >= 2 && tenths < 1000 && tenths % 10 != 0) {
        (void)snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%" PRIu64 " %s", tenths / 10, tenths % 10,
                       units[unit]);
    } else {
        (void)snprintf(t.s, sizeof(t.s), "%" PRIu64 " %s", tenths / 10, units[unit]);
    }
    return t;
}

static struct text
text_of_seconds(uint64_t s)
{
    struct text t;
    if (s < S_PER_H) {
        (void)snprintf(t.s, sizeof(t.s), "%" PRIu64 " min %" PRIu64 " s", s / S_PER_MIN,
                       s % S_PER_MIN);
    } else if (s < S_PER_DAY) {
        (void)snprintf(t.s, sizeof(t.s), "%" PRIu64 " h %" PRIu64 " min", s / S_PER_H,
                       s % S_PER_H / S_PER_MIN);
    } else {
        (void)snprintf(t.s, sizeof(t.s), "%" PRIu64 " d %" PRIu64 " h", s / S_PER_DAY,
                       s % S_PER_DAY / S_PER_H);
    }
    return t;
}

struct text
text_duration(uint64_t us)
{
    struct text t;
    const uint64_t ms = us / US_PER_MS + (us % US_PER_MS >= US_PER_MS / 2 ? 1 : 0);
    if (ms < 1000) {
        (void)snprintf(t.s, sizeof(t.s), "%" PRIu64 " ms", ms);
        return t;
    }
    const uint64_t tenths = (ms + 50) / 100;
    if (tenths < (uint64_t)S_PER_MIN * 10) {
        (void)snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%" PRIu64 " s", tenths / 10, tenths % 10);
        return t;
    }
    return text_of_seconds(tenths / 10);
}

struct text
text_latency(uint64_t us)
{
    struct text t;
    const uint64_t tenths = us / 100;
    if (tenths >= 100) {
        return text_duration(us);
    }
    (void)snprintf(t.s, sizeof(t.s), "%" PRIu64 ".%" PRIu64 " ms", tenths / 10, tenths % 10);
    return t;
}

struct text
text_percent(uint32_t hundredths)
{
    struct text t;
    const uint32_t rest = hundredths % 100;
    if (rest == 0) {
        (void)snprintf(t.s, sizeof(t.s), "%" PRIu32 " %%", hundredths / 100);
    } else if (rest % 10 == 0) {
        (void)snprintf(t.s, sizeof(t.s), "%" PRIu32 ".%" PRIu32 " %%", hundredths / 100, rest / 10);
    } else {
        (void)snprintf(t.s, sizeof(t.s), "%" PRIu32 ".%02" PRIu32 " %%", hundredths / 100, rest);
    }
    return t;
}

struct text
text_lsn(uint64_t lsn)
{
    struct text t;
    (void)snprintf(t.s, sizeof(t.s), "%" PRIX32 "/%" PRIX32, (uint32_t)(lsn >> 32), (uint32_t)lsn);
    return t;
}

/* Characters, not bytes: continuation bytes of UTF-8 take no column. */
static size_t
text_width(const char *s)
{
    size_t width = 0;
    for (; *s != '\0'; s++) {
        width += ((unsigned char)*s & 0xC0) != 0x80 ? 1 : 0;
    }
    return width;
}

static const char *
cell_text(const struct table *t, size_t row, size_t column, char out[CELL_TEXT_SIZE])
{
    const char *text = cell_print(table_cell(t, row, column), out);
    return text == NULL ? "" : text;
}

static size_t
column_width(const struct table *t, size_t column)
{
    char space[CELL_TEXT_SIZE];
    size_t width = 0;
    for (size_t row = 0; row < table_rows(t); row++) {
        const size_t w = text_width(cell_text(t, row, column, space));
        width = w > width ? w : width;
    }
    return width;
}

void
text_align(const struct table *t, const char *indent, unsigned gap, struct buf *out)
{
    size_t widths[TABLE_COLUMNS_MAX];
    char space[CELL_TEXT_SIZE];
    CHECK(t->columns_count <= TABLE_COLUMNS_MAX);
    for (size_t column = 0; column < t->columns_count; column++) {
        widths[column] = column_width(t, column);
    }
    for (size_t row = 0; row < table_rows(t); row++) {
        buf_printf(out, "%s", indent);
        size_t owed = 0; /* blanks that only a later cell brings out */
        for (size_t column = 0; column < t->columns_count; column++) {
            const char *cell = cell_text(t, row, column, space);
            if (cell[0] != '\0') {
                buf_printf(out, "%*s%s", (int)owed, "", cell);
                owed = 0;
            }
            owed += widths[column] - text_width(cell) + gap;
        }
        buf_put_u8(out, '\n');
    }
}
