/* facts.h — the checks that need no question of their own: what the looks, the workers and the
 * monitor have told. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_PREFLIGHT_FACTS_H
#define TEAL_CUTOVER_PREFLIGHT_FACTS_H

#include <stdbool.h>

#include "cutover/preflight/findings.h"

/* False when it makes no sense to ask further. */
bool facts_check(struct cutover *c, struct findings *f);

#endif
