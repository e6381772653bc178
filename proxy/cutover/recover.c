/* recover.c — decides at start-up who is the writer. See recover.h.
 *
 * The decision (decide) is a pure function of the record and of what the sides say of themselves;
 * the rest is asking. Three rules carry it:
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
#include "cutover/recover.h"

#include <inttypes.h>
#include <string.h>

#include "base/log.h"
#include "base/mem.h"
#include "cutover/flip/begin.h"
#include "cutover/flip/parts.h"
#include "cutover/types/scripts.h"

enum { LOG_EVERY = 10 }; /* looks */

struct recover {
    uint32_t looks_in_vain;
};

struct recover *
recover_new(void)
{
    return xcalloc(1, sizeof(struct recover));
}

void
recover_free(struct recover *r)
{
    mem_free(r);
}

/* ---- verdicts ---- */

struct verdict {
    enum cutover_event event; /* OK: the writer is known; FAIL: not yet; else what the flip needs */
    enum side writer;         /* for the flip its old side */
    uint64_t epoch;
    struct record flip; /* when it is neither OK nor FAIL */
    const char *reason;
    bool about_one; /* FAIL: it is about one side */
    enum side about;
};

static struct verdict
not_yet(const char *reason)
{
    return (struct verdict){.event = CUT_EV_FAIL, .reason = reason};
}

static struct verdict
not_yet_of(enum side side, const char *reason)
{
    return (struct verdict){
        .event = CUT_EV_FAIL, .reason = reason, .about_one = true, .about = side};
}

static bool
is_leaving(const struct look *l)
{
    static const char leaving[] = "leaving";
    return l->answered && strncmp(l->phase, leaving, sizeof(leaving) - 1) == 0;
}

static bool
claims_itself(const struct look *l, enum side side)
{
    return l->answered && l->prepared && !l->in_recovery && !l->fenced && l->epoch > 0 &&
           l->writer_known && l->writer == side && !is_leaving(l);
}

static struct verdict
writer_is(enum side side, uint64_t epoch, const char *reason)
{
    return (struct verdict){.event = CUT_EV_OK, .writer = side, .epoch = epoch, .reason = reason};
}

static struct verdict
flip_is(const struct record *r, enum cutover_event event, const char *reason)
{
    return (struct verdict){
        .event = event, .writer = r->from, .epoch = r->epoch, .flip = *r, .reason = reason};
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
        return not_yet_of(r->writer, "the writer does not answer");
    }
    if (w->in_recovery) {
        return not_yet_of(r->writer, "the side of the record is in recovery");
    }
    if (!other->answered) {
        return not_yet_of(side_other(r->writer),
                          "the writer is fenced or marked, and the other side does not answer");
    }
    /* Marked as leaving: a statement of an undone flip has run late. */
    if (w->epoch <= r->epoch && (w->fenced || is_leaving(w)) && other->epoch <= r->epoch) {
        struct record undo = *r;
        undo.from = r->writer;
        undo.to = side_other(r->writer);
        return flip_is(&undo, CUT_EV_UNDO, "the writer was left fenced or marked");
    }
    return not_yet("the record and the sides contradict each other");
}

/* The target of a promotion has not been promoted. Somebody else's may be closed by a setting. */
static bool
is_closed(enum cutover_kind kind, const struct look *to)
{
    return to->in_recovery || (kind == CUTOVER_EXTERNAL && to->fenced);
}

/* The record names a flip. */
static struct verdict
decide_flip(const struct record *r, const struct look look[SIDES_COUNT])
{
    const struct look *to = &look[r->to];
    const bool promoted = r->kind == CUTOVER_PHYSICAL || r->kind == CUTOVER_EXTERNAL;
    if (r->phase != RECORD_COMMIT && !look[r->writer].answered) {
        return not_yet_of(r->writer, "the writer does not answer");
    }
    switch (r->phase) {
    case RECORD_FLIP:
        return flip_is(r, CUT_EV_UNDO, "the commit had not been sent");
    case RECORD_COMMIT:
        if (!to->answered) {
            return not_yet_of(r->to, "the target has the decision and does not answer");
        }
        if (promoted && is_closed(r->kind, to)) {
            return flip_is(r, CUT_EV_PROMOTE, "the promotion was decided");
        }
        return flip_is(r, promoted ? CUT_EV_FORWARD : CUT_EV_RESOLVE, "the target decides");
    case RECORD_AFTER:
        return flip_is(r, CUT_EV_AFTER, "the target had been opened");
    case RECORD_UNDONE:
        return flip_is(r, CUT_EV_UNDO_AFTER, "the flip had been undone");
    case RECORD_IDLE:
        break;
    }
    UNREACHABLE();
}

static enum cutover_kind
kind_of_phase(const char *phase)
{
    static const struct {
        const char *phase;
        enum cutover_kind kind;
    } kinds[] = {
        {"leaving-physical", CUTOVER_PHYSICAL},
        {"leaving-two-way", CUTOVER_TWO_WAY},
        {"leaving-external", CUTOVER_EXTERNAL},
        {EXTERNAL_PHASE_PROMOTING, CUTOVER_EXTERNAL},
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        if (strcmp(phase, kinds[i].phase) == 0) {
            return kinds[i].kind;
        }
    }
    return CUTOVER_ONE_WAY;
}

/* Whose promotion decides. Somebody else's may be under way when everything had arrived: it is
 * asked for again, as with a record. */
static struct verdict
decide_leaving_promoted(const struct record *r, const struct look *from, const struct look *to)
{
    if (!is_closed(r->kind, to)) {
        return flip_is(r, CUT_EV_FORWARD, "the target has been promoted");
    }
    if (strcmp(from->phase, EXTERNAL_PHASE_PROMOTING) == 0) {
        return flip_is(r, CUT_EV_PROMOTE, "the promotion was decided");
    }
    return flip_is(r, CUT_EV_UNDO, "the target has not been promoted");
}

/* No record, and one side is leaving: the flip is read off the databases. */
static struct verdict
decide_leaving(const struct look look[SIDES_COUNT], enum side from)
{
    const struct look *f = &look[from];
    const struct look *t = &look[side_other(from)];
    if (!t->answered) {
        return not_yet_of(side_other(from), "a flip is under way, and its target does not answer");
    }
    struct record r = {.epoch = f->epoch,
                       .writer = from,
                       .flip_id = f->flip_id,
                       .from = from,
                       .to = side_other(from),
                       .kind = kind_of_phase(f->phase)};
    if (r.kind == CUTOVER_PHYSICAL || r.kind == CUTOVER_EXTERNAL) {
        return decide_leaving_promoted(&r, f, t);
    }
    return flip_is(&r, CUT_EV_RESOLVE, "a logical flip: the target's row decides");
}

static struct verdict
decide_unprepared(const struct look look[SIDES_COUNT], enum side initial)
{
    if (!look[initial].answered) {
        return not_yet_of(initial, "the initial writer does not answer");
    }
    if (look[initial].in_recovery) {
        return not_yet_of(initial, "the initial writer is in recovery");
    }
    if (look[initial].prepared) {
        return not_yet("neither side says that it is the writer");
    }
    return writer_is(initial, 1, "nothing is prepared: the configured initial writer");
}

/* Both sides name the same writer, which is fenced: an undo or a start of a flip was cut off. */
static struct verdict
decide_fenced(const struct look look[SIDES_COUNT], enum side initial, bool external)
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
                                     .kind = external         ? CUTOVER_EXTERNAL
                                             : o->in_recovery ? CUTOVER_PHYSICAL
                                                              : CUTOVER_ONE_WAY};
            return flip_is(&r, CUT_EV_UNDO, "the writer was left fenced");
        }
    }
    return decide_unprepared(look, initial);
}

/* There is no record: the sides must know. */
static struct verdict
decide_blind(const struct look look[SIDES_COUNT], enum side initial, bool external)
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
        if (is_leaving(l) && l->epoch > 0 && !l->in_recovery && l->writer_known &&
            (int)l->writer == s) {
            return decide_leaving(look, (enum side)s);
        }
    }
    return decide_fenced(look, initial, external);
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

/* A record of another pair, or from before the hosts changed places: the side that it takes for the
 * writer says of itself that it follows, in no later epoch. */
static bool
record_is_foreign(const struct record *r, const struct look look[SIDES_COUNT])
{
    const struct look *l = &look[r->writer];
    return l->answered && l->prepared && l->epoch > 0 && l->epoch <= r->epoch && l->writer_known &&
           l->writer != r->writer;
}

static struct verdict
decide(const struct cutover *c)
{
    const struct record *r = &c->journal.record;
    const struct look *look = c->looks.of;
    if (look[SIDE_BLUE].is_other_side || look[SIDE_GREEN].is_other_side) {
        return not_yet("the servers of blue and green have changed places: see [blue] and [green]");
    }
    if (r->epoch > 0 && record_is_foreign(r, look)) {
        return not_yet("the state file is not that of this pair: its writer says that it follows. "
                       "Take the right file, or none: then the databases decide");
    }
    if (r->epoch == 0 || flip_is_history(r, look)) {
        return decide_blind(look, c->config.initial_writer, c->config.external);
    }
    return r->phase == RECORD_IDLE ? decide_idle(r, look) : decide_flip(r, look);
}

/* ---- what follows ---- */

static void
verdict_take(struct cutover *c, const struct verdict *v)
{
    /* Behind the release the record has the new epoch already; the flip counts from the old one. */
    const uint64_t epoch = v->event == CUT_EV_AFTER ? v->epoch - 1 : v->epoch;
    journal_writer(c, v->writer, epoch);
    if (v->event != CUT_EV_OK) {
        flip_begin_again(c, &v->flip, epoch);
        journal_flip(c);
    }
}

/* With the error of the side that it is about, and of no other. */
static void
log_not_yet(const struct cutover *c, const struct verdict *v)
{
    static const char text[] = "the writer is not known: writes stay held";
    if (v->about_one) {
        log_error(NULL, text, "reason=\"%s\" side=%s address=%s error=\"%s\"", v->reason,
                  side_name(v->about), c->config.address[v->about], c->looks.of[v->about].err.text);
    } else {
        log_error(NULL, text, "reason=\"%s\"", v->reason);
    }
}

static enum cutover_event
look(struct cutover *c)
{
    return machine_script(&c->machine, SCRIPT_RECOVER_LOOK);
}

enum cutover_event
recover_looked(struct cutover *c)
{
    CHECK(!c->journal.route.writes_known && c->journal.route.writes_held);
    const struct verdict v = decide(c);
    if (v.event == CUT_EV_FAIL && c->looks.one) {
        look_at_both(c);
        return look(c);
    }
    if (v.event == CUT_EV_FAIL) {
        if (c->recover->looks_in_vain++ % LOG_EVERY == 0) {
            log_not_yet(c, &v);
        }
        return report_fail(&c->report, SQLSTATE_CANNOT_CONNECT_NOW, "the writer is not known: %s",
                           v.reason);
    }
    log_info(NULL, "start-up has decided", "writer=%s epoch=%" PRIu64 " next=%s reason=\"%s\"",
             side_name(v.writer), v.epoch, cutover_event_name(v.event), v.reason);
    verdict_take(c, &v);
    return v.event;
}

/* A record without a flip needs the writer's word only: the other side may be down. */
enum cutover_event
recover_begin(struct cutover *c)
{
    const struct record *r = &c->journal.record;
    if (r->epoch > 0 && r->phase == RECORD_IDLE) {
        look_at(c, r->writer);
    } else {
        look_at_both(c);
    }
    return look(c);
}
