/* set.h — the SET and RESET statements whose effect can be tracked, so that the session may change
 * its backend.
 *
 * A lone SET of one setting to constants is as good as a setting of the start-up packet: its name
 * and value are all of it. Everything else that sets (roles, transaction modes, values that only
 * the server can compute) is not understood here, and the session then keeps its backend. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_SQL_SET_H
#define TEAL_SQL_SET_H

#include "base/buf.h"
#include "base/slice.h"

enum sql_set_kind {
    SQL_SET_NONE,      /* not understood */
    SQL_SET_VALUE,     /* SET name = value: name and value */
    SQL_SET_DEFAULT,   /* RESET name, SET name TO DEFAULT: name */
    SQL_SET_RESET_ALL, /* RESET ALL */
};

/* Appends the name (lower case), a NUL, the value as set_config() takes it, and a NUL to out, as
 * far as the kind has them. Nothing is appended for SQL_SET_NONE and SQL_SET_RESET_ALL. */
enum sql_set_kind sql_set_read(struct slice text, struct buf *out);

#endif
