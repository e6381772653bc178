/* number.h — whole numbers with the units of teal.ini: from text, to text. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_NUMBER_H
#define TEAL_CONF_NUMBER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum number_unit {
    NUMBER_PLAIN,    /* 12 */
    NUMBER_OCTAL,    /* 0600 */
    NUMBER_DURATION, /* 15s, 100ms; in microseconds */
    NUMBER_SIZE,     /* 64MB; in bytes */
};

/* False with err when the text is no such number or lies outside of min to max; max 0 is none. */
MUST_CHECK bool number_parse(enum number_unit unit, uint64_t min, uint64_t max, const char *text,
                             uint64_t *out, struct err *err);
/* Appends the text that number_parse reads back: in the largest unit that leaves no fraction. */
void number_format(enum number_unit unit, uint64_t number, struct buf *out);

#endif
