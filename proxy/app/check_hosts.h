/* check_hosts.h — where the names of the servers lead, and that no two of them lead to one server.
 *
 * For --check-config. A name that leads nowhere now is a warning: name servers come and go, and
 * Teal starts without them. Two names of one address and port are a mistake: writes would go where
 * they came from. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_APP_CHECK_HOSTS_H
#define TEAL_APP_CHECK_HOSTS_H

#include "conf/conf.h"
#include "conf/mistakes.h"

/* Asks the resolver for each name, and takes as long as it takes. */
void check_hosts(const struct conf *conf, struct conf_mistakes *mistakes,
                 struct conf_mistakes *warnings);

#endif
