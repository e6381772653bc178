/* rows.h — the answer to one SQL statement, as the control thread hands it over.
 *
 * Mirrors net/pq.h, so that nothing here knows a connection. Valid during the callback only. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_TYPES_ROWS_H
#define TEAL_CUTOVER_TYPES_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct cutover_rows {
    bool ok;
    bool unknown;   /* not ok, and whether the query ran is unknown */
    struct err err; /* set when not ok */
    int rows;
    int columns;
    const void *impl; /* for cell */
    /* Row and column from 0; NULL for SQL's NULL. Borrowed during the callback. May be NULL when
     * rows is 0. */
    const char *(*cell)(const void *impl, int row, int column);
};

/* Cells: NULL and absence give "", 0 and false. */
const char *rows_text(const struct cutover_rows *rows, int row, int column);
uint64_t rows_u64(const struct cutover_rows *rows, int row, int column);
bool rows_bool(const struct cutover_rows *rows, int row, int column);

#endif
