/* answers.c — keeps two texts and compares their lines. See answers.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "cutover/preflight/answers.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { SHOWN_MAX = 10 };

void
answers_take(struct answers *a, enum side side, const struct cutover_rows *rows)
{
    CHECK((unsigned)side < SIDES_COUNT);
    struct answer *answer = &a->of[side];
    mem_free(answer->text);
    answer->known = rows->ok;
    answer->denied = !rows->ok && strcmp(rows->err.sqlstate, SQLSTATE_INSUFFICIENT_PRIVILEGE) == 0;
    answer->text = xstrdup(rows->ok ? rows_text(rows, 0, 0) : rows->err.text);
}

void
answers_fini(struct answers *a)
{
    for (int s = 0; s < SIDES_COUNT; s++) {
        mem_free(a->of[s].text);
        a->of[s] = (struct answer){0};
    }
}

/* The lines of a text, in the order of their bytes. */
struct text_lines {
    char **at; /* owned array of pointers into the text */
    size_t count;
};

static int
line_compare(const void *a, const void *b)
{
    const char *const *x = a;
    const char *const *y = b;
    return strcmp(*x, *y);
}

/* Cuts the text up in place. */
static struct text_lines
lines_of(char *text)
{
    size_t count = 0;
    for (const char *p = text; *p != '\0'; p++) {
        count += *p == '\n' ? 1 : 0;
    }
    struct text_lines l = {.at = xcalloc(count + 1, sizeof(char *)), .count = 0};
    for (char *p = text; p != NULL && *p != '\0';) {
        l.at[l.count++] = p;
        p = strchr(p, '\n');
        if (p != NULL) {
            *p++ = '\0';
        }
    }
    CHECK(l.count <= count + 1);
    qsort(l.at, l.count, sizeof(char *), line_compare);
    return l;
}

size_t
answers_missing(struct answers *a, enum side has, enum side lacks, struct buf *out)
{
    CHECK(has != lacks && a->of[has].known && a->of[lacks].known);
    struct text_lines have = lines_of(a->of[lacks].text);
    struct text_lines want = lines_of(a->of[has].text);
    size_t missing = 0;
    for (size_t i = 0; i < want.count; i++) {
        if (bsearch(&want.at[i], have.at, have.count, sizeof(char *), line_compare) != NULL) {
            continue;
        }
        if (missing < SHOWN_MAX) {
            buf_printf(out, "%s%s", missing == 0 ? "" : ", ", want.at[i]);
        }
        missing++;
    }
    if (missing > SHOWN_MAX) {
        buf_printf(out, ", and %zu more", missing - SHOWN_MAX);
    }
    mem_free(have.at);
    mem_free(want.at);
    return missing;
}
