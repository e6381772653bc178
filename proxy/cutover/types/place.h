/* place.h — where a statement runs: a side, and one of the databases that move together.
 *
 * Databases are numbered from 0 in the order of the machine's list; 0 is the home database, which
 * has the row that decides, and where statements about the whole server run. The numbers hold until
 * the sides are looked at again. The world outside knows a database by its name. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_TYPES_PLACE_H
#define TEAL_CUTOVER_TYPES_PLACE_H

#include <stdint.h>

#include "model/side.h"

enum { DATABASE_HOME = 0 };

struct place {
    enum side side;
    uint32_t database;
};

/* The same for ops: by name, borrowed during the call. */
struct cutover_where {
    enum side side;
    const char *database;
};

#endif
