/* percent.h — shares in hundredths of a percent: 10000 is all. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_PERCENT_H
#define TEAL_MODEL_PERCENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

enum {
    PERCENT_ONE = 100,
    PERCENT_ALL = 100 * PERCENT_ONE,
};

/* "5%", "0.25%", "5": at most two decimals, at most PERCENT_ALL; false for anything else. */
MUST_CHECK bool percent_parse(const char *text, uint32_t *out);

#endif
