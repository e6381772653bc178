/* fence.h — the old side itself refuses writes, and the target accepts them again.
 *
 * The fence is default_transaction_read_only (the guard), in the server's own configuration or as a
 * setting of the databases (fence_database.h); with strict no application may connect, either. It
 * is proven: the setting is seen in force, a write on a fresh connection must fail, no role's
 * sessions begin read-write, every client from before it is ended, and nothing is prepared. Taking
 * it off is proven in the same way. Whatever stands is taken off, by either means: nobody has to
 * know what put it there. What the operator's role may not do, it cannot have done.
 *
 * That the server forks its sessions with it is proven in the home database, on a fresh connection.
 * What may differ in the others is what ALTER DATABASE and ALTER ROLE say: there the write is tried
 * on the connection that stands, with what a new session would begin with. A new connection in each
 * database would cost more of the hold than all the rest. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_FENCE_H
#define TEAL_CUTOVER_FLIP_FENCE_H

#include <stdbool.h>

#include "cutover/engine/script.h"
#include "cutover/flip/rights.h"
#include "cutover/types/ops.h"

enum { FENCE_TIME_SIZE = 40, FENCE_PIDS_SIZE = 1024 };

struct fence {
    bool touched;                  /* something on the databases may have changed */
    bool database;                 /* it is put on by ALTER DATABASE; else by ALTER SYSTEM */
    bool target_guarded;           /* the target has the guard on and must be opened */
    char seen_at[FENCE_TIME_SIZE]; /* the old side's clock when the fence was seen */
    /* Processes that were connecting then, "12,15"; "" for none. */
    char starting[FENCE_PIDS_SIZE];
};

void fence_clear(struct cutover *c);
/* From here on an undo must look at the databases. */
void fence_touch(struct cutover *c);
/* By what means it is put on. */
void fence_choose(struct cutover *c, const struct fence_choice *choice);
/* The fence is in force at that time of the old side's clock, while those processes were
 * connecting. AGAIN when they are too many to name. */
enum cutover_event fence_see(struct cutover *c, const char *at, const char *starting);

/* Rows. */
bool fence_is_untouched(const struct cutover *c);

/* Lines: the guard is SQL_GUARD_ON / _OFF and SQL_RELOAD, then seen with FENCE_SQL_SHOW.
 *
 * FENCE_SYSTEM_DEFAULT is what a new session starts with, as far as the configuration says. When
 * this session has read the new one, so has the postmaster, which reads it before it tells its
 * children, and forks every session that comes now. A session that was born under a setting of its
 * database or role shows that for ever, and says off: then the probe alone decides. */
#define FENCE_SYSTEM_DEFAULT                                                                \
    "(SELECT CASE WHEN current_setting('" CUTOVER_SETTING_BORN "', true) IN ('database', "  \
    "'user', 'database user') THEN 'off' ELSE reset_val END FROM pg_settings WHERE name = " \
    "'default_transaction_read_only')"
#define FENCE_SQL_SHOW "SELECT " FENCE_SYSTEM_DEFAULT ", clock_timestamp()::text"
line_judge_fn fence_judge_guard_on, fence_judge_guard_off;
line_applies_fn fence_is_system, fence_is_database;
/* Of a statement that takes the guard off the configuration: a role that may not do so has not put
 * it there. */
line_judge_fn fence_judge_may_lack;

line_call_fn fence_call_heartbeat_off; /* or its update would come behind the marker */
line_call_fn fence_call_leave;         /* Teal's own connections to the old side end */
line_wants_fn fence_probes;            /* the others, where Teal itself drives the servers */
line_write_fn fence_write_probe;
line_judge_fn fence_judge_probe;
line_write_fn fence_write_clear;
line_judge_fn fence_judge_clear;
line_write_fn fence_write_prepared;
line_judge_fn fence_judge_prepared;

/* Opening the target. */
#define FENCE_SQL_RECOVERY "SELECT pg_is_in_recovery(), " FENCE_SYSTEM_DEFAULT
line_judge_fn fence_judge_recovery; /* out of it, and whether the guard is on */
line_applies_fn fence_is_target_guarded;
/* In the other databases the same statement says, before any client may write, that the slot of the
 * direction which is off must not be moved any more (put_advance_slot). */
line_wants_fn fence_wants_epoch;
line_write_fn fence_write_open_probe;
line_judge_fn fence_judge_open_probe;

#endif
