/* log.c — one line, one fact. See log.h.
 *
 * A line is formatted on the stack and written by one write(2) on an O_APPEND descriptor, so that
 * lines of several threads never mix and no lock is held while the disk is slow. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"

enum { LOG_LINE_MAX = 2048 };

static const char *const level_names[] = {LOG_LEVEL_VALUES(WORDS_NAME)};

static struct {
    _Atomic int fd;
    _Atomic int level;
} sink = {STDERR_FILENO, LOG_LEVEL_INFO};

bool
log_open(const char *path)
{
    int fd = STDERR_FILENO;
    if (path != NULL && path[0] != '\0') {
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
        if (fd == -1) {
            return false;
        }
    }
    const int before = atomic_exchange(&sink.fd, fd);
    /* Another thread may be inside write() on the descriptor before: keep its number valid, point
     * it at the new file instead of closing it. Costs one descriptor per reopening of a rotated
     * log. */
    if (before != STDERR_FILENO && fd != STDERR_FILENO) {
        (void)dup2(fd, before);
    }
    return true;
}

void
log_set_level(enum log_level level)
{
    atomic_store(&sink.level, (int)level);
}

bool
log_enabled(enum log_level level)
{
    return (int)level <= atomic_load_explicit(&sink.level, memory_order_relaxed);
}

struct line {
    char text[LOG_LINE_MAX];
    size_t len;
};

static void PRINTF_LIKE(2, 0) line_vadd(struct line *line, const char *fmt, va_list args)
{
    const size_t room = sizeof(line->text) - 1 - line->len; /* one byte for the newline */
    const int n = vsnprintf(line->text + line->len, room, fmt, args);
    if (n > 0) {
        line->len += (size_t)n < room ? (size_t)n : room - 1;
    }
}

static void PRINTF_LIKE(2, 3) line_add(struct line *line, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    line_vadd(line, fmt, args);
    va_end(args);
}

/* A quote in a name must not forge a key. */
static void
line_add_quoted(struct line *line, const char *key, const char *value)
{
    line_add(line, " %s=\"", key);
    for (const char *c = value; *c != '\0'; c++) {
        line_add(line, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    }
    line_add(line, "\"");
}

static void
line_add_ctx(struct line *line, const struct log_ctx *ctx)
{
    if (ctx == NULL) {
        return;
    }
    if (ctx->kind != NULL && ctx->id != 0) {
        line_add(line, " %s=%llu", ctx->kind, (unsigned long long)ctx->id);
    }
    if (ctx->node != NULL) {
        line_add(line, " node=%s", ctx->node);
    }
    if (ctx->user != NULL) {
        line_add_quoted(line, "user", ctx->user);
    }
    if (ctx->database != NULL) {
        line_add_quoted(line, "database", ctx->database);
    }
}

/* What came from outside must not forge a second line or drive a terminal. */
static void
line_escape(struct line *line)
{
    for (size_t i = 0; i < line->len; i++) {
        const unsigned char c = (unsigned char)line->text[i];
        if (c < 0x20 || c == 0x7f) {
            line->text[i] = '?';
        }
    }
}

void
log_line(enum log_level level, const struct log_ctx *ctx, const char *msg, const char *fmt, ...)
{
    if (!log_enabled(level)) {
        return;
    }
    const int saved = errno;
    struct line line;
    line.len = 0;
    char now[CLOCK_TEXT_SIZE];
    clock_format(clock_wall_us(), now, sizeof(now));
    line_add(&line, "%s %s", now, level_names[level]);
    line_add_ctx(&line, ctx);
    line_add(&line, " msg=\"%s\"%s", msg, fmt[0] == '\0' ? "" : " ");
    va_list args;
    va_start(args, fmt);
    line_vadd(&line, fmt, args);
    va_end(args);
    line_escape(&line);
    line.text[line.len++] = '\n';
    /* A full disk must not stop the proxy: a line that cannot be written is lost. */
    const ssize_t n = write(atomic_load(&sink.fd), line.text, line.len);
    (void)n;
    errno = saved;
}
