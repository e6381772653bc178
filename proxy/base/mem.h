/* mem.h — the only place that calls malloc and free.
 *
 * xcalloc and friends are for the control plane and for small bounded objects: they abort when
 * memory is gone. Buffers of the data path use mem_try_realloc, whose failure closes one session
 * with 53200. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_MEM_H
#define TEAL_BASE_MEM_H

#include <stddef.h>

#include "base/check.h"

/* Zeroed memory for n objects of the size; aborts when there is none. The caller owns it: mem_free.
 */
void *xcalloc(size_t n, size_t size) __attribute__((malloc, returns_nonnull));
void *xrealloc(void *p, size_t size) __attribute__((returns_nonnull));
char *xstrdup(const char *s) __attribute__((malloc, returns_nonnull));
/* The first len bytes of s as a string of their own. */
char *xstrndup(const char *s, size_t len) __attribute__((malloc, returns_nonnull));
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2) __attribute__((malloc, returns_nonnull));

/* NULL when memory is gone; p is then still valid. */
MUST_CHECK void *mem_try_realloc(void *p, size_t size);

/* mem_free(NULL) is fine. */
void mem_free(void *p);
/* For secrets: wipes len bytes first, in a way the compiler keeps. */
void mem_wipe_free(void *p, size_t len);

#endif
