/* output.h — how tealctl prints rows: lines, a timeline, a table, one record, or JSON. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CTL_OUTPUT_H
#define TEAL_CTL_OUTPUT_H

#include <libpq-fe.h>
#include <stdbool.h>
#include <stdio.h>

enum output_layout {
    OUTPUT_STEPS,  /* result, step, detail, took: the timeline, row by row as it happens */
    OUTPUT_LINES,  /* the first column is text: as it is */
    OUTPUT_TABLE,  /* aligned columns with their names, when all rows are there */
    OUTPUT_RECORD, /* one line a column */
};

struct output {
    FILE *to; /* borrowed */
    enum output_layout layout;
    bool json;
    unsigned long rows; /* printed so far */
    bool columns_known;
    bool ended;
    int columns_count;
    char **cells; /* owned, for TABLE: the names, then row after row; NULL is SQL's NULL */
    size_t cells_count;
    size_t cells_size;
};

void output_init(struct output *o, FILE *to, enum output_layout layout, bool json);
void output_fini(struct output *o);
/* A result with zero or more rows of one statement. */
void output_rows(struct output *o, const PGresult *result);
/* No more rows: what was collected is printed, what is open is closed. Before an error message on
 * another stream, too; harmless the second time. */
void output_end(struct output *o);

#endif
