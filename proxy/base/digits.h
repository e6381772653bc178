/* digits.h — whole numbers as people write them: digits only, no sign, no blanks, no overflow. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_BASE_DIGITS_H
#define TEAL_BASE_DIGITS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/check.h"

/* Takes the digits of the base, 2 to 10, off the front of *text. False, with *text as it was, when
 * there is none or the number has more than 64 bits. */
MUST_CHECK bool digits_take(const char **text, unsigned base, uint64_t *out);

#endif
