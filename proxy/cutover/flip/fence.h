/* fence.h — the old side itself refuses writes, and the target accepts them again.
 *
 * The fence is default_transaction_read_only in the server's own configuration (the guard), with
 * strict also a connection limit of 0. It is proven: the setting is seen in force, a write on a
 * fresh connection must fail, every client from before it is ended, and nothing is prepared. Taking
 * it off is proven in the same way.
 *
 * The guard is one for the server, and that it forks its sessions with it is proven in the home
 * database. What may differ in the others is what ALTER DATABASE and ALTER ROLE say: there the
 * write is tried on the connection that stands, with what its next transaction would begin with. A
 * new connection in each database would cost more of the hold than all the rest. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_FENCE_H
#define TEAL_CUTOVER_FLIP_FENCE_H

#include <stdbool.h>

#include "cutover/engine/script.h"

enum { FENCE_TIME_SIZE = 40 };

struct fence {
    bool touched;                  /* something on the databases may have changed */
    bool target_guarded;           /* the target has the guard on and must be opened */
    char seen_at[FENCE_TIME_SIZE]; /* the old side's clock when the fence was seen */
};

void fence_clear(struct cutover *c);
/* From here on an undo must look at the databases. */
void fence_touch(struct cutover *c);

/* The fence was seen at this time of the old side's clock: who began before it is ended. */
void fence_seen(struct cutover *c, const char *at);

/* Rows. */
bool fence_is_untouched(const struct cutover *c);

/* Lines: the guard is SQL_GUARD_ON / _OFF and SQL_RELOAD, then seen with FENCE_SQL_SHOW.
 *
 * reset_val is what a new session starts with. When this session has read the new configuration, so
 * has the postmaster, which reads it before it tells its children, and forks every session that
 * comes now. */
#define FENCE_SQL_SHOW                                                         \
    "SELECT reset_val, clock_timestamp()::text FROM pg_settings WHERE name = " \
    "'default_transaction_read_only'"
line_judge_fn fence_judge_guard_on, fence_judge_guard_off;

line_call_fn fence_call_heartbeat_off; /* or its update would come behind the marker */
line_write_fn fence_write_strict_on, fence_write_strict_off;
line_call_fn fence_call_leave; /* Teal's own connections to the old side end */
line_wants_fn fence_probes;    /* the others, where Teal itself drives the servers */
line_write_fn fence_write_probe;
line_judge_fn fence_judge_probe;
line_write_fn fence_write_clear;
line_judge_fn fence_judge_clear;
line_write_fn fence_write_prepared;
line_judge_fn fence_judge_prepared;

/* Opening the target. */
#define FENCE_SQL_RECOVERY                                                         \
    "SELECT pg_is_in_recovery(), (SELECT reset_val FROM pg_settings WHERE name = " \
    "'default_transaction_read_only')"
line_judge_fn fence_judge_recovery; /* out of it, and whether the guard is on */
line_applies_fn fence_is_target_guarded, fence_was_target_strict;
/* In the other databases the same statement says, before any client may write, that the slot of the
 * direction which is off must not be moved any more (put_advance_slot). */
line_wants_fn fence_wants_epoch;
line_write_fn fence_write_open_probe;
line_judge_fn fence_judge_open_probe;

#endif
