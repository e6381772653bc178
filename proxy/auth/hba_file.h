/* hba_file.h — the lines and words of pg_hba.conf and pg_ident.conf.
 *
 * A line is fields between blanks, a field is words with commas between; quotes take a word its
 * special meaning, and a # begins a comment. A hba_mistake is noted with its line, and the reading
 * goes on, so that all are known at once. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_AUTH_HBA_FILE_H
#define TEAL_AUTH_HBA_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/check.h"
#include "base/slice.h"

enum { HBA_ROWS_MAX = 10000, HBA_FIELDS_MAX = 12 };

struct hba_word {
    char *text;  /* owned */
    bool quoted; /* it means itself, whatever it says */
};

/* Between blanks: words with commas between. */
struct hba_field {
    struct hba_word *words; /* owned */
    size_t count;
};

struct hba_line {
    struct hba_field fields[HBA_FIELDS_MAX];
    size_t count;
};

struct hba_reading {
    const char *path; /* borrowed */
    unsigned number;  /* of the line */
    struct buf *mistakes;
    bool failed;
};

/* Appends "FILE:LINE: TEXT\n" to the mistakes; false. */
bool hba_mistake(struct hba_reading *l, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Calls fn for each line that says something; the line is borrowed for the call. */
typedef void hba_line_fn(struct hba_reading *l, const struct hba_line *line, void *to);
void hba_each_line(struct hba_reading *l, struct slice text, hba_line_fn *fn, void *to);
/* The only word of the field; NULL with a hba_mistake for a list. */
const char *hba_single(struct hba_reading *l, const struct hba_field *f, const char *what);
void hba_field_fini(struct hba_field *f);
/* Whether the file could be read; else a mistake. */
MUST_CHECK bool hba_read_file(const char *path, struct buf *text, struct buf *mistakes);

#endif
