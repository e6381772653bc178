/* external.h — a flip whose servers somebody else drives: what its hooks are asked, and what Teal
 * itself looks at to believe them.
 *
 * No hook is believed where a server can be asked. Behind hook_fence a write on a fresh connection
 * must fail; hook_promote has promoted when the target says that it is out of recovery and that new
 * sessions may write, and not when the hook says so. That is possible because the target must
 * refuse writes before the flip (the preflight sees to it): closed before, open afterwards, and
 * nothing in between. That the target has all that the old side has is the word of hook_lag, with
 * the old side's position as it was behind the fence; where the operator can write a marker behind
 * the fence, and the target has the table, its arrival is awaited as well.
 *
 * A hook runs once, for all databases. What it has done is looked at in each of them, on a fresh
 * connection: nobody knows whether it sets something for the server or database by database, and a
 * session that stands keeps what it began with. Only the promotion is seen in the home database
 * alone, as one answer must decide; that the others accept writes is part of opening.
 *
 * A hook that has failed in a way that says nothing (a crash, its time, nonsense) may have had its
 * effect. All of them may run again at any time. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_EXTERNAL_H
#define TEAL_CUTOVER_FLIP_EXTERNAL_H

#include <stdbool.h>

#include "cutover/engine/script.h"
#include "cutover/types/kind.h"

/* What the old side's row says from the moment at which the target has everything. */
#define EXTERNAL_PHASE_PROMOTING "leaving-external-promoting"

struct external {
    bool asked;                     /* hook_lag was run by the preflight */
    struct hook_answer lag;         /* its answer then */
    enum cutover_way_back way_back; /* by the answer of hook_promote; unknown without one */
};

void external_clear(struct cutover *c);

/* For the tables of the machine. */
void external_about(const struct cutover *c, enum hook hook, struct hook_about *out);
uint64_t external_limit_us(const struct cutover *c);
/* A limit of a state in which so many hooks run one after the other. */
uint64_t external_with_hooks(const struct cutover *c, uint64_t limit_us, unsigned hooks);

/* Lines: set-up and preflight. */
line_applies_fn external_has_prepare, external_has_finish, external_is_configured;
line_answer_fn external_judge_checked;

/* Lines: gate, fence, catch-up. */
line_answer_fn external_judge_near;
line_judge_fn external_judge_fenced; /* until the write of the probe is refused */
line_judge_fn external_judge_clock;  /* when the fence was seen */
line_judge_fn external_judge_mark;
line_wants_fn external_awaits_mark;
line_answer_fn external_judge_caught_up;

/* Lines: the promotion. */
line_write_fn external_write_promoting;
line_judge_fn external_judge_hint;
line_answer_fn external_judge_promote;
/* Of a fresh session: by whatever means somebody else has closed the server. */
#define EXTERNAL_SQL_OPEN                                                          \
    "SELECT pg_is_in_recovery(), (SELECT reset_val FROM pg_settings WHERE name = " \
    "'default_transaction_read_only')"
line_judge_fn external_judge_open; /* until the target is open */
line_judge_fn external_judge_promoted;

/* Lines: opening, and behind the release. */
line_wants_fn external_probes, external_lacks_schema;
line_call_fn external_call_done;

/* Lines: undo. */
line_call_fn external_call_wait;
line_wants_fn external_probes_unfenced;
line_judge_fn external_judge_unfenced; /* within that time; then hook_unfence runs again */

#endif
