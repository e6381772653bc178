/* side.c — the two sides of a pair. See side.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "model/side.h"

static const char *const names[SIDES_COUNT] = {SIDE_VALUES(WORDS_NAME)};

const char *
side_name(enum side side)
{
    CHECK((unsigned)side < SIDES_COUNT);
    return names[side];
}

enum side
side_other(enum side side)
{
    CHECK((unsigned)side < SIDES_COUNT);
    return side == SIDE_BLUE ? SIDE_GREEN : SIDE_BLUE;
}

bool
side_parse(const char *word, enum side *out)
{
    unsigned value;
    if (!words_find(names, SIDES_COUNT, word, &value)) {
        return false;
    }
    *out = (enum side)value;
    return true;
}
