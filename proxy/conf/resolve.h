/* resolve.h — what follows from the values of several keys: what one leaves to another, password
 * files, and what makes no sense together although each value is good. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_RESOLVE_H
#define TEAL_CONF_RESOLVE_H

#include "conf/mistakes.h"
#include "conf/origin.h"

/* Fills in what is left open and adds every mistake that it finds. */
void conf_resolve(struct conf *c, const struct conf_origin *origin, struct conf_mistakes *mistakes);

#endif
