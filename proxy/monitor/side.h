/* side.h — which server stands for a side: its writer node, told by role, and with care.
 *
 * A side is one cluster: a primary and its standbys, which change roles without asking. The server
 * that stands for it is its *lead*: the primary, or where all are standbys the one that would be
 * promoted. What the servers say of themselves is judged here, all together, after each answer:
 *
 *   - A server of another cluster (by its system identifier) is *foreign* and not used. Which
 *     cluster is the right one is settled at the beginning, by most servers, and changes only when
 *     every server of the side says so. In a draw that no row of teal.local_state breaks, none is
 *     used until all agree: who is left when another one goes is not therefore the right one.
 *   - Of two primaries the one of the higher timeline is the lead, for it was promoted later. On
 *     the same timeline it is the one that was the lead before; without that, the one whose row of
 *     teal.local_state has the higher epoch, and without that the one that was hinted at (by the
 *     side's Patroni). Where that does not tell them apart, neither is used.
 *     The others are *stray* and not used.
 *   - A primary of a lower timeline than a lead had before is stray also when it is alone: what was
 *     written on the later one is not there. So is one of the same timeline with an older epoch,
 *     unless it is the lead itself. This is forgotten when every server of the side answers and is
 *     a standby, for then the next primary begins a history of its own.
 *   - While the primary is lost it stays the lead, until another one is there.
 *
 * A side of one server is that server, whatever it says.
 *
 * Pure: facts in, facts out. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MONITOR_SIDE_H
#define TEAL_MONITOR_SIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor/node.h"

/* How long a side waits at the beginning for servers that are not heard of, after the first; and
 * how long the loss of its primary is a reason to hurry. */
enum { SIDE_SETTLE_US = 1000 * 1000, SIDE_URGENT_US = 60 * 1000 * 1000 };

/* What is remembered between answers; all zero is a good beginning. */
struct side_memory {
    uint64_t first_us;          /* when the first server answered; 0: none has */
    uint64_t system_identifier; /* 0: not settled */
    bool is_disputed;           /* there was a draw, and not all agree since */
    uint32_t timeline;          /* of the latest lead that was a primary; 0: none was */
    uint64_t epoch;             /* as that lead's row had it */
    uint32_t hint;              /* the number of a server and one more; 0: none */
    bool has_primary;           /* at the last judgement */
    uint64_t lost_us; /* since when it has none after it had one; 0: it has, or never had */
};

/* Sets the lead, and of each server standing, up, and the error of one that answers and is not to
 * be used. name is "blue" or "green", for the error. */
void side_judge(struct side_memory *memory, struct side_facts *side, const char *name,
                uint64_t now_us);
/* Its primary was lost not long ago: the servers are worth asking more often. */
bool side_is_urgent(const struct side_memory *memory, const struct side_facts *side,
                    uint64_t now_us);

#endif
