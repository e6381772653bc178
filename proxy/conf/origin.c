/* origin.c — the lines that mistakes name. See origin.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "conf/origin.h"

unsigned
origin_line(const struct conf_origin *origin, enum conf_section section, uint32_t pair,
            const char *key)
{
    struct conf_entry entry;
    const bool found = conf_entry_find(section, pair, key, &entry);
    CHECK(found && entry.number < COUNT_OF(origin->lines));
    return origin->lines[entry.number];
}
