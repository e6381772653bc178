/* base64.c — base64, strict. See base64.h.
 *
 * OpenSSL's EVP_DecodeBlock skips blanks and counts padding as bytes; a message of an
 * authentication exchange deserves one spelling only, so the few lines are here. */
/* SPDX-License-Identifier: PostgreSQL */
#include "auth/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char pad = '=';

void
base64_put(struct buf *out, struct slice bytes)
{
    for (size_t i = 0; i < bytes.len; i += 3) {
        const size_t left = bytes.len - i;
        uint32_t bits = (uint32_t)bytes.p[i] << 16;
        bits |= left > 1 ? (uint32_t)bytes.p[i + 1] << 8 : 0;
        bits |= left > 2 ? (uint32_t)bytes.p[i + 2] : 0;
        const char quad[4] = {digits[bits >> 18 & 63], digits[bits >> 12 & 63],
                              left > 1 ? digits[bits >> 6 & 63] : pad,
                              left > 2 ? digits[bits & 63] : pad};
        buf_put(out, quad, sizeof(quad));
    }
}

/* The value of a digit, or -1. */
static int
digit_value(uint8_t c)
{
    if (c >= 'A' && c <= 'Z') {
        return c - 'A';
    }
    if (c >= 'a' && c <= 'z') {
        return c - 'a' + 26;
    }
    if (c >= '0' && c <= '9') {
        return c - '0' + 52;
    }
    if (c == '+') {
        return 62;
    }
    return c == '/' ? 63 : -1;
}

/* How many = end the text: 0, 1 or 2. */
static size_t
padding_len(struct slice text)
{
    if (text.p[text.len - 1] != '=') {
        return 0;
    }
    return text.p[text.len - 2] == '=' ? 2 : 1;
}

/* Four digits, of which the last `padding` count as zero. False when one is no digit. */
static bool
quad_decode(const uint8_t *p, size_t padding, uint32_t *bits)
{
    *bits = 0;
    for (size_t i = 0; i < 4; i++) {
        const int value = i < 4 - padding ? digit_value(p[i]) : 0;
        if (value < 0) {
            return false;
        }
        *bits = *bits << 6 | (uint32_t)value;
    }
    return true;
}

bool
base64_decode(struct slice text, uint8_t *out, size_t size, size_t *len)
{
    *len = 0;
    if (text.len == 0) {
        return true;
    }
    if (text.len % 4 != 0) {
        return false;
    }
    const size_t padding = padding_len(text);
    const size_t total = text.len / 4 * 3 - padding;
    if (total > size) {
        return false;
    }
    for (size_t i = 0, at = 0; i < text.len; i += 4) {
        const size_t cut = i + 4 == text.len ? padding : 0;
        uint32_t bits = 0;
        if (!quad_decode(text.p + i, cut, &bits)) {
            return false;
        }
        if (cut != 0 && (bits & ((UINT32_C(1) << (8 * cut)) - 1)) != 0) {
            return false; /* bits behind the last byte: a second spelling of the same bytes */
        }
        for (size_t k = 0; k < 3 - cut; k++, at++) {
            out[at] = (uint8_t)(bits >> (16 - 8 * k));
        }
    }
    *len = total;
    return true;
}
