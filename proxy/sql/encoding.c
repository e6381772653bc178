/* encoding.c — the bytes of a text. See encoding.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "sql/encoding.h"

#include <string.h>

/* The client encodings of PostgreSQL whose characters may hold ASCII bytes (manual, "Character Set
 * Support": those that are not allowed on the server). */
static const char *const unsafe_encodings[] = {
    "BIG5", "GB18030", "GBK", "JOHAB", "SHIFT_JIS_2004", "SJIS", "UHC",
};

#define ONES 0x0101010101010101ULL
#define HIGHS 0x8080808080808080ULL

/* The length of the UTF-8 character at p, or 0 when it is none that the server takes (RFC 3629). */
static size_t
utf8_len(const uint8_t *p, size_t left)
{
    CHECK(left > 0);
    const uint8_t c = p[0];
    const size_t len = c < 0x80 ? 1 : c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
    if (len == 1) {
        return 1;
    }
    if (c < 0xc2 || c > 0xf4 || len > left) {
        return 0;
    }
    /* The second byte decides over-long forms, surrogates and what lies beyond U+10FFFF. */
    const uint8_t low = c == 0xe0 ? 0xa0 : c == 0xf0 ? 0x90 : 0x80;
    const uint8_t high = c == 0xed ? 0x9f : c == 0xf4 ? 0x8f : 0xbf;
    if (p[1] < low || p[1] > high) {
        return 0;
    }
    for (size_t i = 2; i < len; i++) {
        if ((p[i] & 0xc0) != 0x80) {
            return 0;
        }
    }
    return len;
}

bool
sql_is_utf8(struct slice text)
{
    size_t len = 1;
    for (size_t at = 0; at < text.len && len > 0; at += len) {
        len = utf8_len(text.p + at, text.len - at);
    }
    return len > 0;
}

/* Adds to *backslashes what is not zero when one of the eight bytes is a backslash. False when one
 * is a NUL or not ASCII. */
static bool
ascii_word(const uint8_t *p, uint64_t *backslashes)
{
    uint64_t word;
    memcpy(&word, p, sizeof(word));
    /* A byte that is zero borrows from its neighbour, and then its high bit is set; the others are
     * small. */
    if (((word | (word - ONES)) & HIGHS) != 0) {
        return false;
    }
    *backslashes |= ((word ^ (ONES * '\\')) - ONES) & HIGHS;
    return true;
}

/* Eight bytes at a time through what is plain ASCII; the rest byte by byte, but for an end in
 * ASCII, which is read once more together with the bytes before it. */
bool
sql_text_check(struct slice text, bool *utf8, bool *backslash)
{
    const uint8_t *p = text.p;
    const uint8_t *const end = text.len == 0 ? p : p + text.len;
    uint64_t backslashes = 0;
    bool valid = true;
    *utf8 = true;
    *backslash = false;
    while (p < end) {
        if (end - p >= 8 && ascii_word(p, &backslashes)) {
            p += 8;
            continue;
        }
        if (end - p < 8 && text.len >= 8 && ascii_word(end - 8, &backslashes)) {
            break;
        }
        if (*p == '\0') {
            *utf8 = valid;
            return false;
        }
        const size_t len = utf8_len(p, (size_t)(end - p));
        valid = valid && len != 0;
        backslashes |= (uint64_t)(*p == '\\');
        p += len == 0 ? 1 : len;
    }
    *utf8 = valid;
    *backslash = backslashes != 0;
    return true;
}

bool
sql_encoding_is_safe(const char *encoding)
{
    for (size_t i = 0; i < COUNT_OF(unsafe_encodings); i++) {
        if (slice_equal_nocase(slice_of_str(encoding), unsafe_encodings[i])) {
            return false;
        }
    }
    return true;
}
