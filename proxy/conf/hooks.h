/* hooks.h — what the keys of the hooks must obey together. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CONF_HOOKS_H
#define TEAL_CONF_HOOKS_H

#include "conf/fields.h"
#include "conf/mistakes.h"

struct conf_origin;

/* An external pair has the hooks that it cannot do without, another one none but those for
 * failover; those come in pairs; and every program is there and may be run. */
void conf_hooks_check(const struct conf *c, const struct conf_origin *origin,
                      struct conf_mistakes *mistakes);

#endif
