/* mem.c — malloc with a policy. See mem.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void *
xcalloc(size_t n, size_t size)
{
    void *p = calloc(n == 0 ? 1 : n, size == 0 ? 1 : size);
    CHECK(p != NULL);
    return p;
}

void *
xrealloc(void *p, size_t size)
{
    void *grown = realloc(p, size == 0 ? 1 : size);
    CHECK(grown != NULL);
    return grown;
}

char *
xstrdup(const char *s)
{
    return xstrndup(s, strlen(s));
}

char *
xstrndup(const char *s, size_t len)
{
    CHECK(len < SIZE_MAX);
    char *copy = xcalloc(1, len + 1);
    if (len > 0) {
        memcpy(copy, s, len);
    }
    return copy;
}

char *
xasprintf(const char *fmt, ...)
{
    va_list args;
    char *text = NULL;
    va_start(args, fmt);
    const int len = vasprintf(&text, fmt, args);
    va_end(args);
    CHECK(len >= 0);
    return text;
}

void *
mem_try_realloc(void *p, size_t size)
{
    return realloc(p, size);
}

void
mem_free(void *p)
{
    free(p);
}

void
mem_wipe_free(void *p, size_t len)
{
    if (p != NULL) {
        explicit_bzero(p, len);
    }
    free(p);
}
