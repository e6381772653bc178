/* failover.h — transactions that wait because the writer of a side is lost.
 *
 * A failover inside a side changes neither route nor epoch. What would begin on the writer waits in
 * Teal, as under a hold, until the view has a lead that is a primary (lead.h); for failover_hold at
 * most, and no more than failover_hold_max of them over all workers. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LINK_FAILOVER_H
#define TEAL_SESSION_LINK_FAILOVER_H

#include "session/state/session.h"

/* Whether one more transaction may wait for the next writer; if not, the session has ended. */
MUST_CHECK bool failover_has_room(struct session *s);
/* Whether the session has waited for too long for the next writer; then err says so. */
MUST_CHECK bool failover_is_late(const struct session *s, struct err *err);

#endif
