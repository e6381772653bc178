/* quantity.h — numbers, times and percentages as an operator writes them. Pure: text in, value out;
 * *out is 0 when the text is none. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_QUANTITY_H
#define TEAL_ADMIN_QUANTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

/* The digits at *text, of which there must be some, as a number of at most max; *text is then what
 * follows. */
MUST_CHECK bool digits_parse(const char **text, uint64_t max, uint64_t *out);
/* "5s", "200ms", "2" (seconds), with the units of teal.ini: us ms s min h d. */
MUST_CHECK bool duration_parse(const char *text, uint64_t *out_us);
/* "5%", "0.25%", "5": hundredths of a percent, at most 10000. */
MUST_CHECK bool percent_parse(const char *text, uint32_t *out);

#endif
