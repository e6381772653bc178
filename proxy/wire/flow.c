/* flow.c — who owes whom a reply. See flow.h.
 *
 * One table says which reply types may answer which kind of request and whether they finish it.
 * What is not in the table was not asked for. */
/* SPDX-License-Identifier: PostgreSQL */
#include "wire/flow.h"

#include <string.h>

#include "base/mem.h"

enum { NOT_OWED = 0, GOES_ON = 1, FINISHES = 2 };

static const uint8_t replies[FLOW_KINDS_COUNT][128] = {
    [FLOW_PARSE] = {['1'] = FINISHES},
    [FLOW_BIND] = {['2'] = FINISHES},
    [FLOW_DESCRIBE] = {['t'] = GOES_ON, ['T'] = FINISHES, ['n'] = FINISHES},
    [FLOW_EXECUTE] = {['D'] = GOES_ON,
                      ['G'] = GOES_ON,
                      ['H'] = GOES_ON,
                      ['d'] = GOES_ON,
                      ['c'] = GOES_ON,
                      ['C'] = FINISHES,
                      ['I'] = FINISHES,
                      ['s'] = FINISHES},
    [FLOW_CLOSE] = {['3'] = FINISHES},
    [FLOW_SYNC] = {['Z'] = FINISHES},
    [FLOW_QUERY] = {['T'] = GOES_ON,
                    ['D'] = GOES_ON,
                    ['C'] = GOES_ON,
                    ['I'] = GOES_ON,
                    ['G'] = GOES_ON,
                    ['H'] = GOES_ON,
                    ['d'] = GOES_ON,
                    ['c'] = GOES_ON,
                    ['Z'] = FINISHES},
    [FLOW_FUNCTION] = {['V'] = GOES_ON, ['Z'] = FINISHES},
};

_Static_assert(FLOW_KINDS_COUNT <= UINT8_MAX, "a kind is one byte of an entry");
_Static_assert((FLOW_INLINE & (FLOW_INLINE - 1)) == 0 &&
                   (FLOW_ENTRIES_MAX & (FLOW_ENTRIES_MAX - 1)) == 0,
               "the size is a power of two from first to last");

/* What was seen last of the answer to a simple query or a function call. */
enum { SEEN_NOTHING, SEEN_ROW_HEAD, SEEN_END };

void
flow_init(struct flow *f)
{
    *f = (struct flow){.size = FLOW_INLINE, .txn = 'I'};
    f->entries = f->inline_entries;
}

void
flow_fini(struct flow *f)
{
    if (f->entries != f->inline_entries) {
        mem_free(f->entries);
    }
    flow_init(f);
}

bool
flow_empty(const struct flow *f)
{
    return f->count == 0;
}

static struct flow_entry *
flow_at(const struct flow *f, uint32_t i)
{
    CHECK(i < f->count);
    return &f->entries[(f->head + i) & (f->size - 1)];
}

const struct flow_entry *
flow_head(const struct flow *f)
{
    return flow_at(f, 0);
}

static void
flow_grow(struct flow *f)
{
    CHECK(f->count == f->size && f->size < FLOW_ENTRIES_MAX);
    struct flow_entry *grown = xcalloc(2 * (size_t)f->size, sizeof(*grown));
    for (uint32_t i = 0; i < f->count; i++) {
        grown[i] = *flow_at(f, i);
    }
    if (f->entries != f->inline_entries) {
        mem_free(f->entries);
    }
    f->entries = grown;
    f->size *= 2;
    f->head = 0;
}

bool
flow_has_room(const struct flow *f, uint32_t n)
{
    CHECK(f->count <= FLOW_ENTRIES_MAX);
    return n <= FLOW_ENTRIES_MAX - f->count;
}

bool
flow_push(struct flow *f, enum flow_kind kind, enum flow_action action, struct flow_tag tag)
{
    CHECK(kind < FLOW_KINDS_COUNT);
    if (f->skipping && kind != FLOW_SYNC) {
        return true;
    }
    if (f->copy_in && kind == FLOW_SYNC) {
        f->syncs_ignored = true;
        return true;
    }
    if (f->count == FLOW_ENTRIES_MAX) {
        return false;
    }
    if (f->count == f->size) {
        flow_grow(f);
    }
    f->skipping = false;
    f->copy_in = f->copy_in && action == FLOW_LOCAL; /* what is not of the COPY makes it fail */
    f->count++;
    *flow_at(f, f->count - 1) =
        (struct flow_entry){.kind = (uint8_t)kind, .action = (uint8_t)action, .tag = tag};
    return true;
}

static struct flow_entry
flow_pop(struct flow *f)
{
    CHECK(!f->copy_in); /* the COPY at the head has ended */
    const struct flow_entry entry = *flow_at(f, 0);
    f->head = (f->head + 1) & (f->size - 1);
    f->count--;
    f->seen = SEEN_NOTHING;
    return entry;
}

/* Outside a COPY the server ignores it, so it only counts if what was sent just before it turns out
 * to be one. */
void
flow_copy_done(struct flow *f)
{
    if (f->copy_in) {
        f->copy_in = false;
        return;
    }
    if (f->count > 0 && flow_at(f, f->count - 1)->copy_ends < UINT32_MAX) {
        flow_at(f, f->count - 1)->copy_ends++;
    }
}

/* The server has begun to read CopyData: it ignores the Syncs that were sent behind, up to the
 * CopyDone, if that was sent as well. What Teal answers itself never reached the server, so it
 * stays and hides no Sync. Anything else there ends the COPY with an error. */
static void
flow_enter_copy_in(struct flow *f)
{
    CHECK(flow_at(f, 0)->kind == FLOW_EXECUTE || flow_at(f, 0)->kind == FLOW_QUERY);
    uint32_t copy_ends = flow_at(f, 0)->copy_ends;
    bool fails = false;
    uint32_t end = 1;
    uint32_t kept = 1;
    for (; copy_ends == 0 && end < f->count; end++) {
        struct flow_entry next = *flow_at(f, end);
        fails = next.action != FLOW_LOCAL && next.kind != FLOW_SYNC;
        if (fails) {
            break;
        }
        copy_ends = next.copy_ends;
        next.copy_ends = 0;
        if (next.action == FLOW_LOCAL) {
            *flow_at(f, kept++) = next;
        } else {
            f->syncs_ignored = true;
        }
    }
    for (; kept < end && end < f->count; end++) {
        *flow_at(f, kept++) = *flow_at(f, end);
    }
    f->count = kept < end ? kept : f->count;
    f->copy_in = copy_ends == 0 && !fails;
    flow_at(f, 0)->copy_ends = copy_ends == 0 ? 0 : copy_ends - 1;
    if (f->syncs_ignored && flow_at(f, 0)->kind == FLOW_EXECUTE) {
        f->txn = 'T';
    }
}

static void
flow_leave_copy_in(struct flow *f)
{
    f->copy_in = false;
    f->syncs_ignored = false;
}

/* In the extended protocol an error makes the server skip to the next Sync; a simple query, a
 * function call and a Sync itself (a commit that failed) are answered by their ReadyForQuery as
 * always. */
static struct flow_verdict
flow_error(struct flow *f, flow_dropped_fn *dropped, void *arg)
{
    f->doubtful = f->doubtful || f->syncs_ignored;
    flow_leave_copy_in(f);
    if (f->count == 0) {
        return (struct flow_verdict){.action = FLOW_FORWARD};
    }
    const struct flow_verdict verdict = {.action = flow_head(f)->action, .entry = *flow_head(f)};
    const uint8_t kind = flow_head(f)->kind;
    if (kind == FLOW_QUERY || kind == FLOW_FUNCTION || kind == FLOW_SYNC) {
        f->seen = SEEN_END;
        return verdict;
    }
    while (f->count > 0 && flow_head(f)->kind != FLOW_SYNC) {
        const struct flow_entry entry = flow_pop(f);
        if (dropped != NULL) {
            dropped(arg, &entry);
        }
    }
    f->skipping = f->count == 0;
    CHECK(!f->copy_in && (f->skipping || flow_head(f)->kind == FLOW_SYNC));
    return verdict;
}

static bool
flow_take_txn(struct flow *f, uint8_t state)
{
    if (state != 'I' && state != 'T' && state != 'E') {
        return false;
    }
    f->txn = state;
    return true;
}

/* Whether the reply can be one to the head after what was seen of the answer: a ReadyForQuery or a
 * row of somebody else's would come without what belongs before it. A doubtful flow may be owed a
 * ReadyForQuery more, and serves nobody else. */
static bool
flow_in_order(struct flow *f, enum flow_kind kind, uint8_t type)
{
    if (f->doubtful || (kind != FLOW_QUERY && kind != FLOW_FUNCTION)) {
        return true;
    }
    switch (type) {
    case 'T':
        f->seen = SEEN_ROW_HEAD;
        return true;
    case 'D':
        return f->seen == SEEN_ROW_HEAD;
    case 'C':
    case 'I':
    case 'V':
        f->seen = SEEN_END;
        return true;
    case 'Z':
        return f->seen == SEEN_END;
    default:
        return true;
    }
}

/* A COPY IN failed before the server had read the Sync behind it, and this is the answer. */
static bool
flow_sync_was_read(struct flow *f, uint8_t state)
{
    if (!f->skipping || !f->doubtful || !flow_take_txn(f, state)) {
        return false;
    }
    f->skipping = false;
    return true;
}

struct flow_verdict
flow_reply(struct flow *f, uint8_t type, uint8_t first, flow_dropped_fn *dropped, void *arg)
{
    if (type == 'E') {
        return flow_error(f, dropped, arg);
    }
    static const struct flow_verdict bad = {.bad = true};
    static const struct flow_verdict sync_answered = {
        .action = FLOW_FORWARD, .done = true, .entry = {.kind = FLOW_SYNC}};
    if (f->count == 0) {
        return type == 'Z' && flow_sync_was_read(f, first) ? sync_answered : bad;
    }
    if (type >= 128) {
        return bad;
    }
    const struct flow_entry *head = flow_head(f);
    /* The owner takes local entries as soon as they are at the head. */
    CHECK(head->action != FLOW_LOCAL);
    const uint8_t step = replies[head->kind][type];
    if (step == NOT_OWED || (f->copy_in && type != 'C') ||
        !flow_in_order(f, (enum flow_kind)head->kind, type)) {
        return bad;
    }
    if (type == 'Z' && !flow_take_txn(f, first)) {
        return bad;
    }
    if (type == 'G') {
        flow_enter_copy_in(f);
    }
    if (type == 'C' || step == FINISHES) {
        flow_leave_copy_in(f);
    }
    struct flow_verdict verdict = {.action = flow_head(f)->action};
    if (step == FINISHES) {
        verdict.done = true;
        verdict.entry = flow_pop(f);
    }
    return verdict;
}

bool
flow_take_local(struct flow *f, struct flow_entry *out)
{
    if (f->count == 0 || flow_head(f)->action != FLOW_LOCAL) {
        return false;
    }
    *out = flow_pop(f);
    return true;
}
