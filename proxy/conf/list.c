/* list.c — a list of words, as the value of a key. See list.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/list.h"

#include <string.h>

#include "base/mem.h"

static void
list_add(struct conf_list *list, const char *p, size_t len)
{
    CHECK(len > 0);
    list->items = xrealloc(list->items, (list->count + 1) * sizeof(list->items[0]));
    list->items[list->count++] = xstrndup(p, len);
}

/* Forgets the words from this count on. */
static void
list_truncate(struct conf_list *list, size_t count)
{
    CHECK(count <= list->count);
    while (list->count > count) {
        mem_free(list->items[--list->count]);
    }
}

bool
conf_list_parse(struct conf_list *list, const char *text, struct err *err)
{
    const size_t before = list->count;
    const char *p = text + strspn(text, " \t");
    bool more = *p != '\0';
    while (more) {
        size_t len = strcspn(p, ",");
        const char *end = p + len;
        while (len > 0 && (p[len - 1] == ' ' || p[len - 1] == '\t')) {
            len--;
        }
        if (len == 0) {
            list_truncate(list, before);
            return err_set(err, SQLSTATE_CONFIG_FILE,
                           "nothing stands before or after a comma in \"%.80s\"", text);
        }
        list_add(list, p, len);
        more = *end == ',';
        p = more ? end + 1 + strspn(end + 1, " \t") : end;
    }
    return true;
}

void
conf_list_format(const struct conf_list *list, struct buf *out)
{
    for (size_t i = 0; i < list->count; i++) {
        buf_printf(out, "%s%s", i == 0 ? "" : ", ", list->items[i]);
    }
}

void
conf_list_copy(const struct conf_list *from, struct conf_list *to)
{
    CHECK(to->count == 0);
    for (size_t i = 0; i < from->count; i++) {
        list_add(to, from->items[i], strlen(from->items[i]));
    }
}

bool
conf_list_equal(const struct conf_list *a, const struct conf_list *b)
{
    bool equal = a->count == b->count;
    for (size_t i = 0; equal && i < a->count; i++) {
        equal = strcmp(a->items[i], b->items[i]) == 0;
    }
    return equal;
}

bool
conf_list_has(const struct conf_list *list, const char *word)
{
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i], word) == 0) {
            return true;
        }
    }
    return false;
}

void
conf_list_fini(struct conf_list *list)
{
    list_truncate(list, 0);
    mem_free(list->items);
    *list = (struct conf_list){NULL, 0};
}
