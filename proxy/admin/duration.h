/* duration.h — times as an operator writes them: "5s", "200ms", "2" (seconds), with the units of
 * teal.ini: us ms s min h d. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_DURATION_H
#define TEAL_ADMIN_DURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

/* *out_us is 0 when the text is none. */
MUST_CHECK bool duration_parse(const char *text, uint64_t *out_us);

#endif
