/* nearest.h — "did you mean": the name that a misspelt one is nearest to. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_NEAREST_H
#define TEAL_CONF_NEAREST_H

#include "conf/keys.h"

/* The key of the section, or the section; NULL when none is near. */
const char *nearest_key(enum conf_section section, const char *name);
const char *nearest_section(const char *name);

#endif
