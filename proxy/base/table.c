/* table.c — columns and rows of text. See table.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/table.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

struct table *
table_new(const char *const *columns, size_t columns_count)
{
    CHECK(columns_count > 0 && columns_count <= TABLE_COLUMNS_MAX);
    struct table *t = xcalloc(1, sizeof(*t));
    t->columns = columns;
    t->columns_count = columns_count;
    return t;
}

void
table_free(struct table *t)
{
    if (t == NULL) {
        return;
    }
    for (size_t i = 0; i < t->cells_count; i++) {
        mem_free(t->cells[i]);
    }
    mem_free(t->cells);
    mem_free(t);
}

size_t
table_rows(const struct table *t)
{
    CHECK(t->cells_count % t->columns_count == 0);
    return t->cells_count / t->columns_count;
}

const char *
table_cell(const struct table *t, size_t row, size_t column)
{
    CHECK(row < table_rows(t) && column < t->columns_count);
    return t->cells[row * t->columns_count + column];
}

/* Takes the cell. */
static void
table_push(struct table *t, char *cell)
{
    if (t->cells_count == t->cells_size) {
        t->cells_size = t->cells_size == 0 ? 64 : t->cells_size * 2;
        t->cells = xrealloc(t->cells, t->cells_size * sizeof(*t->cells));
    }
    t->cells[t->cells_count++] = cell;
}

void
table_add(struct table *t, const char *text)
{
    table_push(t, text == NULL ? NULL : xstrdup(text));
}

void
table_addf(struct table *t, const char *fmt, ...)
{
    char text[512];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args); /* a longer cell is cut, which is fine */
    va_end(args);
    table_add(t, text);
}

void
table_setf(struct table *t, size_t row, size_t column, const char *fmt, ...)
{
    char text[512];
    va_list args;
    CHECK(row < table_rows(t) && column < t->columns_count);
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args); /* as in table_addf */
    va_end(args);
    char **cell = &t->cells[row * t->columns_count + column];
    mem_free(*cell);
    *cell = xstrdup(text);
}

void
table_append(struct table *t, struct table *from)
{
    CHECK(t->columns == from->columns);
    for (size_t i = 0; i < from->cells_count; i++) {
        table_push(t, from->cells[i]);
    }
    from->cells_count = 0;
    table_free(from);
}
