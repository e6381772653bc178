/* side.c — the two sides of a pair. See side.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "model/side.h"

#include <strings.h>

static const char *const side_names[SIDES_COUNT] = {
    [SIDE_BLUE] = "blue",
    [SIDE_GREEN] = "green",
};

const char *
side_name(enum side side)
{
    return side_names[side];
}

enum side
side_other(enum side side)
{
    return side == SIDE_BLUE ? SIDE_GREEN : SIDE_BLUE;
}

bool
side_parse(const char *word, enum side *out)
{
    for (int i = 0; i < SIDES_COUNT; i++) {
        if (strcasecmp(word, side_names[i]) == 0) {
            *out = (enum side)i;
            return true;
        }
    }
    return false;
}
