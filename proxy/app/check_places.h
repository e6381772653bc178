/* check_places.h — whether the folders and addresses that a configuration names can be used here.
 *
 * For --check-config: a value may be well written, and Teal still not start with it. It is looked
 * at as the user, and on the machine, that runs the check. Nothing is made or changed. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_APP_CHECK_PLACES_H
#define TEAL_APP_CHECK_PLACES_H

#include "conf/conf.h"
#include "conf/mistakes.h"

void check_places(const struct conf *conf, struct conf_mistakes *mistakes);

#endif
