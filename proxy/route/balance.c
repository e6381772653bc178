/* balance.c — which of several servers a read goes to. See balance.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "route/balance.h"

enum { TURN = 1000 * 1000 }; /* how far the turn of a server of weight 1 moves */

/* A server that may not be chosen by weight is asked when there is no other. */
static uint64_t
weight_of(const struct view_side *side, uint32_t node)
{
    return side->node[node].weight == 0 ? 1 : side->node[node].weight;
}

static bool
is_before(const struct balance *b, const struct view_side *side, uint32_t node, uint32_t other)
{
    const uint64_t busy = b->busy[node] * weight_of(side, other);
    const uint64_t busy_other = b->busy[other] * weight_of(side, node);
    return busy < busy_other || (busy == busy_other && b->turn[node] < b->turn[other]);
}

static uint32_t
without_those_away(const struct balance *b, uint32_t nodes, uint64_t now_us)
{
    uint32_t there = nodes;
    for (uint32_t i = 0; i < NODES_MAX; i++) {
        if (b->away_until_us[i] > now_us) {
            there &= ~(1U << i);
        }
    }
    return there == 0 ? nodes : there;
}

uint32_t
balance_pick(struct balance *b, const struct view_side *side, uint32_t nodes, uint64_t now_us)
{
    CHECK(nodes != 0 && nodes < 1U << NODES_MAX);
    if ((nodes & (nodes - 1)) == 0) {
        return (uint32_t)__builtin_ctz(nodes);
    }
    nodes = without_those_away(b, nodes, now_us);
    uint32_t picked = (uint32_t)__builtin_ctz(nodes);
    for (uint32_t i = picked + 1; i < NODES_MAX; i++) {
        if ((nodes & 1U << i) != 0 && is_before(b, side, i, picked)) {
            picked = i;
        }
    }
    /* One that was away for a while does not get all that it missed. */
    if (b->turn[picked] < b->now) {
        b->turn[picked] = b->now;
    }
    b->now = b->turn[picked];
    b->turn[picked] += TURN / weight_of(side, picked);
    return picked;
}

void
balance_avoid(struct balance *b, uint32_t node, uint64_t until_us)
{
    CHECK(node < NODES_MAX);
    b->away_until_us[node] = until_us;
}
