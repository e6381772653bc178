/* reads.c — which side serves the reads. See reads.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "model/reads.h"

static const char *const names[READS_COUNT] = {READS_VALUES(WORDS_NAME)};

const char *
reads_name(enum reads reads)
{
    CHECK((unsigned)reads < READS_COUNT);
    return names[reads];
}

bool
reads_parse(const char *word, enum reads *out)
{
    unsigned value;
    if (!words_find(names, READS_COUNT, word, &value)) {
        return false;
    }
    *out = (enum reads)value;
    return true;
}

enum side
reads_side(enum reads reads, enum side writer)
{
    CHECK((unsigned)reads < READS_COUNT);
    return reads == READS_FOLLOW ? writer : reads == READS_BLUE ? SIDE_BLUE : SIDE_GREEN;
}
