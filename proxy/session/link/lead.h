/* lead.h — another server of a side takes the writes now.
 *
 * A backend that may write is used on the lead only. When another server becomes the lead, those of
 * the old one are closed, whatever they do: what is written there now, the new one will not have.
 */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SESSION_LINK_LEAD_H
#define TEAL_SESSION_LINK_LEAD_H

#include "session/state/session.h"

/* The worker has another view of the pair than before. */
void lead_take_view(struct worker *w, uint32_t pair, const struct view *before);

#endif
