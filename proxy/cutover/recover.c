/* recover.c — start-up: which side is the writer, and what to do about an interrupted flip.
 *
 * The decision is a pure function of the record and of what the sides say of themselves
 * (recover_decide); the rest is asking. Three rules carry it:
 *
 *   - a side that says of itself: I am the writer, no flip is under way, and which is neither
 *     fenced nor in recovery, is the writer: every flip away from it would have marked it first;
 *   - a record that is in the middle of a flip names the flip; the target has the decision: its
 *     row (logical), or whether it is out of recovery (physical). A target that does not answer
 *     keeps writes held;
 *   - a promotion that was decided is asked for again: nobody can know that it is not under way.
 *
 * A record whose flip lies behind an epoch that a side names is as good as none. */
/* SPDX-License-Identifier: PostgreSQL */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "cutover/cutover_internal.h"

struct verdict {
    enum cutover_event event; /* OK: the writer is known; FAIL: not yet */
    enum side writer;         /* for OK; for the others the flip's old side */
    uint64_t epoch;
    /* For the others: the flip. */
    enum side to;
    uint64_t flip_id;
    enum cutover_kind kind;
    bool strict;
    const char *reason;
};

static struct verdict
not_yet(const char *reason)
{
    return (struct verdict){.event = CUT_EV_FAIL, .reason = reason};
}

static bool
claims_itself(const struct look *l, enum side side)
{
    return l->answered && l->prepared && !l->in_recovery && !l->fenced && l->epoch > 0 &&
           l->writer_known && l->writer == side && strncmp(l->phase, "leaving", 7) != 0;
}

static bool
is_leaving(const struct look *l)
{
    return l->answered && strncmp(l->phase, "leaving", 7) == 0;
}

static struct verdict
writer_is(enum side side, uint64_t epoch, const char *reason)
{
    return (struct verdict){.event = CUT_EV_OK, .writer = side, .epoch = epoch, .reason = reason};
}

static struct verdict
flip_verdict(const struct record *r, enum cutover_event event, const char *reason)
{
    return (struct verdict){.event = event,
                            .writer = r->from,
                            .epoch = r->epoch,
                            .to = r->to,
                            .flip_id = r->flip_id,
                            .kind = r->kind,
                            .strict = r->fence_strict,
                            .reason = reason};
}

/* The record says that no flip is under way. The writer's word is enough when it agrees. */
static struct verdict
decide_idle(const struct record *r, const struct look look[SIDES_COUNT])
{
    const struct look *w = &look[r->writer];
    const struct look *other = &look[side_other(r->writer)];
    const bool plain = w->answered && !w->in_recovery && !w->fenced;
    if (plain && !w->prepared) {
        return writer_is(r->writer, r->epoch, "the record says so, and no schema says otherwise");
    }
    if (plain && w->epoch <= r->epoch && !is_leaving(w)) {
        return writer_is(r->writer, r->epoch, "the record and the writer agree");
    }
    if (claims_itself(w, r->writer)) {
        return writer_is(r->writer, w->epoch, "the writer is ahead of the record");
    }
    if (claims_itself(other, side_other(r->writer)) && other->epoch > r->epoch) {
        return writer_is(side_other(r->writer), other->epoch,
                         "the other side is ahead of the record");
    }
    if (!w->answered) {
        return not_yet("the writer does not answer");
    }
    if (w->in_recovery) {
        return not_yet("the side of the record is in recovery");
    }
    if (!other->answered) {
        return not_yet("the writer is fenced or marked, and the other side does not answer");
    }
    /* Marked as leaving: a statement of an undone flip has run late. */
    if (w->epoch <= r->epoch && (w->fenced || is_leaving(w)) && other->epoch <= r->epoch) {
        struct record undo = *r;
        undo.from = r->writer;
        undo.to = side_other(r->writer);
        return flip_verdict(&undo, CUT_EV_UNDO, "the writer was left fenced or marked");
    }
    return not_yet("the record and the sides contradict each other");
}

/* The record names a flip. */
static struct verdict
decide_flip(const struct record *r, const struct look look[SIDES_COUNT])
{
    const struct look *to = &look[r->to];
    const bool physical = r->kind == CUTOVER_PHYSICAL;
    if (r->phase != RECORD_COMMIT && !look[r->writer].answered) {
        return not_yet("the writer does not answer");
    }
    switch (r->phase) {
    case RECORD_FLIP:
        return flip_verdict(r, CUT_EV_UNDO, "the commit had not been sent");
    case RECORD_COMMIT:
        if (!to->answered) {
            return not_yet("the target has the decision and does not answer");
        }
        if (physical && to->in_recovery) {
            return flip_verdict(r, CUT_EV_PROMOTE, "the promotion was decided");
        }
        return flip_verdict(r, physical ? CUT_EV_FORWARD : CUT_EV_RESOLVE, "the target decides");
    case RECORD_AFTER:
        return flip_verdict(r, CUT_EV_AFTER, "the target had been opened");
    case RECORD_UNDONE:
        return flip_verdict(r, CUT_EV_UNDO_AFTER, "the flip had been undone");
    case RECORD_IDLE:
        break;
    }
    UNREACHABLE();
}

static enum cutover_kind
kind_of_phase(const char *phase)
{
    if (strcmp(phase, "leaving-physical") == 0) {
        return CUTOVER_PHYSICAL;
    }
    return strcmp(phase, "leaving-two-way") == 0 ? CUTOVER_TWO_WAY : CUTOVER_ONE_WAY;
}

/* No record, and one side is leaving: the flip is read off the databases. */
static struct verdict
decide_leaving(const struct look look[SIDES_COUNT], enum side from)
{
    const struct look *f = &look[from];
    const struct look *t = &look[side_other(from)];
    if (!t->answered) {
        return not_yet("a flip is under way, and its target does not answer");
    }
    struct record r = {.epoch = f->epoch,
                       .writer = from,
                       .flip_id = f->flip_id,
                       .from = from,
                       .to = side_other(from),
                       .kind = kind_of_phase(f->phase)};
    if (r.kind == CUTOVER_PHYSICAL) {
        return flip_verdict(&r, t->in_recovery ? CUT_EV_UNDO : CUT_EV_FORWARD,
                            "a physical flip: the promotion decides");
    }
    return flip_verdict(&r, CUT_EV_RESOLVE, "a logical flip: the target's row decides");
}

static struct verdict
decide_unprepared(const struct look look[SIDES_COUNT], enum side initial)
{
    if (!look[initial].answered) {
        return not_yet("the initial writer does not answer");
    }
    if (look[initial].prepared || look[initial].in_recovery) {
        return not_yet(look[initial].in_recovery ? "the initial writer is in recovery"
                                                 : "neither side says that it is the writer");
    }
    return writer_is(initial, 1, "nothing is prepared: the configured initial writer");
}

/* Both sides name the same writer, which is fenced: an undo or a start of a flip was cut off. */
static struct verdict
decide_fenced(const struct look look[SIDES_COUNT], enum side initial)
{
    for (int s = 0; s < SIDES_COUNT; s++) {
        const enum side side = (enum side)s;
        const struct look *l = &look[s];
        const struct look *o = &look[side_other(side)];
        if (l->answered && o->answered && !l->in_recovery && l->fenced && l->epoch > 0 &&
            l->epoch >= o->epoch && l->writer_known && l->writer == side && o->writer_known &&
            o->writer == side) {
            const struct record r = {.epoch = l->epoch,
                                     .writer = side,
                                     .from = side,
                                     .to = side_other(side),
                                     .kind = o->in_recovery ? CUTOVER_PHYSICAL : CUTOVER_ONE_WAY};
            return flip_verdict(&r, CUT_EV_UNDO, "the writer was left fenced");
        }
    }
    return decide_unprepared(look, initial);
}

/* There is no record: the sides must know. */
static struct verdict
decide_blind(const struct look look[SIDES_COUNT], enum side initial)
{
    const bool blue = claims_itself(&look[SIDE_BLUE], SIDE_BLUE);
    const bool green = claims_itself(&look[SIDE_GREEN], SIDE_GREEN);
    if (blue && green) {
        return not_yet("both sides say that they are the writer");
    }
    if (blue || green) {
        const enum side side = blue ? SIDE_BLUE : SIDE_GREEN;
        return writer_is(side, look[side].epoch, "the side says so of itself");
    }
    for (int s = 0; s < SIDES_COUNT; s++) {
        const struct look *l = &look[s];
        if (is_leaving(l) && !l->in_recovery && l->writer_known && (int)l->writer == s) {
            return decide_leaving(look, (enum side)s);
        }
    }
    return decide_fenced(look, initial);
}

/* A flip of the record that a side has left behind: the file is an old copy, and what it wants done
 * would make two writers. */
static bool
flip_is_history(const struct record *r, const struct look look[SIDES_COUNT])
{
    const uint64_t newest = r->phase == RECORD_COMMIT ? r->epoch + 1 : r->epoch;
    bool history = false;
    for (int s = 0; s < SIDES_COUNT; s++) {
        history = history || (look[s].answered && look[s].epoch > newest);
    }
    return history && r->phase != RECORD_IDLE;
}

static struct verdict
recover_decide(const struct cutover *c)
{
    const struct record *r = &c->record;
    if (r->epoch == 0 || flip_is_history(r, c->look)) {
        return decide_blind(c->look, c->config.initial_writer);
    }
    return r->phase == RECORD_IDLE ? decide_idle(r, c->look) : decide_flip(r, c->look);
}

static void
verdict_take(struct cutover *c, const struct verdict *v)
{
    c->route.epoch = v->epoch;
    c->route.writer = v->writer;
    c->record.epoch = v->epoch;
    c->record.writer = v->writer;
    if (v->event == CUT_EV_OK) {
        return;
    }
    flip_begin(c, v->to);
    c->flip.flip_id = v->flip_id;
    c->flip.kind = v->kind;
    c->flip.strict = v->strict;
    c->flip.fence_touched = true;
    c->record.flip_id = v->flip_id;
    c->record.from = c->flip.from;
    c->record.to = c->flip.to;
    c->record.kind = v->kind;
    c->record.fence_strict = v->strict;
}

/* After the release the record has the new epoch already; the flip counts from the old one. */
static void
verdict_adjust(struct cutover *c, const struct verdict *v)
{
    if (v->event == CUT_EV_AFTER) {
        c->flip.epoch = v->epoch - 1;
        c->route.epoch = c->flip.epoch;
        c->route.writer = c->flip.from;
    }
}

static enum cutover_event decide(struct cutover *c);

static enum cutover_event
look_both(struct cutover *c)
{
    return look_then(c, decide);
}

static enum cutover_event
decide(struct cutover *c)
{
    const struct verdict v = recover_decide(c);
    if (v.event == CUT_EV_FAIL && c->look_one) {
        return look_both(c);
    }
    if (v.event == CUT_EV_FAIL) {
        if (c->recover_looks++ % 10 == 0) {
            log_error(NULL, "the writer is not known: writes stay held",
                      "reason=\"%s\" error=\"%s\"", v.reason, c->err.text);
        }
        err_set(&c->err, SQLSTATE_CANNOT_CONNECT_NOW, "the writer is not known: %s", v.reason);
        return CUT_EV_FAIL;
    }
    log_info(NULL, "start-up has decided", "writer=%s epoch=%" PRIu64 " next=%s reason=\"%s\"",
             side_name(v.writer), v.epoch, cutover_event_name(v.event), v.reason);
    verdict_take(c, &v);
    verdict_adjust(c, &v);
    return v.event;
}

/* A record without a flip needs the writer's word only: the other side may be down. */
enum cutover_event
recover_begin(struct cutover *c)
{
    if (c->record.epoch == 0 || c->record.phase != RECORD_IDLE) {
        return look_both(c);
    }
    look_clear(c);
    c->look_one = true;
    c->look_side = c->record.writer;
    const struct lines lines = look_lines();
    c->script_then = decide;
    return script_start(c, lines.lines, lines.count, POLL_SLOW_US);
}
