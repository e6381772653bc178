/* facts.h — the checks that need no question of their own: what the looks, the workers and the
 * monitor have told. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_PREFLIGHT_FACTS_H
#define TEAL_CUTOVER_PREFLIGHT_FACTS_H

#include <stdbool.h>

#include "base/check.h"
#include "base/err.h"

#include "cutover/preflight/findings.h"

/* False when it makes no sense to ask further. */
bool facts_check(struct cutover *c, struct findings *f);
/* Whether the sides are two servers. False with err and its hint. PREPARE asks as well, for the
 * guard of the follower would fence the writer. */
MUST_CHECK bool facts_servers(const struct cutover *c, struct err *err);
/* Whether every database that is to move is on both sides, and what is on the writer may stay
 * behind. False with err and its hint. PREPARE asks as well. */
MUST_CHECK bool facts_databases(const struct cutover *c, struct err *err);

#endif
