/* node.c — looks facts up. See node.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "monitor/node.h"

#include "base/check.h"

const struct node_facts *
facts_lead(const struct monitor_facts *facts, enum side side)
{
    const struct side_facts *s = &facts->side[side];
    CHECK((size_t)side < SIDES_COUNT && s->lead < NODES_MAX);
    return &s->node[s->lead];
}
