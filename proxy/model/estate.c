/* estate.c — the numbers of the servers of an estate. See estate.h. */
/* SPDX-License-Identifier: PostgreSQL */
#include "model/estate.h"

bool
node_id_equal(const struct node_id *a, const struct node_id *b)
{
    return a->pair == b->pair && a->side == b->side && a->node == b->node;
}
