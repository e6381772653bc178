/* quantity.c — numbers, times and percentages as an operator writes them. See quantity.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/quantity.h"

#include <strings.h>

#include "topo/view.h"

bool
digits_parse(const char **text, uint64_t max, uint64_t *out)
{
    const char *p = *text;
    uint64_t n = 0;
    while (*p >= '0' && *p <= '9') {
        const uint64_t digit = (uint64_t)(*p - '0');
        if (n > (max - digit) / 10) {
            return false;
        }
        n = n * 10 + digit;
        p++;
    }
    const bool any = p != *text;
    *text = p;
    *out = n;
    return any;
}

bool
duration_parse(const char *text, uint64_t *out_us)
{
    static const struct {
        const char *unit;
        uint64_t us;
    } units[] = {{"", 1000000},     {"us", 1},          {"ms", 1000},       {"s", 1000000},
                 {"min", 60000000}, {"h", 3600000000U}, {"d", 86400000000U}};
    uint64_t n;
    *out_us = 0;
    if (!digits_parse(&text, 1000000, &n)) {
        return false;
    }
    for (size_t i = 0; i < COUNT_OF(units); i++) {
        if (strcasecmp(text, units[i].unit) == 0) {
            *out_us = n * units[i].us;
            return true;
        }
    }
    return false;
}

bool
percent_parse(const char *text, uint32_t *out)
{
    uint64_t whole;
    uint64_t hundredths = 0;
    *out = 0;
    if (!digits_parse(&text, 100, &whole)) {
        return false;
    }
    if (*text == '.') {
        const char *digits = ++text;
        if (!digits_parse(&text, 99, &hundredths) || text - digits > 2) {
            return false;
        }
        hundredths *= text - digits == 1 ? 10 : 1;
    }
    text += *text == '%' ? 1 : 0;
    if (*text != '\0' || whole * 100 + hundredths > PERCENT_ALL) {
        return false;
    }
    *out = (uint32_t)(whole * 100 + hundredths);
    return true;
}
