/* balance.h — which of several servers a read goes to.
 *
 * The server with the least under way for its weight; among equals the one whose turn it is, again
 * by weight. Each worker counts its own sessions: what the others do shows in how long a server
 * takes, and so in how much is under way here. No clock, no system call. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_ROUTE_BALANCE_H
#define TEAL_ROUTE_BALANCE_H

#include <stdint.h>

#include "topo/view.h"

/* Of one side, at one worker; zeroed at first. */
struct balance {
    uint32_t busy[NODES_MAX]; /* transactions under way, of reads and writes; the owner counts */
    uint64_t turn[NODES_MAX]; /* the turn of each server; the lowest is the next */
    uint64_t now;             /* of the server that was picked last */
    uint64_t away_until_us[NODES_MAX]; /* it has just failed: not before, when another will do */
};

/* One of the nodes, a bit for each; at least one. Counts its turn. */
uint32_t balance_pick(struct balance *b, const struct view_side *side, uint32_t nodes,
                      uint64_t now_us);
/* A connection to the node was lost: the monitor will have seen it by then, or it is well. */
void balance_avoid(struct balance *b, uint32_t node, uint64_t until_us);

#endif
