/* output.c — how tealctl prints rows. See output.h.
 *
 * JSON is an array with each row on a line of its own as soon as it arrives, so that a program can
 * follow a cutover. */
/* SPDX-License-Identifier: PostgreSQL */
#include "ctl/output.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"
#include "ctl/json.h"

/* Widths of the timeline; a finding's id and name take the wide one. */
enum { STEP_COLUMNS = 4, STEP_WIDTH = 11, STEP_WIDTH_WIDE = 27 };

void
output_init(struct output *o, FILE *to, enum output_layout layout, bool json)
{
    CHECK(to != NULL);
    *o = (struct output){.to = to, .layout = layout, .json = json};
}

void
output_fini(struct output *o)
{
    for (size_t i = 0; i < o->cells_count; i++) {
        mem_free(o->cells[i]);
    }
    mem_free(o->cells);
}

/* ---- the timeline ---- */

/* "  ok  check       57 checks, 2 warnings                 1.4 s" */
static void
step_row(struct output *o, const PGresult *result, int row)
{
    const char *kind = PQgetvalue(result, row, 0);
    const char *step = PQgetvalue(result, row, 1);
    const char *detail = PQgetvalue(result, row, 2);
    const char *took = PQgetvalue(result, row, 3);
    const int width = strlen(step) <= STEP_WIDTH ? STEP_WIDTH : STEP_WIDTH_WIDE;
    if (step[0] == '\0') {
        (void)fprintf(o->to, "  %s\n", detail);
    } else if (took[0] == '\0') {
        (void)fprintf(o->to, "  %-3s %-*s %s\n", kind, width, step, detail);
    } else {
        (void)fprintf(o->to, "  %-3s %-*s %-35s %7s\n", kind, width, step, detail, took);
    }
}

static void
record_row(struct output *o, const PGresult *result, int row)
{
    for (int column = 0; column < PQnfields(result); column++) {
        (void)fprintf(o->to, "  %-9s %s\n", PQfname(result, column),
                      PQgetvalue(result, row, column));
    }
}

/* ---- the table ---- */

static void
cell_add(struct output *o, const char *text)
{
    if (o->cells_count == o->cells_size) {
        o->cells_size = o->cells_size == 0 ? 256 : o->cells_size * 2;
        o->cells = xrealloc(o->cells, o->cells_size * sizeof(*o->cells));
    }
    o->cells[o->cells_count++] = text == NULL ? NULL : xstrdup(text);
}

static void
table_row(struct output *o, const PGresult *result, int row)
{
    for (int column = 0; column < o->columns_count; column++) {
        cell_add(o, PQgetisnull(result, row, column) ? NULL : PQgetvalue(result, row, column));
    }
}

/* In characters: continuation bytes of UTF-8 take no column. */
static int
width_of(const char *text)
{
    int width = 0;
    for (; text != NULL && *text != '\0'; text++) {
        width += ((unsigned char)*text & 0xC0) != 0x80 ? 1 : 0;
    }
    return width;
}

static void
table_print(const struct output *o)
{
    const size_t columns = (size_t)o->columns_count;
    CHECK(columns > 0 && o->cells_count % columns == 0);
    int *widths = xcalloc(columns, sizeof(*widths));
    for (size_t i = 0; i < o->cells_count; i++) {
        const int width = width_of(o->cells[i]);
        widths[i % columns] = width > widths[i % columns] ? width : widths[i % columns];
    }
    for (size_t i = 0; i < o->cells_count; i++) {
        const char *text = o->cells[i] == NULL ? "" : o->cells[i];
        const bool is_last = i % columns == columns - 1;
        const int pad = is_last ? 0 : widths[i % columns] - width_of(text) + 2;
        (void)fprintf(o->to, "%s%*s%s", text, pad, "", is_last ? "\n" : "");
    }
    mem_free(widths);
}

/* ---- rows ---- */

static void
columns_take(struct output *o, const PGresult *result)
{
    o->columns_known = true;
    o->columns_count = PQnfields(result);
    if (o->layout == OUTPUT_TABLE && !o->json) {
        for (int column = 0; column < o->columns_count; column++) {
            cell_add(o, PQfname(result, column));
        }
    }
}

static void
row_print(struct output *o, const PGresult *result, int row)
{
    if (o->json) {
        (void)fputs(o->rows == 0 ? "[\n  " : ",\n  ", o->to);
        json_row(o->to, result, row);
        return;
    }
    switch (o->layout) {
    case OUTPUT_LINES:
        (void)fprintf(o->to, "%s\n", PQgetvalue(result, row, 0));
        break;
    case OUTPUT_STEPS:
        step_row(o, result, row);
        break;
    case OUTPUT_TABLE:
        table_row(o, result, row);
        break;
    case OUTPUT_RECORD:
        record_row(o, result, row);
        break;
    }
}

void
output_rows(struct output *o, const PGresult *result)
{
    if (!o->columns_known) {
        columns_take(o, result);
    }
    const int wanted = o->layout == OUTPUT_STEPS ? STEP_COLUMNS : 1;
    if (PQnfields(result) != o->columns_count || o->columns_count < wanted) {
        return; /* no console of ours */
    }
    for (int row = 0; row < PQntuples(result); row++) {
        row_print(o, result, row);
        o->rows++;
        (void)fflush(o->to);
    }
}

void
output_end(struct output *o)
{
    if (o->ended) {
        return;
    }
    o->ended = true;
    if (o->json) {
        (void)fputs(o->rows == 0 ? "[]\n" : "\n]\n", o->to);
    } else if (o->layout == OUTPUT_TABLE && o->columns_known && o->columns_count > 0) {
        table_print(o);
    }
    (void)fflush(o->to);
}
