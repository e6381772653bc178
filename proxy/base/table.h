/* table.h — a result of named columns and rows of text: what SHOW answers.
 *
 * Built by one thread, handed to another as a whole, freed by the last owner. A NULL cell is SQL's
 * NULL. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_TABLE_H
#define TEAL_BASE_TABLE_H

#include <stddef.h>

#include "base/check.h"

enum { TABLE_COLUMNS_MAX = 48 };

struct table {
    const char *const *columns; /* borrowed for ever: a static array */
    size_t columns_count;
    char **cells; /* owned; row after row */
    size_t cells_count;
    size_t cells_size;
};

struct table *table_new(const char *const *columns, size_t columns_count);
void table_free(struct table *t);
size_t table_rows(const struct table *t);
const char *table_cell(const struct table *t, size_t row, size_t column);
/* Cells are added left to right; a row is complete after columns_count of them. */
void table_add(struct table *t, const char *text); /* copied; NULL is SQL's NULL */
void table_addf(struct table *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Replaces a cell. */
void table_setf(struct table *t, size_t row, size_t column, const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Moves all rows of from, which has the same columns, behind those of t, and frees from. */
void table_append(struct table *t, struct table *from);

#endif
