/* mistakes.c — what is wrong with a file of the configuration. See mistakes.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/mistakes.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/mem.h"

enum { MISTAKE_TEXT_MAX = 768 };

void
conf_mistake_add(struct conf_mistakes *m, const char *file, unsigned line, const char *fmt, ...)
{
    va_list args;
    char text[MISTAKE_TEXT_MAX];
    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args); /* a longer text is cut, which is fine */
    va_end(args);
    m->items = xrealloc(m->items, (m->count + 1) * sizeof(m->items[0]));
    m->items[m->count++] = (struct conf_mistake){xstrdup(file), line, xstrdup(text)};
}

void
conf_mistakes_sort(struct conf_mistakes *m, size_t first)
{
    CHECK(first <= m->count);
    for (size_t i = first + 1; i < m->count; i++) {
        const struct conf_mistake moving = m->items[i];
        size_t at = i;
        while (at > first && m->items[at - 1].line - 1 > moving.line - 1) { /* 0 wraps to the end */
            m->items[at] = m->items[at - 1];
            at--;
        }
        m->items[at] = moving;
    }
}

void
conf_mistakes_print(const struct conf_mistakes *m, struct buf *out)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct conf_mistake *mistake = &m->items[i];
        if (mistake->line == 0) {
            buf_printf(out, "%s: %s\n", mistake->file, mistake->text);
            continue;
        }
        buf_printf(out, "%s:%u: %s\n", mistake->file, mistake->line, mistake->text);
    }
}

void
conf_mistakes_fini(struct conf_mistakes *m)
{
    for (size_t i = 0; i < m->count; i++) {
        mem_free(m->items[i].file);
        mem_free(m->items[i].text);
    }
    mem_free(m->items);
    *m = (struct conf_mistakes){NULL, 0};
}
