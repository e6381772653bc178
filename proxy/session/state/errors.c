/* errors.c — what clients were told went wrong, counted. See errors.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "session/state/errors.h"

#include <stdio.h>
#include <string.h>

enum { COLUMN_SOURCE, COLUMN_SQLSTATE, COLUMN_SEVERITY, COLUMN_COUNT, COLUMN_LAST };

static const char *const columns[] = {"source", "sqlstate", "severity", "count", "last"};

static struct error_row *
row_of(struct errors *e, const char *sqlstate, bool is_ours, bool is_fatal)
{
    for (uint32_t i = 0; i < e->count; i++) {
        struct error_row *row = &e->rows[i];
        if (strcmp(row->sqlstate, sqlstate) == 0 && row->is_ours == is_ours &&
            row->is_fatal == is_fatal) {
            return row;
        }
    }
    struct error_row *row = &e->rows[e->count < ERROR_ROWS_MAX ? e->count : ERROR_ROWS_MAX - 1];
    if (e->count == ERROR_ROWS_MAX) { /* the row of all that found none */
        row->sqlstate[0] = '\0';
        row->last[0] = '\0';
        return row;
    }
    e->count++;
    row->is_ours = is_ours;
    row->is_fatal = is_fatal;
    (void)snprintf(row->sqlstate, sizeof(row->sqlstate), "%.5s", sqlstate);
    return row;
}

void
errors_note_ours(struct errors *e, const struct err *err, bool is_fatal)
{
    struct error_row *row = row_of(e, err->sqlstate, true, is_fatal);
    row->count++;
    if (row->sqlstate[0] != '\0') {
        (void)snprintf(row->last, sizeof(row->last), "%.*s", ERROR_LAST_SIZE - 1, err->text);
    }
}

void
errors_note_server(struct errors *e, struct slice sqlstate, bool is_fatal)
{
    char text[6] = "";
    if (sqlstate.len == sizeof(text) - 1) { /* else it is none: it counts without */
        memcpy(text, sqlstate.p, sqlstate.len);
    }
    row_of(e, text, false, is_fatal)->count++;
}

struct table *
errors_table(const struct errors *e)
{
    struct table *t = table_new(columns, COUNT_OF(columns));
    for (uint32_t i = 0; i < e->count; i++) {
        const struct error_row *row = &e->rows[i];
        table_add(t, row->is_ours ? "teal" : "server");
        table_add(t, row->sqlstate);
        table_add(t, row->is_fatal ? "FATAL" : "ERROR");
        table_add_number(t, row->count);
        table_add(t, row->last);
    }
    return t;
}

static bool
is_same(const struct table *a, size_t i, const struct table *b, size_t j)
{
    for (size_t column = COLUMN_SOURCE; column <= COLUMN_SEVERITY; column++) {
        if (!cell_equal(table_cell(a, i, column), table_cell(b, j, column))) {
            return false;
        }
    }
    return true;
}

void
errors_merge(struct table *t, struct table *from)
{
    for (size_t j = 0; j < table_rows(from); j++) {
        size_t i = 0;
        while (i < table_rows(t) && !is_same(t, i, from, j)) {
            i++;
        }
        if (i < table_rows(t)) {
            table_set_number(t, i, COLUMN_COUNT,
                             table_number(t, i, COLUMN_COUNT) +
                                 table_number(from, j, COLUMN_COUNT));
        } else {
            table_add_row(t, from, j);
        }
    }
    table_free(from);
}
