/* sql.h — statements and pieces of statements that more than one state needs. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_SQL_H
#define TEAL_CUTOVER_FLIP_SQL_H

#include <stdbool.h>

#include "base/buf.h"
#include "model/side.h"

/* The names of the objects that Teal makes in the databases. PREPARE makes them, a flip uses them,
 * FINISH drops them. They are fixed: whoever looks into a database finds them by name, and a Teal
 * that starts anew knows its own. */
#define TEAL_PUBLICATION "teal"
/* Subscription on this side and slot on the other, by the side that receives. */
#define TEAL_STREAM_PREFIX "teal_to_"

/* The guard: what makes a server refuse the writes of new sessions. ALTER SYSTEM survives a
 * restart; it takes effect with the reload. */
#define SQL_GUARD_ON "ALTER SYSTEM SET default_transaction_read_only = on"
#define SQL_GUARD_OFF "ALTER SYSTEM RESET default_transaction_read_only"
#define SQL_RELOAD "SELECT pg_reload_conf()"

/* 'text' as an SQL literal. */
void put_literal(struct buf *b, const char *text);

/* Makes the slot of the stream to the receiver, unless it is there. */
void put_create_slot(struct buf *sql, enum side receiver);
/* Makes the stream to the receiver; conninfo reaches the other side from there; with: the options
 * behind slot_name. */
void put_create_subscription(struct buf *sql, enum side receiver, const char *conninfo,
                             const char *with);
/* Drops the stream to the receiver, if it is there, and leaves the slot on the other side. */
void put_drop_subscription(struct buf *sql, enum side receiver);

#endif
