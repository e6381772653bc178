/* sql.h — statements and pieces of statements that more than one state needs. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_SQL_H
#define TEAL_CUTOVER_FLIP_SQL_H

#include <stdint.h>

#include "base/buf.h"
#include "model/side.h"

/* The names of the objects that Teal makes in the databases. PREPARE makes them, a flip uses them,
 * FINISH drops them. They are fixed: whoever looks into a database finds them by name, and a Teal
 * that starts anew knows its own. */
#define TEAL_PUBLICATION "teal"
/* Subscription on this side and slot on the other, by the side that receives; that of the home
 * database is this and the side's name. */
#define TEAL_STREAM_PREFIX "teal_to_"

/* The guard: what makes a server refuse the writes of new sessions. ALTER SYSTEM survives a
 * restart; it takes effect with the reload. */
#define SQL_GUARD_ON "ALTER SYSTEM SET default_transaction_read_only = on"
#define SQL_GUARD_OFF "ALTER SYSTEM RESET default_transaction_read_only"
#define SQL_RELOAD "SELECT pg_reload_conf()"

/* 'text' as an SQL literal. */
void put_literal(struct buf *b, const char *text);

/* A stream is named by databases_stream: only letters, digits and underscores.
 *
 * Makes the slot of the stream, unless it is there. */
void put_create_slot(struct buf *sql, const char *stream);
/* Moves the slot to what the server, this side, has flushed; not once it has become the writer in a
 * later epoch, which its marker tells. One row when it was moved. */
void put_advance_slot(struct buf *sql, const char *stream, enum side side, uint64_t epoch);
/* Makes the subscription; conninfo reaches the other side from there, but for its database; with:
 * the options behind slot_name. */
void put_create_subscription(struct buf *sql, const char *stream, const char *conninfo,
                             const char *database, const char *with);
/* Drops the subscription, if it is there, and leaves the slot on the other side. */
void put_drop_subscription(struct buf *sql, const char *stream);

/* Whether the list, as string_agg with a comma gives it, has the name. */
bool names_have(const char *list, const char *name);

#endif
