/* duration.c — times as an operator writes them. See duration.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "admin/duration.h"

#include <strings.h>

#include "base/digits.h"

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
    if (!digits_take(&text, 10, &n) || n > 1000000) {
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
