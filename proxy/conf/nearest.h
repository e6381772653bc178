/* nearest.h — "did you mean": the name that a misspelt one is nearest to.
 *
 *     struct nearest n = {.name = "listen_prt"};
 *     nearest_try(&n, "listen_addr");
 *     nearest_try(&n, "listen_port");
 *     n.nearest is "listen_port", or NULL when none is near */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_NEAREST_H
#define TEAL_CONF_NEAREST_H

#include "conf/keys.h"

struct nearest {
    const char *name;    /* borrowed: the misspelt one */
    const char *nearest; /* borrowed, as it was given; NULL so far */
    size_t distance;     /* between the two */
};

/* Another name that may be meant, of at most 48 bytes. */
void nearest_try(struct nearest *n, const char *candidate);

/* The key of the section, or the section; NULL when none is near. */
const char *nearest_key(enum conf_section section, const char *name);
const char *nearest_section(const char *name);

#endif
