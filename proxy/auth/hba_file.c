/* hba_file.c — the lines and words of pg_hba.conf and pg_ident.conf. See hba_file.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/hba_file.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/mem.h"

enum { FILE_MAX = 4 * 1024 * 1024, WORDS_MAX = 1000 };

bool
hba_mistake(struct hba_reading *l, const char *fmt, ...)
{
    char text[256];
    va_list args;
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);
    buf_printf(l->mistakes, "%s:%u: %s\n", l->path, l->number, text);
    l->failed = true;
    return false;
}

void
hba_field_fini(struct hba_field *f)
{
    for (size_t i = 0; i < f->count; i++) {
        mem_free(f->words[i].text);
    }
    mem_free(f->words);
    *f = (struct hba_field){NULL, 0};
}

static void
line_fini(struct hba_line *line)
{
    for (size_t i = 0; i < line->count; i++) {
        hba_field_fini(&line->fields[i]);
    }
    line->count = 0;
}

static bool
is_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void
skip_blanks(struct slice *in)
{
    while (in->len > 0 && is_blank(in->p[0])) {
        *in = slice_of(in->p + 1, in->len - 1);
    }
}

/* One word: up to a blank, a comma or a comment, unless within quotes; "" within quotes is one. */
static bool
take_word(struct hba_reading *l, struct slice *in, struct hba_word *out)
{
    char *text = xcalloc(1, in->len + 1);
    size_t len = 0;
    size_t at = 0;
    bool inside = false;
    bool quoted = false;
    for (; at < in->len; at++) {
        const uint8_t c = in->p[at];
        if (!inside && (is_blank(c) || c == ',' || c == '#')) {
            break;
        }
        if (c != '"') {
            text[len++] = (char)c;
            continue;
        }
        if (inside && at + 1 < in->len && in->p[at + 1] == '"') {
            text[len++] = '"';
            at++;
            continue;
        }
        inside = !inside;
        quoted = true;
    }
    *in = slice_of(in->p + at, in->len - at);
    *out = (struct hba_word){text, quoted};
    if (inside || strlen(text) != len) {
        mem_free(text);
        return hba_mistake(l, inside ? "a quote that does not end" : "a zero byte in the line");
    }
    return true;
}

static bool
take_field(struct hba_reading *l, struct slice *in, struct hba_field *f)
{
    *f = (struct hba_field){NULL, 0};
    for (;;) {
        struct hba_word word;
        if (f->count == WORDS_MAX) {
            return hba_mistake(l, "more than %d words in a list", WORDS_MAX);
        }
        if (!take_word(l, in, &word)) {
            return false;
        }
        if (word.text[0] != '\0' || word.quoted) {
            f->words = xrealloc(f->words, (f->count + 1) * sizeof(*f->words));
            f->words[f->count++] = word;
        } else {
            mem_free(word.text);
        }
        skip_blanks(in);
        if (in->len == 0 || in->p[0] != ',') {
            return f->count > 0 || hba_mistake(l, "a list without a word");
        }
        *in = slice_of(in->p + 1, in->len - 1);
        skip_blanks(in);
    }
}

/* True for a line that says something. */
static bool
take_line(struct hba_reading *l, struct slice in, struct hba_line *line)
{
    line->count = 0;
    for (skip_blanks(&in); in.len > 0 && in.p[0] != '#'; skip_blanks(&in)) {
        if (line->count == HBA_FIELDS_MAX) {
            return hba_mistake(l, "more than %d columns", HBA_FIELDS_MAX);
        }
        if (!take_field(l, &in, &line->fields[line->count++])) {
            return false;
        }
    }
    return line->count > 0;
}

void
hba_each_line(struct hba_reading *l, struct slice text, hba_line_fn *fn, void *to)
{
    while (text.len > 0) {
        struct hba_line line;
        const uint8_t *end = memchr(text.p, '\n', text.len);
        const size_t len = end == NULL ? text.len : (size_t)(end - text.p);
        l->number++;
        if (take_line(l, slice_of(text.p, len), &line)) {
            fn(l, &line, to);
        }
        line_fini(&line);
        const size_t skip = end == NULL ? len : len + 1;
        text = slice_of(text.p + skip, text.len - skip);
    }
}

const char *
hba_single(struct hba_reading *l, const struct hba_field *f, const char *what)
{
    if (f->count != 1) {
        (void)hba_mistake(l, "%s cannot be a list", what);
        return NULL;
    }
    return f->words[0].text;
}

bool
hba_read_file(const char *path, struct buf *text, struct buf *mistakes)
{
    struct err err;
    if (!file_read(path, FILE_MAX, text, &err)) {
        buf_printf(mistakes, "%s:0: %s\n", path, err.text);
        return false;
    }
    return true;
}
