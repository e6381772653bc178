/* err.c — why an operation failed. See err.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

void
err_clear(struct err *err)
{
    err->sqlstate[0] = '\0';
    err->text[0] = '\0';
    err->detail[0] = '\0';
    err->hint[0] = '\0';
}

bool
err_is_set(const struct err *err)
{
    return err->sqlstate[0] != '\0';
}

/* A text that was cut may end in the middle of a UTF-8 letter: the rest of it goes as well. */
static void
drop_half_letter(char *text, size_t len)
{
    size_t start = len;
    while (start > 0 && len - start < 3 && ((unsigned char)text[start - 1] & 0xc0) == 0x80) {
        start--;
    }
    const unsigned char lead = start == 0 ? 0 : (unsigned char)text[start - 1];
    const size_t wanted = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    if (len - start < wanted) {
        text[start - 1] = '\0';
    }
}

static void PRINTF_LIKE(3, 0)
    err_write(struct err *err, const char *sqlstate, const char *fmt, va_list args)
{
    CHECK(strlen(sqlstate) == 5);
    memcpy(err->sqlstate, sqlstate, sizeof(err->sqlstate));
    err->detail[0] = '\0';
    err->hint[0] = '\0';
    const int len = vsnprintf(err->text, sizeof(err->text), fmt, args);
    if (len >= (int)sizeof(err->text)) {
        drop_half_letter(err->text, sizeof(err->text) - 1);
    }
}

bool
err_set(struct err *err, const char *sqlstate, const char *fmt, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, fmt);
        err_write(err, sqlstate, fmt, args);
        va_end(args);
    }
    return false;
}

bool
err_detail(struct err *err, const char *fmt, ...)
{
    if (err != NULL) {
        CHECK(err_is_set(err));
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(err->detail, sizeof(err->detail), fmt, args);
        va_end(args);
    }
    return false;
}

bool
err_hint(struct err *err, const char *fmt, ...)
{
    if (err != NULL) {
        va_list args;
        va_start(args, fmt);
        (void)vsnprintf(err->hint, sizeof(err->hint), fmt, args);
        va_end(args);
    }
    return false;
}

bool
err_set_errno(struct err *err, const char *sqlstate, const char *fmt, ...)
{
    const int saved = errno;
    if (err != NULL) {
        va_list args;
        va_start(args, fmt);
        err_write(err, sqlstate, fmt, args);
        va_end(args);
        const size_t len = strlen(err->text);
        (void)snprintf(err->text + len, sizeof(err->text) - len, ": %s", strerror(saved));
    }
    return false;
}
