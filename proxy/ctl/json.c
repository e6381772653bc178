/* json.c — rows as JSON. See json.h.
 *
 * Control characters, quotes and backslashes are escaped; nothing else needs to be (RFC 8259). What
 * is no UTF-8 becomes U+FFFD, for a reader must not fail on it. Errors of the stream show when it
 * is closed. */
/* SPDX-License-Identifier: PostgreSQL */
#include "ctl/json.h"

#include <string.h>

#include "base/check.h"

/* The length of the UTF-8 character at p, 0 when it is none: the table of RFC 3629. */
static size_t
utf8_len(const unsigned char *p)
{
    static const struct {
        unsigned char first_min, first_max, second_min, second_max;
        size_t len;
    } forms[] = {
        {0xC2, 0xDF, 0x80, 0xBF, 2}, {0xE0, 0xE0, 0xA0, 0xBF, 3}, {0xE1, 0xEC, 0x80, 0xBF, 3},
        {0xED, 0xED, 0x80, 0x9F, 3}, {0xEE, 0xEF, 0x80, 0xBF, 3}, {0xF0, 0xF0, 0x90, 0xBF, 4},
        {0xF1, 0xF3, 0x80, 0xBF, 4}, {0xF4, 0xF4, 0x80, 0x8F, 4},
    };
    if (p[0] < 0x80) {
        return 1;
    }
    for (size_t i = 0; i < COUNT_OF(forms); i++) {
        if (p[0] < forms[i].first_min || p[0] > forms[i].first_max) {
            continue;
        }
        if (p[1] < forms[i].second_min || p[1] > forms[i].second_max) {
            return 0;
        }
        for (size_t at = 2; at < forms[i].len; at++) {
            if ((p[at] & 0xC0) != 0x80) {
                return 0;
            }
        }
        return forms[i].len;
    }
    return 0;
}

/* text as a JSON string, quotes included. Bytes that are no UTF-8 become U+FFFD. */
static void
json_string(FILE *to, const char *text)
{
    (void)fputc('"', to); /* errors of the stream show when it is closed */
    while (*text != '\0') {
        unsigned char c[4] = {0};
        (void)memcpy(c, text, strnlen(text, sizeof(c)));
        const size_t len = utf8_len(c);
        if (len == 0) {
            (void)fputs("\\ufffd", to);
        } else if (c[0] == '"' || c[0] == '\\') {
            (void)fprintf(to, "\\%c", c[0]);
        } else if (c[0] < 0x20 || c[0] == 0x7F) {
            (void)fprintf(to, "\\u%04x", c[0]);
        } else {
            (void)fwrite(text, 1, len, to);
        }
        text += len == 0 ? 1 : len;
    }
    (void)fputc('"', to);
}

void
json_row(FILE *to, const PGresult *result, int row)
{
    (void)fputc('{', to);
    for (int column = 0; column < PQnfields(result); column++) {
        (void)fputs(column == 0 ? "" : ", ", to);
        json_string(to, PQfname(result, column));
        (void)fputs(": ", to);
        if (PQgetisnull(result, row, column)) {
            (void)fputs("null", to);
        } else {
            json_string(to, PQgetvalue(result, row, column));
        }
    }
    (void)fputc('}', to);
}
