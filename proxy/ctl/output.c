/* output.c — how tealctl prints rows. See output.h.
 *
 * JSON: an array of objects, one a row, the values strings or null as the console gives them, each
 * row on a line of its own as soon as it arrives, so that a program can follow a cutover. Control
 * characters are escaped; nothing else needs to be. */
/* SPDX-License-Identifier: PostgreSQL */
#include "ctl/output.h"

#include <string.h>

#include "base/check.h"
#include "base/mem.h"

/* Widths of the timeline; a finding's id and name take the wide one. */
enum { STEP_COLUMNS = 4, STEP_WIDTH = 11, STEP_WIDTH_WIDE = 27 };

void
output_init(struct output *o, FILE *to, enum output_layout layout, bool json)
{
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

/* ---- JSON ---- */

/* The length of the UTF-8 character at p, 0 when it is none: the table of RFC 3629. */
static size_t
utf8_len(const unsigned char *p)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max;
        size_t len;
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    if (p[0] < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (p[0] < forms[i].first_min || p[0] > forms[i].first_max) {
            continue;
        }
        if (p[1] < forms[i].second_min || p[1] > forms[i].second_max) {
            return 0;
        }
        for (size_t at = 2; at < forms[i].len; at++) {
            if ((p[at] & 0xC0) != 0x80) {
                return 0;
            }
        }
        return forms[i].len;
    }
    return 0;
}

/* text as a JSON string, quotes included. Bytes that are no UTF-8 become U+FFFD. */
static void
json_string(FILE *to, const char *text)
{
    (void)fputc('"', to); /* errors of the stream show when it is closed */
    while (*text != '\0') {
        unsigned char c[4] = {0};
        (void)memcpy(c, text, strnlen(text, sizeof(c)));
        const size_t len = utf8_len(c);
        if (len == 0) {
            (void)fputs("\\ufffd", to);
        } else if (c[0] == '"' || c[0] == '\\') {
            (void)fprintf(to, "\\%c", c[0]);
        } else if (c[0] < 0x20 || c[0] == 0x7F) {
            (void)fprintf(to, "\\u%04x", c[0]);
        } else {
            (void)fwrite(text, 1, len, to);
        }
        text += len == 0 ? 1 : len;
    }
    (void)fputc('"', to);
}

static void
json_row(struct output *o, const PGresult *result, int row)
{
    (void)fputs(o->rows == 0 ? "[\n  {" : ",\n  {", o->to);
    for (int column = 0; column < PQnfields(result); column++) {
        (void)fputs(column == 0 ? "" : ", ", o->to);
        json_string(o->to, PQfname(result, column));
        (void)fputs(": ", o->to);
        if (PQgetisnull(result, row, column)) {
            (void)fputs("null", o->to);
        } else {
            json_string(o->to, PQgetvalue(result, row, column));
        }
    }
    (void)fputc('}', o->to);
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
        json_row(o, result, row);
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
output_break(struct output *o)
{
    output_end(o);
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
