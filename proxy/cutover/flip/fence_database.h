/* fence_database.h — what of a fence stands in the catalogs, and what it found there.
 *
 * ALTER SYSTEM is for superusers, and it fences a whole cluster. The same default can be set for
 * one database, by its owner: ALTER DATABASE .. SET default_transaction_read_only. A setting of a
 * role beats that of a database and that of the system; where one says off, the role gets a setting
 * of its own in each database of the pair, which beats all others. The strict fence lets no
 * application connect: a superuser sets the connection limit of the databases to 0, which spares
 * superusers; the owner of a database would lock itself out by that, so another operator takes
 * LOGIN from the roles of the applications.
 *
 * Invariants:
 *   - All of it is one statement, and so one transaction, with what it found (teal.local_state.kept
 *     of the side's own row): after a crash there is either nothing, or fence and record together.
 *     An entry that is there already is kept: the second fence in a row finds the first one.
 *   - Each side writes the record of its own row only, for the rows are replicated.
 *   - In a standby the fence arrives by the WAL, as does its record in the row of the side that was
 *     fenced. A promoted standby goes by that one, and leaves it as it is.
 *   - Taking a fence off takes off whatever stands, also one without a record (the guard of a
 *     follower, or an older Teal's): then the setting is reset, and a limit of 0 becomes none.
 *
 * kept is an array of {what, database, role, was}: a setting (was: its value, null for none), a
 * limit (was: the number), a login. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_FENCE_DATABASE_H
#define TEAL_CUTOVER_FLIP_FENCE_DATABASE_H

#include <stdbool.h>

#include "base/buf.h"
#include "cutover/engine/script.h"
#include "model/side.h"

/* Lines of the fence on the old side. */
line_applies_fn fence_has_catalog;
line_write_fn fence_write_put;
/* What the sessions of now have begun with: those that begin while the setting changes have read
 * the old one and are not to be seen yet, but hold a lock on their database. */
line_write_fn fence_write_began;
line_judge_fn fence_judge_began;
line_applies_fn fence_has_starting;
line_write_fn fence_write_starting;
line_judge_fn fence_judge_starting;
/* No role's default is to write. */
line_write_fn fence_write_roles;
line_judge_fn fence_judge_roles;

/* Lines that take it off: the old side's of an undone flip, the target's. */
line_write_fn fence_write_lift_from, fence_write_lift_to;

/* Lines of the guard on a follower (TO). The databases' default needs no record, and comes first;
 * the roles' do, and come when the rows of teal.local_state are there. The first copy brings rows
 * of an earlier pair, and with them perhaps a record: it is forgotten. */
line_write_fn fence_write_guard, fence_write_guard_roles, fence_write_forget;
line_applies_fn fence_has_guard_roles;

/* Statement: lets applications connect to the side again, which stays read-only. */
void put_relax(const struct cutover *c, enum side side, struct buf *sql);

#endif
