/* checks.h — what belongs to the configuration but is not in teal.ini. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_APP_CHECKS_H
#define TEAL_APP_CHECKS_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/check.h"
#include "conf/conf.h"

/* Whether the users, certificates and the like can be used; if not, a line "FILE:LINE: TEXT\n" for
 * each mistake. */
MUST_CHECK bool access_check(const struct conf *conf, struct buf *mistakes);

#endif
