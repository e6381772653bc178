/* table.h — a result of named columns and rows of typed cells: what SHOW answers.
 *
 * A cell keeps its value as it is: numbers stay numbers, so that tables of several workers can be
 * summed, compared and searched. It becomes text once, in cell_print, where it is shown.
 *
 * A table is built by one thread, handed to another as a whole, freed by the last owner. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_TABLE_H
#define TEAL_BASE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/check.h"

enum { TABLE_COLUMNS_MAX = 48, CELL_TEXT_SIZE = 48 };

enum cell_kind {
    CELL_NULL, /* SQL's NULL */
    CELL_TEXT,
    CELL_INTEGER,
    CELL_BOOLEAN, /* shown as yes or no */
    CELL_TIME,    /* a duration in microseconds, shown in its unit */
    CELL_MOMENT,  /* of the wall clock, microseconds since 1970; 0 is never and shown as "" */
};

/* How a duration is shown, always as a whole number. The last two are PgBouncer's pairs of columns:
 * whole seconds, and the microseconds beyond them. */
enum cell_unit { CELL_IN_US, CELL_IN_MS, CELL_IN_S, CELL_US_BEYOND_S };

struct cell {
    enum cell_kind kind;
    enum cell_unit unit; /* of CELL_TIME */
    char *text;          /* owned by the table; of CELL_TEXT */
    uint64_t number;     /* of the others; 0 or 1 for CELL_BOOLEAN */
};

struct table {
    const char *const *columns; /* borrowed for ever: a static array */
    size_t columns_count;
    struct cell *cells; /* owned; row after row */
    size_t cells_count;
    size_t cells_size;
};

struct table *table_new(const char *const *columns, size_t columns_count);
void table_free(struct table *t);

/* Cells are added left to right; a row is complete after columns_count of them. */
void table_add(struct table *t, const char *text); /* copied; NULL is SQL's NULL */
void table_addf(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
void table_add_number(struct table *t, uint64_t number);
void table_add_bool(struct table *t, bool value);
void table_add_time(struct table *t, uint64_t us, enum cell_unit unit);
void table_add_moment(struct table *t, uint64_t wall_us);
/* A copy of a cell, of this table or another one. */
void table_add_cell(struct table *t, const struct cell *cell);
/* Copies of all cells of a row. */
void table_add_row(struct table *t, const struct table *from, size_t row);
/* Moves all rows of from, which has the same columns, behind those of t, and frees from. */
void table_append(struct table *t, struct table *from);

size_t table_rows(const struct table *t);
/* The place of a column that is there. */
size_t table_column(const struct table *t, const char *name);
/* Borrowed until the table changes. */
const struct cell *table_cell(const struct table *t, size_t row, size_t column);
/* The text of a cell that has one; NULL for SQL's NULL. */
const char *table_text(const struct table *t, size_t row, size_t column);
/* The number of an integer; of a duration its microseconds. */
uint64_t table_number(const struct table *t, size_t row, size_t column);
/* Another number in such a cell. */
void table_set_number(struct table *t, size_t row, size_t column, uint64_t number);

bool cell_equal(const struct cell *a, const struct cell *b);
/* The cell as it is shown: its own text, or written to out. NULL for SQL's NULL. */
const char *cell_print(const struct cell *cell, char out[CELL_TEXT_SIZE]);

#endif
