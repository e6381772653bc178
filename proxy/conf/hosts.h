/* hosts.h — the servers of a side, from the texts that the file gives. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_HOSTS_H
#define TEAL_CONF_HOSTS_H

#include "conf/fields.h"

/* Fills hosts from host and port; forgets what was there. */
void hosts_fill(struct conf_side *side);
void hosts_fini(struct conf_side *side);

#endif
