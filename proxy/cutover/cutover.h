/* cutover.h — the durable state machine that moves the writes of a pair from one side to the other.
 *
 * One object a pair, owned by the control thread. It touches no socket, no clock and no file: it
 * acts through struct cutover_ops (types/ops.h) and is told what happened through callbacks.
 * What it promises:
 *
 *   - the writer is one side at any time, and it changes only while writes are held;
 *   - before the commit every failure undoes itself and writes go on at the old side;
 *   - after the commit every retry goes forward; while the outcome of the commit is unknown,
 *     writes stay held;
 *   - the record is durable before the act that it announces, so that a crash at any line
 *     resumes on one side (cutover_recover).
 *
 * The states, their steps and the events are named in types/states.def; what they do and what leads
 * from one to the next is in tables.c.
 *
 * Life: cutover_new, cutover_recover (once, at start: publishes a route as soon as the writer is
 * known), then cutover_start for each command of the operator, cutover_tick each second or so,
 * cutover_free. */
/* SPDX-License-Identifier: PostgreSQL */
#ifndef TEAL_CUTOVER_CUTOVER_H
#define TEAL_CUTOVER_CUTOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/slice.h"
#include "cutover/types/config.h"
#include "cutover/types/job.h"
#include "cutover/types/kind.h"
#include "cutover/types/ops.h"
#include "cutover/types/states.h"
#include "model/side.h"

struct cutover;

/* ---- verbs ---- */

/* Both are copied; the strings of config as well. Nothing runs before cutover_recover. */
struct cutover *cutover_new(const struct cutover_config *config, const struct cutover_ops *ops);
/* Drops what is under way without calling anything. The caller has seen to it that no sql or timer
 * completes afterwards (it frees its connections and timers first). NULL is fine. */
void cutover_free(struct cutover *c);
/* Takes new limits over for the next command; an ongoing flip keeps those it started with (then
 * false). */
bool cutover_reconfigure(struct cutover *c, const struct cutover_config *config);

/* Start-up: record is the state file's bytes (SLICE_EMPTY when there is none). Decides, with what
 * the sides say, which side is the writer and whether an interrupted flip is undone or finished;
 * publishes a route at once with writes_known=false or, when the record is idle and the writer
 * agrees, as soon as the writer has answered. */
void cutover_recover(struct cutover *c, struct slice record);
/* Whether the writer is known. */
bool cutover_is_ready(const struct cutover *c);

/* Starts a command. False with err when the machine is busy (55006, with what and since when), not
 * ready (57P03), or the writer is already there (55000); then ops->done is not called. */
MUST_CHECK bool cutover_start(struct cutover *c, enum cutover_job job,
                              const struct cutover_options *options, struct err *err);
/* Asks a flip that has not committed to undo itself. False when there is none or it has committed.
 */
bool cutover_abort(struct cutover *c);

/* To be called when a worker has made progress (view taken over, no longer busy): saves a poll. */
void cutover_progress(struct cutover *c);
/* To be called each second or so: keeps the idle direction's slot close to the tip, and watches the
 * fence. */
void cutover_tick(struct cutover *c);

/* ---- what it can tell ---- */

struct cutover_status {
    enum cutover_state state;
    const char *state_name; /* borrowed for ever */
    const char *step_name;  /* borrowed for ever */
    enum cutover_job job;   /* the command under way */
    const char *job_name;   /* "flip", "none"; borrowed for ever */
    uint64_t state_since_us;
    struct cutover_route route;
    bool flip_known; /* the fields below are of the flip under way, or of the last one */
    enum side from;
    enum side to;
    enum cutover_kind kind;
    const char *kind_name; /* borrowed for ever */
    uint64_t flip_id;
    bool committed;
    bool blocked;       /* after the commit, opening has passed its limit; still trying */
    uint64_t held_us;   /* how long writes were (or have been) held in it */
    struct err failure; /* why the last flip failed; not set when it did not */
    enum cutover_way_back way_back;
};
void cutover_status(const struct cutover *c, struct cutover_status *out);
/* The current route; borrowed, valid until the next event. */
const struct cutover_route *cutover_route(const struct cutover *c);
/* No command, no flip, no recovery under way. */
bool cutover_is_idle(const struct cutover *c);

/* The transition table as a Mermaid state diagram; the documentation shows exactly this. */
void cutover_print_fsm(struct buf *out);

#endif
