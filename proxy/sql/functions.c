/* functions.c — the table of functions, and the operator's own. See functions.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/functions.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const struct function_row rows[] = {
#define FUNCTION_READ(name) {name, FUNCTION_EFFECT_NONE, SQL_PIN_NONE},
#define FUNCTION_WRITE(name, pins) {name, FUNCTION_EFFECT_WRITE, pins},
#include "sql/functions.def"
#undef FUNCTION_READ
#undef FUNCTION_WRITE
};

/* The server keeps this many bytes of a name; a longer one cannot be the name of a row. */
enum { NAME_LEN_MAX = 63 };

#define NAME_FITS(name) \
    _Static_assert(sizeof(name) > 1 && sizeof(name) - 1 <= NAME_LEN_MAX, name " can be found");
#define FUNCTION_READ(name) NAME_FITS(name)
#define FUNCTION_WRITE(name, pins) NAME_FITS(name)
#include "sql/functions.def"
#undef FUNCTION_READ
#undef FUNCTION_WRITE

struct sql_extra {
    char **names; /* owned, and each name too; sorted, lower case, "name" or "schema.name" */
    size_t count;
};

static uint8_t
lower(uint8_t c)
{
    return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

/* Folds the name into text, with a NUL behind it. False when it is longer than any name can be. */
static bool
name_fold(struct slice name, bool quoted, char text[NAME_LEN_MAX + 1])
{
    if (name.len > NAME_LEN_MAX) {
        return false;
    }
    for (size_t i = 0; i < name.len; i++) {
        text[i] = (char)(quoted ? name.p[i] : lower(name.p[i]));
    }
    text[name.len] = '\0';
    return true;
}

static int
row_compare(const void *key, const void *element)
{
    const struct function_row *row = element;
    return strcmp(key, row->name);
}

const struct function_row *
function_find(struct slice name, bool quoted)
{
    char text[NAME_LEN_MAX + 1];
    if (!name_fold(name, quoted, text)) {
        return NULL;
    }
    return bsearch(text, rows, COUNT_OF(rows), sizeof(rows[0]), row_compare);
}

const struct function_row *
function_rows(uint32_t *count)
{
    *count = COUNT_OF(rows);
    return rows;
}

static int
name_compare(const void *a, const void *b)
{
    const char *const *left = a;
    const char *const *right = b;
    return strcmp(*left, *right);
}

static void
extra_add(struct sql_extra *extra, const char *name, size_t len)
{
    CHECK(len > 0);
    extra->names = xrealloc(extra->names, (extra->count + 1) * sizeof(*extra->names));
    char *copy = xstrndup(name, len);
    for (char *c = copy; *c != '\0'; c++) {
        *c = (char)lower((uint8_t)*c);
    }
    extra->names[extra->count++] = copy;
}

struct sql_extra *
sql_extra_new(const char *list)
{
    static const char between[] = ", \t\r\n";
    struct sql_extra *extra = xcalloc(1, sizeof(*extra));
    const char *at = list == NULL ? "" : list;
    for (;;) {
        at += strspn(at, between);
        const size_t len = strcspn(at, between);
        if (len == 0) {
            break;
        }
        extra_add(extra, at, len);
        at += len;
    }
    if (extra->count > 1) {
        qsort(extra->names, extra->count, sizeof(*extra->names), name_compare);
    }
    return extra;
}

void
sql_extra_free(struct sql_extra *extra)
{
    if (extra == NULL) {
        return;
    }
    for (size_t i = 0; i < extra->count; i++) {
        mem_free(extra->names[i]);
    }
    mem_free(extra->names);
    mem_free(extra);
}

bool
sql_extra_has(const struct sql_extra *extra, struct slice schema, struct slice name)
{
    if (extra == NULL || extra->count == 0) {
        return false;
    }
    char text[2 * (NAME_LEN_MAX + 1)];
    size_t at = 0;
    if (schema.len > 0) {
        if (!name_fold(schema, false, text)) {
            return false;
        }
        at = schema.len;
        text[at++] = '.';
    }
    CHECK(at <= NAME_LEN_MAX + 1); /* so a second name fits behind it */
    if (!name_fold(name, false, text + at)) {
        return false;
    }
    const char *const key = text;
    return bsearch(&key, extra->names, extra->count, sizeof(*extra->names), name_compare) != NULL;
}
