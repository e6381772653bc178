/* commit.h — the decision: each side's own row in teal.local_state, and the promotion.
 *
 * A logical flip is decided by one row of the target. It is armed with the flip's id, and the
 * commit is an UPDATE of that row that asks for the id. When the outcome is unknown, taking the id
 * away decides: PostgreSQL orders the two updates by the row's lock, so a commit that still runs in
 * a lost backend either came first or can never come. The old side's row says that it is being
 * left, so that recovery without a record finds the flip.
 *
 * A physical flip is decided by the promotion. It is called without waiting and polled, because its
 * own wait looks only every 100 ms. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_FLIP_COMMIT_H
#define TEAL_CUTOVER_FLIP_COMMIT_H

#include <stdbool.h>

#include "cutover/engine/script.h"

struct commit {
    bool done;          /* the flip has happened */
    bool promote_maybe; /* a promotion may have been asked for */
};

void commit_clear(struct cutover *c);

/* Rows. */
void commit_done(struct cutover *c);
void commit_promote_maybe(struct cutover *c);
line_applies_fn commit_may_promote;

/* Lines. A row that must be changed and was not has been changed by somebody else. */
line_judge_fn commit_judge_one_row;
line_write_fn commit_write_arm, commit_write_intent;
line_call_fn commit_call_record; /* durable before the commit is sent */
line_write_fn commit_write_row;
line_write_fn commit_write_resolve, commit_write_resolve_look;
line_judge_fn commit_judge_resolve, commit_judge_resolve_look;
#define COMMIT_SQL_PROMOTE "SELECT pg_promote(false)"
line_judge_fn commit_judge_promote, commit_judge_promoted;
line_write_fn commit_write_open, commit_write_following, commit_write_settled;
line_write_fn commit_write_undone, commit_write_disarm;

#endif
