/* rows.c — the cells of an answer as text, number and truth. See rows.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/types/rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/check.h"

const char *
rows_text(const struct cutover_rows *rows, int row, int column)
{
    CHECK(row >= 0 && column >= 0);
    if (!rows->ok || row >= rows->rows || column >= rows->columns) {
        return "";
    }
    const char *text = rows->cell(rows->impl, row, column);
    return text != NULL ? text : "";
}

uint64_t
rows_u64(const struct cutover_rows *rows, int row, int column)
{
    const char *text = rows_text(rows, row, column);
    char *end = NULL;
    errno = 0;
    const unsigned long long v = strtoull(text, &end, 10);
    return text[0] >= '0' && text[0] <= '9' && *end == '\0' && errno == 0 ? v : 0;
}

bool
rows_bool(const struct cutover_rows *rows, int row, int column)
{
    return strcmp(rows_text(rows, row, column), "t") == 0;
}
