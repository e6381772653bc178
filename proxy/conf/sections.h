/* sections.h — the sections of a file: what each head means, and whether together they are an
 * estate.
 *
 *     [teal] [databases]              in any order, also in several pieces
 *     [pair] [blue] [green]           the only pair, which has no name but that of a key; or
 *     [pair a] [blue a] [green a]     each pair; every section once, and none may be missing
 *
 * A pair begins with the first section that names it, whichever of the three it is. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_SECTIONS_H
#define TEAL_CONF_SECTIONS_H

#include "base/slice.h"
#include "conf/mistakes.h"
#include "conf/origin.h"

struct sections {
    struct conf *conf;              /* borrowed; gets the pairs */
    struct conf_origin *origin;     /* borrowed; gets the lines of the heads */
    struct conf_mistakes *mistakes; /* borrowed */
    bool any;                       /* a head was seen */
    bool known;                     /* the last one means something; then the next two hold */
    enum conf_section now;
    uint32_t pair;
    bool mixed;  /* names are there and missing: reported once */
    bool broken; /* the pairs are not those that were meant; reported */
};

/* What stands in the brackets, without blanks around it. */
void sections_enter(struct sections *s, struct slice text, unsigned line);
/* The last head was no head. */
void sections_enter_unknown(struct sections *s);
/* At the end: makes the only pair of a file that has none, and reports what is missing. */
void sections_end(struct sections *s);

#endif
