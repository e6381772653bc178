/* log.h — one line, one fact.
 *
 *     2026-11-20 11:30:00.123 UTC info session=17 user="app" msg="client connected" addr=::1
 *
 * The caller gives the message and the keys of this fact; the owner's context (what it is about) is
 * printed by the logger. Keys are stable, lower case, with the unit in the name. The sink and the
 * level are the only global state of the program. Threads may log at the same time: a line is one
 * write(2). */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_LOG_H
#define TEAL_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"
#include "base/words.h"

#define LOG_LEVEL_VALUES(X)                               \
    X(LOG_LEVEL_ERROR, "error") /* someone must act */    \
    X(LOG_LEVEL_WARN, "warn")   /* may become an error */ \
    X(LOG_LEVEL_INFO, "info")   /* state changes */       \
    X(LOG_LEVEL_DEBUG, "debug") /* decisions */

enum log_level { LOG_LEVEL_VALUES(WORDS_VALUE) };

/* What a line is about. Strings are borrowed from the owner, which embeds the context; NULL is left
 * out. */
struct log_ctx {
    const char *kind; /* "session", "backend", "cutover", ... */
    uint64_t id;      /* the same number as in SHOW; 0 is left out */
    const char *user;
    const char *database;
    const char *node; /* "blue", "green" */
};

/* Opens the sink: a file, or standard error when path is NULL or empty. False with errno on
 * failure; the sink before stays in use. Call again after the file was rotated. */
MUST_CHECK bool log_open(const char *path);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);

/* ctx may be NULL. fmt gives the keys of the fact, "from=%s took_ms=%u", or "" for none. Values
 * that may hold spaces are quoted by the caller with \"...\"; control bytes are escaped by the
 * logger. */
void log_line(enum log_level level, const struct log_ctx *ctx, const char *msg, const char *fmt,
              ...) PRINTF_LIKE(4, 5);

#define log_error(...) log_line(LOG_LEVEL_ERROR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
