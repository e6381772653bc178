/* digits.c — whole numbers as people write them. See digits.h.
 *
 * By hand, because strtoull accepts signs and blanks and saturates when a number is too large. */
/* SPDX-License-Identifier: PostgreSQL */
#include "base/digits.h"

bool
digits_take(const char **text, unsigned base, uint64_t *out)
{
    CHECK(base >= 2 && base <= 10);
    const char *p = *text;
    uint64_t value = 0;
    *out = 0;
    while (*p >= '0' && *p < (char)('0' + (char)base)) {
        const uint64_t digit = (uint64_t)(*p - '0');
        if (value > (UINT64_MAX - digit) / base) {
            return false;
        }
        value = value * base + digit;
        p++;
    }
    if (p == *text) {
        return false;
    }
    *text = p;
    *out = value;
    return true;
}
