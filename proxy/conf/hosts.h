/* hosts.h — the servers of the sides: from the texts that the file gives, and that none stands for
 * two.
 *
 *     host = a, b           port = 5432          both at the port
 *     hosts = a:5432, [::1]:5433, /run/pg:5434 weight=2, b                                      */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_HOSTS_H
#define TEAL_CONF_HOSTS_H

#include "conf/mistakes.h"
#include "conf/origin.h"

/* Fills hosts of every side, which has none yet, and adds a mistake for whatever is wrong. */
void hosts_resolve(struct conf *c, const struct conf_origin *origin,
                   struct conf_mistakes *mistakes);
void hosts_fini(struct conf_side *side);

#endif
