/* table.c — columns and rows of typed cells. See table.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/table.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/mem.h"

_Static_assert((int)CELL_TEXT_SIZE >= (int)CLOCK_TEXT_SIZE, "a moment fits");

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
        mem_free(t->cells[i].text);
    }
    mem_free(t->cells);
    mem_free(t);
}

/* ---- adding ---- */

/* Takes the cell's text. */
static void
table_push(struct table *t, struct cell cell)
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
    if (text == NULL) {
        table_push(t, (struct cell){.kind = CELL_NULL});
        return;
    }
    table_push(t, (struct cell){.kind = CELL_TEXT, .text = xstrdup(text)});
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
table_add_number(struct table *t, uint64_t number)
{
    table_push(t, (struct cell){.kind = CELL_INTEGER, .number = number});
}

void
table_add_bool(struct table *t, bool value)
{
    table_push(t, (struct cell){.kind = CELL_BOOLEAN, .number = value});
}

void
table_add_time(struct table *t, uint64_t us, enum cell_unit unit)
{
    table_push(t, (struct cell){.kind = CELL_TIME, .unit = unit, .number = us});
}

void
table_add_moment(struct table *t, uint64_t wall_us)
{
    table_push(t, (struct cell){.kind = CELL_MOMENT, .number = wall_us});
}

void
table_add_cell(struct table *t, const struct cell *cell)
{
    struct cell copy = *cell;
    copy.text = cell->text == NULL ? NULL : xstrdup(cell->text);
    table_push(t, copy);
}

void
table_add_row(struct table *t, const struct table *from, size_t row)
{
    CHECK(t->columns_count == from->columns_count);
    for (size_t column = 0; column < from->columns_count; column++) {
        table_add_cell(t, table_cell(from, row, column));
    }
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

/* ---- looking ---- */

size_t
table_rows(const struct table *t)
{
    CHECK(t->cells_count % t->columns_count == 0);
    return t->cells_count / t->columns_count;
}

size_t
table_column(const struct table *t, const char *name)
{
    size_t column = 0;
    while (strcmp(t->columns[column], name) != 0) {
        column++;
        CHECK(column < t->columns_count);
    }
    return column;
}

static struct cell *
cell_at(const struct table *t, size_t row, size_t column)
{
    CHECK(row < table_rows(t) && column < t->columns_count);
    return &t->cells[row * t->columns_count + column];
}

const struct cell *
table_cell(const struct table *t, size_t row, size_t column)
{
    return cell_at(t, row, column);
}

const char *
table_text(const struct table *t, size_t row, size_t column)
{
    const struct cell *cell = cell_at(t, row, column);
    CHECK(cell->kind == CELL_TEXT || cell->kind == CELL_NULL);
    return cell->text;
}

static bool
has_number(const struct cell *cell)
{
    return cell->kind == CELL_INTEGER || cell->kind == CELL_TIME;
}

uint64_t
table_number(const struct table *t, size_t row, size_t column)
{
    const struct cell *cell = cell_at(t, row, column);
    CHECK(has_number(cell));
    return cell->number;
}

void
table_set_number(struct table *t, size_t row, size_t column, uint64_t number)
{
    struct cell *cell = cell_at(t, row, column);
    CHECK(has_number(cell));
    cell->number = number;
}

/* ---- cells ---- */

bool
cell_equal(const struct cell *a, const struct cell *b)
{
    if (a->kind != b->kind || a->unit != b->unit || a->number != b->number) {
        return false;
    }
    return a->kind != CELL_TEXT || strcmp(a->text, b->text) == 0;
}

static uint64_t
time_in(uint64_t us, enum cell_unit unit)
{
    switch (unit) {
    case CELL_IN_US:
        return us;
    case CELL_IN_MS:
        return us / 1000;
    case CELL_IN_S:
        return us / 1000000;
    case CELL_US_BEYOND_S:
        return us % 1000000;
    }
    UNREACHABLE();
}

static const char *
number_print(uint64_t number, char out[CELL_TEXT_SIZE])
{
    (void)snprintf(out, CELL_TEXT_SIZE, "%" PRIu64, number);
    return out;
}

const char *
cell_print(const struct cell *cell, char out[CELL_TEXT_SIZE])
{
    switch (cell->kind) {
    case CELL_NULL:
        return NULL;
    case CELL_TEXT:
        return cell->text;
    case CELL_INTEGER:
        return number_print(cell->number, out);
    case CELL_BOOLEAN:
        return cell->number != 0 ? "yes" : "no";
    case CELL_TIME:
        return number_print(time_in(cell->number, cell->unit), out);
    case CELL_MOMENT:
        if (cell->number == 0) {
            return "";
        }
        clock_format(cell->number, out, CELL_TEXT_SIZE);
        return out;
    }
    UNREACHABLE();
}
