/* text.h — values as people read them: "12 kB", "48 ms", "5 %", "4210". Pure. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ADMIN_TEXT_H
#define TEAL_ADMIN_TEXT_H

#include <stdint.h>

#include "base/buf.h"
#include "base/table.h"

enum { TEXT_VALUE_SIZE = 32 };

/* A short text by value, so that two fit into one printf. */
struct text {
    char s[TEXT_VALUE_SIZE];
};

/* "0 B", "812 B", "12 kB", "3.4 MB", "1.2 GB": powers of 1024, as PostgreSQL says it. */
struct text text_bytes(uint64_t bytes);
/* "0 ms", "48 ms", "1.4 s", "2 min 5 s", "3 h 12 min": rounded to the nearest; under 1 ms is 0 ms.
 */
struct text text_duration(uint64_t us);
/* The same with a digit more for what is short: "0.3 ms", "3.1 ms", "48 ms". */
struct text text_latency(uint64_t us);
/* "5 %", "0.25 %", from hundredths. */
struct text text_percent(uint32_t hundredths);
/* "0/3A001F20". */
struct text text_lsn(uint64_t lsn);

/* The rows of a table as aligned lines: indent in front of each, gap blanks between two columns,
 * none at the end of a line. */
void text_align(const struct table *t, const char *indent, unsigned gap, struct buf *out);

#endif
