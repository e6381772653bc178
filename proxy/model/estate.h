/* estate.h — how large an estate may be: the pairs of one Teal, the servers of one side.
 *
 * - estate: everything that one Teal serves
 * - pair: a blue and a green with their databases; has a route, an epoch and a record of its own
 * - side: blue or green of a pair; one cluster of PostgreSQL, of one or several servers
 * - node: one server of a side; the lead stands for the side, the others are its replicas
 *
 * Pairs are numbered in the order of the file, and so are the nodes of a side. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_MODEL_ESTATE_H
#define TEAL_MODEL_ESTATE_H

#include <stdbool.h>
#include <stdint.h>

#include "model/side.h"

enum {
    PAIRS_MAX = 16,
    NODES_MAX = 8,
    DATABASES_MAX = 1000, /* of a pair, by their names on the servers */
    NAME_LEN_MAX = 63,    /* of a database or role, as PostgreSQL cuts them (NAMEDATALEN) */
};

/* A server of the estate. */
struct node_id {
    uint32_t pair;
    enum side side;
    uint32_t node;
};

bool node_id_equal(const struct node_id *a, const struct node_id *b);

#endif
