/* percent.c — shares in hundredths of a percent. See percent.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "model/percent.h"

#include "base/digits.h"

/* ".5" or ".25" off the front of the text; 0 when it does not begin with a point. */
static bool
decimals_take(const char **text, uint64_t *out)
{
    *out = 0;
    if (**text != '.') {
        return true;
    }
    const char *digits = *text + 1;
    *text = digits;
    if (!digits_take(text, 10, out) || *text - digits > 2) {
        return false;
    }
    *out *= *text - digits == 1 ? 10 : 1;
    return true;
}

bool
percent_parse(const char *text, uint32_t *out)
{
    uint64_t whole;
    uint64_t decimals;
    *out = 0;
    if (!digits_take(&text, 10, &whole) || whole > PERCENT_ALL / PERCENT_ONE ||
        !decimals_take(&text, &decimals)) {
        return false;
    }
    const uint64_t hundredths = whole * PERCENT_ONE + decimals;
    text += *text == '%' ? 1 : 0;
    if (*text != '\0' || hundredths > PERCENT_ALL) {
        return false;
    }
    *out = (uint32_t)hundredths;
    return true;
}
